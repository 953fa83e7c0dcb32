"""Added CPU time of importing our operators and sensor: ``python tests/benchmarks/bench_import.py``.

Over what any DAG file imports of ``airflow.sdk``; measured within fresh processes, with byte-code, since two whole
processes differ by more than what is to be seen.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

RUNS = 15
CODE = """
import time
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, PokeReturnValue, task
sdk = time.process_time()
import airflow_provider_partnero.operators.partnero, airflow_provider_partnero.sensors.partnero
print(sdk * 1000, (time.process_time() - sdk) * 1000)
"""


def main() -> None:
    """Print medians, and the share."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seen = []
    for _ in range(RUNS + 1):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CODE], env=environment, capture_output=True, text=True, check=True
        )
        sdk, ours = done.stdout.split()[-2:]
        seen.append((float(sdk), float(ours)))
    del seen[0]  # the first run writes byte-code
    sdk_ms, ours_ms = median(sdk for sdk, _ in seen), median(ours for _, ours in seen)
    share = median(100 * ours / sdk for sdk, ours in seen)
    print(f"Python and airflow.sdk {sdk_ms:.0f} ms, ours {ours_ms:.1f} ms more CPU: {share:.1f} % (medians of {RUNS})")


if __name__ == "__main__":
    main()
