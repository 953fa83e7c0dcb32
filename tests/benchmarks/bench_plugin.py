"""CPU time that our plugin adds to every Airflow process: ``python tests/benchmarks/bench_plugin.py``.

Measured within fresh processes that have imported what any Airflow process has, with byte-code.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

RUNS = 15
CODE = """
import airflow.plugins_manager, sys, time
before = set(sys.modules)
start = time.process_time()
import airflow_provider_partnero.plugin
print((time.process_time() - start) * 1000, "fastapi" in set(sys.modules) - before)
"""


def main() -> None:
    """Print the median and whether FastAPI came along."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seen = []
    for _ in range(RUNS + 1):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CODE], env=environment, capture_output=True, text=True, check=True
        )
        milliseconds, fastapi = done.stdout.split()[-2:]
        seen.append((float(milliseconds), fastapi))
    times = [milliseconds for milliseconds, _ in seen[1:]]
    print(f"the plugin adds {median(times):.2f} ms CPU (median of {RUNS}, highest {max(times):.2f} ms)")
    print(f"FastAPI imported because of us: {'yes' if 'True' in {fastapi for _, fastapi in seen} else 'no'}")


if __name__ == "__main__":
    main()
