"""Added CPU time of importing ours: ``python -m tests.benchmarks.bench_import``.

Operators and sensor, over what any DAG file imports of ``airflow.sdk``; and the plugin, which every Airflow process
imports. Measured within fresh processes, with byte-code: two whole processes differ by more than what is to be seen.
"""

from __future__ import annotations

from statistics import median

from .against.imports import OPERATORS, SDK, cost_of

RUNS = 15
PLUGIN = "import airflow_provider_partnero.plugin"


def main() -> None:
    """Print medians, and whether FastAPI came along."""
    for what, before, ours in (
        ("airflow.sdk", SDK, OPERATORS),
        ("airflow.plugins_manager", "import airflow.plugins_manager", PLUGIN),
    ):
        cost_of(before, ours)  # writes byte-code
        seen = [cost_of(before, ours) for _ in range(RUNS)]
        start, added = median(run.before for run in seen), median(run.milliseconds for run in seen)
        share = median(100 * run.milliseconds / run.before for run in seen)
        print(f"Python and {what} {start:.0f} ms CPU; {ours}: {added:.1f} ms more, {share:.2f} % (medians of {RUNS})")
        print(f"FastAPI imported because of us: {'yes' if any(run.fastapi for run in seen) else 'no'}")


if __name__ == "__main__":
    main()
