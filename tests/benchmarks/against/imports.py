"""What a DAG file pays for an import, over what any DAG file imports of Airflow."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial

from .tables import Column, Finding, Subject, Table, in_turns, less, ratio

SDK = "from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, PokeReturnValue, task"
OURS, HTTP = "this provider's operators and sensor", "`HttpOperator`, `HttpSensor`"
OPERATORS = "import airflow_provider_partnero.operators.partnero, airflow_provider_partnero.sensors.partnero"
IMPORTS = {
    OURS: OPERATORS,
    HTTP: "import airflow.providers.http.operators.http, airflow.providers.http.sensors.http",
    "`requests`": "import requests",
    "PyPI `partnero`": "import partnero",
    "`httpx`": "import httpx",
}
_COLUMNS: dict[Column, str] = dict(zip(("ours", "airflow", "requests", "partnero", "httpx"), IMPORTS, strict=True))

CODE = """
import re, sys, time
def resident():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmRSS:\\s+([0-9]+) kB", status.read())[1]) / 1024
{before}
known, memory, start = set(sys.modules), resident(), time.process_time()
{added}
print(start * 1000, (time.process_time() - start) * 1000, resident() - memory, len(set(sys.modules) - known),
      "fastapi" in set(sys.modules) - known)
"""


@dataclass(frozen=True, slots=True)
class Import:
    """What one import cost.

    :param before: milliseconds of CPU of the process until then.
    :param milliseconds: of CPU.
    :param mebibytes: of resident memory.
    :param modules: how many it imported.
    :param fastapi: 1 if FastAPI is among them.
    """

    before: float
    milliseconds: float
    mebibytes: float
    modules: int
    fastapi: int


def cost_of(before: str, added: str) -> Import:
    """What an import costs after another, in a fresh process with byte-code."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-W", "ignore", "-c", CODE.format(before=before, added=added)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    start, milliseconds, mebibytes, modules, fastapi = done.stdout.split()[-5:]
    return Import(float(start), float(milliseconds), float(mebibytes), int(modules), int(fastapi == "True"))


def measured(rounds: int = 5) -> Subject:
    """Measure them all, after one import of ours that writes byte-code."""
    peers = {name: partial(cost_of, SDK, added) for name, added in IMPORTS.items()}
    cost_of(SDK, OPERATORS)
    return told(in_turns(peers, rounds))


def told(costs: dict[str, Import]) -> Subject:
    """What the costs of all imports say."""
    base = costs[OURS]
    rows = tuple(
        (
            name,
            f"{one.milliseconds:.1f} ms",
            ratio(one.milliseconds, base.milliseconds),
            f"{one.mebibytes:.1f} MiB",
            str(one.modules),
        )
        for name, one in costs.items()
    )
    return Subject(
        "Importing it in a DAG file",
        "Each in a fresh process with byte-code, over `from airflow.sdk import DAG, ...`, which itself takes "
        f"{base.before:.0f} ms of CPU. DAG files are parsed every few seconds. What `airflow.sdk` has imported "
        f"already costs "
        "nothing more.",
        (("", Table(("", "CPU", "times ours", "memory", "modules"), rows)),),
        less({name: one.milliseconds for name, one in costs.items()}, OURS, "less CPU is used by")
        + " And whoever imports a client within the task's function pays nothing when the file is parsed.",
        (
            Finding(
                "import in a DAG file: CPU, memory",
                {
                    column: f"{(one := costs[name]).milliseconds:.0f} ms, {one.mebibytes:.1f} MiB"
                    for column, name in _COLUMNS.items()
                },
            ),
        ),
    )
