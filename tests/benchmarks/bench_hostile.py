"""Time and memory of one call to servers that drip, flood and lie: ``python -m tests.benchmarks.bench_hostile``.

Each call has a deadline of 5 s and one attempt. A process of its own makes it, after a polite call. Memory is how far
the peak of its resident set rises above what it had before the hostile call.
"""

from __future__ import annotations

import json
import subprocess
import sys

from tests.unit.api.hostile import ENDLESS, FLOODS, Talk, bomb, talking

DEADLINE = 5

_CALL = """
import json, re, sys, time
from airflow_provider_partnero.api import PartneroClient, PartneroError

def resident(field):
    with open("/proc/self/status") as status:
        return int(re.search(field + r":\\s+([0-9]+) kB", status.read())[1]) / 1024

polite, hostile, deadline = sys.argv[1:]
with PartneroClient("token", polite) as client:
    client.get_webhook("k")
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")  # the peak starts anew
before, cpu, started = resident("VmRSS"), time.process_time(), time.monotonic()
try:
    PartneroClient("token", hostile, timeout=(5, 30), max_attempts=1, deadline=float(deadline)).get_webhook("k")
    outcome = "an answer"
except PartneroError as error:
    outcome = type(error).__name__
seconds = time.monotonic() - started
print(json.dumps([seconds, time.process_time() - cpu, resident("VmHWM") - before, outcome]))
"""

_WEBHOOK = {"key": "k", "name": "n", "url": "https://x.example/", "is_active": True, "events": ["partner.created"]}


def _polite(name: str = "n") -> Talk:
    body = json.dumps({"data": _WEBHOOK | {"name": name}}, ensure_ascii=False).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    return lambda connection: connection.sendall(answer)


def measured(talk: Talk) -> tuple[float, float, float, str]:
    """Seconds, seconds of CPU, MiB and outcome of a call to a server that talks in this way."""
    with talking(_polite()) as polite, talking(talk) as hostile:
        command = [sys.executable, "-c", _CALL, polite, hostile, str(DEADLINE)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    seconds, cpu, mebibytes, outcome = json.loads(done.stdout)
    return seconds, cpu, mebibytes, outcome


def main() -> None:
    """Print the table."""
    print(f"deadline {DEADLINE} s, timeout (5, 30) s, one attempt")
    print(f"{'':30} {'time':>8} {'CPU':>8} {'memory':>10}  outcome")
    for size in (1 << 30, 1 << 28):
        bomb(size)  # takes seconds to make
    large = {
        "a name of 8 MiB": _polite("n" * (8 * 1024**2 - 1000)),
        "a name of 8 MiB, 4 bytes each": _polite("\U0001f600" * (2 * 1024**2 - 1000)),
        "an emoji and 8 MiB of ASCII": _polite("\U0001f600" + "n" * (8 * 1024**2 - 1000)),
    }
    for case, talk in {**ENDLESS, **FLOODS, **large}.items():
        seconds, cpu, mebibytes, outcome = measured(talk)
        print(f"{case:30} {seconds:6.2f} s {cpu:6.2f} s {mebibytes:6.1f} MiB  {outcome}", flush=True)


if __name__ == "__main__":
    main()
