"""What our commands add to every call of Airflow's CLI: ``python -m tests.benchmarks.bench_commands``.

Within one process: importing our group of commands and giving it to Airflow's parser, as ``airflow version`` does. And
whole calls of ``airflow version`` with and without our commands, in pairs: two runs of the same differ by more than
what is to be seen, so the spread of the differences is printed, too.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from statistics import median, quantiles

PAIRS = 11
LOADS = 15
MOST = 5.0  # ms of CPU that may be added

CALL = """
import airflow_provider_partnero as ours
if {without!r} == "without":
    with_commands = ours.get_provider_info
    ours.get_provider_info = lambda: {{name: part for name, part in with_commands().items() if name != "cli"}}
import sys
sys.argv = ["airflow", "version"]
from airflow.__main__ import main
main()
"""
LOAD = """
import sys, time
sys.argv = ["airflow", "version"]
import airflow_provider_partnero as ours
with_commands = ours.get_provider_info
ours.get_provider_info = lambda: {name: part for name, part in with_commands().items() if name != "cli"}
from airflow.cli import cli_parser
subparsers = cli_parser.DefaultHelpParser().add_subparsers()
cli_parser._add_command(subparsers, cli_parser.ALL_COMMANDS_DICT["assets"])  # what the first of all groups costs
start = time.process_time()
from airflow_provider_partnero.commands.airflow_cli import get_commands
for command in get_commands():
    cli_parser._add_command(subparsers, command)
assert "airflow_provider_partnero.commands.definitions" not in sys.modules
print((time.process_time() - start) * 1000)
"""


def cpu_of(code: str) -> tuple[float, str]:
    """The CPU milliseconds of a fresh Python with a piece of code, and the last line that it prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = _children()
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return _children() - before, done.stdout.splitlines()[-1]


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def in_pairs(codes: Sequence[str], pairs: int) -> list[tuple[float, float]]:
    """The CPU milliseconds of two pieces of code, side by side; every second pair in reverse."""
    for code in codes:
        cpu_of(code)  # writes byte-code
    seen = []
    for number in range(pairs):
        ordered = codes if number % 2 == 0 else [*reversed(codes)]
        used = [cpu_of(code)[0] for code in ordered]
        seen.append((used[0], used[1]) if number % 2 == 0 else (used[1], used[0]))
    return seen


def main() -> None:
    """Print the medians."""
    loads = [float(cpu_of(LOAD)[1]) for _ in range(LOADS + 1)][1:]  # the first run writes byte-code
    verdict = "within" if median(loads) <= MOST else "MORE THAN"
    print(f"Within one process: {median(loads):.2f} ms CPU, {verdict} the {MOST:g} ms allowed (median of {LOADS})")
    seen = in_pairs([CALL.format(without="without"), CALL.format(without="with")], PAIRS)
    added = [other - one for one, other in seen]
    low, _, high = quantiles(added, n=4)
    print(
        f"airflow version: {median(one for one, _ in seen):.0f} ms CPU without our commands; with them "
        f"{median(added):+.1f} ms (half of the pairs between {low:+.1f} and {high:+.1f}), "
        f"{median(other / one for one, other in seen):.4f} times (medians of {PAIRS} pairs)"
    )


if __name__ == "__main__":
    main()
