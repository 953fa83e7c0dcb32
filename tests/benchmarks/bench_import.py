"""Added CPU time of importing our operators and sensor: ``python tests/benchmarks/bench_import.py``.

Over what any DAG file imports of ``airflow.sdk``; whole processes in alternating runs, with byte-code.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from statistics import median

PAIRS = 15
SDK = "from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, PokeReturnValue, task"
OURS = f"{SDK}; import airflow_provider_partnero.operators.partnero, airflow_provider_partnero.sensors.partnero"


def cpu_seconds(code: str) -> float:
    """User and system time of a fresh interpreter that runs the code."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print medians, the difference and its share."""
    for code in (SDK, OURS):
        cpu_seconds(code)
    pairs = [(cpu_seconds(SDK), cpu_seconds(OURS)) for _ in range(PAIRS)]
    sdk, ours = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    added = median(pair[1] - pair[0] for pair in pairs)
    print(f"airflow.sdk {sdk * 1000:.0f} ms, with ours {ours * 1000:.0f} ms CPU (medians of {PAIRS} pairs)")
    print(f"added {added * 1000:.1f} ms, {100 * added / sdk:.1f} % of airflow.sdk")


if __name__ == "__main__":
    main()
