"""Added CPU time of importing ours: ``python tests/benchmarks/bench_import.py``.

Operators and sensor, over what any DAG file imports of ``airflow.sdk``; and the plugin, which every Airflow process
imports. Measured within fresh processes, with byte-code: two whole processes differ by more than what is to be seen.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

RUNS = 15
SDK = "from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, PokeReturnValue, task"
OPERATORS = "import airflow_provider_partnero.operators.partnero, airflow_provider_partnero.sensors.partnero"
PLUGIN = "import airflow_provider_partnero.plugin"
CODE = """
import sys, time
{before}
known, start = set(sys.modules), time.process_time()
{ours}
print(start * 1000, (time.process_time() - start) * 1000, "fastapi" in set(sys.modules) - known)
"""


def measured(before: str, ours: str) -> list[tuple[float, float, bool]]:
    """Of each run: CPU milliseconds before our import, those of our import, and whether FastAPI came along."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-W", "ignore", "-c", CODE.format(before=before, ours=ours)]
    seen = []
    for _ in range(RUNS + 1):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        start, added, fastapi = done.stdout.split()[-3:]
        seen.append((float(start), float(added), fastapi == "True"))
    return seen[1:]  # the first run writes byte-code


def main() -> None:
    """Print medians, and whether FastAPI came along."""
    for what, before, ours in (
        ("airflow.sdk", SDK, OPERATORS),
        ("airflow.plugins_manager", "import airflow.plugins_manager", PLUGIN),
    ):
        seen = measured(before, ours)
        start, added = (median(run[index] for run in seen) for index in (0, 1))
        share = median(100 * run[1] / run[0] for run in seen)
        print(f"Python and {what} {start:.0f} ms CPU; {ours}: {added:.1f} ms more, {share:.2f} % (medians of {RUNS})")
        print(f"FastAPI imported because of us: {'yes' if any(run[2] for run in seen) else 'no'}")


if __name__ == "__main__":
    main()
