"""A thousand sensors wait for a webhook to become active: requests, CPU and memory of those that wait."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from airflow_provider_partnero.sandbox import SandboxControl

from ...e2e.waiting import wait_for
from ..own_sandbox import TOKEN, own_sandbox
from .tables import Finding, Subject, Table, in_turns
from .waiting_process import key

OURS = "this provider, deferred"
WAYS = {OURS: "ours", "`HttpSensor`, deferred": "airflow", "`httpx` on asyncio": "httpx"}
POKING = "`HttpSensor` that pokes"


@dataclass(frozen=True, slots=True)
class Size:
    """How many wait, and for how long they are watched.

    :param sensors: also the number of webhooks in the programme.
    :param interval: seconds between two looks of a sensor.
    :param poking: how many sensors are started that have a process each; the figures of a thousand are scaled up.
    """

    rounds: int = 2
    sensors: int = 1_000
    interval: float = 10.0
    intervals: int = 1
    poking: int = 4


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waiting costs.

    :param requests: at Partnero, an interval.
    :param cpu: seconds an interval.
    :param mebibytes: resident.
    """

    requests: float
    cpu: float
    mebibytes: float

    def times(self, factor: float) -> Waiting:
        """What so many times as many sensors cost."""
        return Waiting(self.requests * factor, self.cpu * factor, self.mebibytes * factor)


def measured(size: Size = Size()) -> Subject:
    """Measure them all."""
    with own_sandbox() as control:
        peers = {name: partial(_deferred, control, way, size) for name, way in WAYS.items()}
        return _told(size, in_turns(peers | {POKING: partial(_poking, control, size)}, size.rounds))


def _deferred(control: SandboxControl, way: str, size: Size) -> Waiting:
    _fill(control, size)
    with _process(control, way, size.sensors, size.interval) as process:
        return _watched(control, [process], size, looks=1 if way == "ours" else size.sensors)


def _poking(control: SandboxControl, size: Size) -> Waiting:
    """A few sensors with a process each, scaled up."""
    _fill(control, size)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(_process(control, "poking", number, size.interval)) for number in range(size.poking)
        ]
        return _watched(control, processes, size, looks=size.poking).times(size.sensors / size.poking)


def _fill(control: SandboxControl, size: Size) -> None:
    control.reset()
    webhook = {"name": "bench", "url": "https://a.example/", "is_active": False, "events": ["partner.created"]}
    control.put_webhooks({"key": key(number), **webhook} for number in range(size.sensors))


@contextmanager
def _process(control: SandboxControl, way: str, sensors: int, interval: float) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits."""
    words = [way, f"{control.root_url}/v1", TOKEN, str(sensors), str(interval)]
    command = [sys.executable, "-W", "ignore", "-m", f"{__package__}.waiting_process", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def _watched(control: SandboxControl, processes: list[subprocess.Popen[bytes]], size: Size, looks: int) -> Waiting:
    """Watch processes for so many intervals, from when each sensor has looked once: so many requests."""

    def have_looked() -> bool:
        assert all(process.poll() is None for process in processes), "a process that should wait has ended"
        return len(control.requests()) >= looks

    wait_for(have_looked, "the first look of every sensor")
    time.sleep(size.interval / 2)
    control.clear_requests()
    before = sum(map(_cpu_seconds, processes))
    time.sleep(size.interval * size.intervals)
    used = sum(map(_cpu_seconds, processes)) - before
    requests = len(control.requests())
    memory = sum(map(_resident, processes))
    return Waiting(requests / size.intervals, used / size.intervals, memory)


def _cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(process: subprocess.Popen[bytes]) -> float:
    found = re.search(r"VmRSS:\s+([0-9]+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def _told(size: Size, found: dict[str, Waiting]) -> Subject:
    rows = tuple((name, *_cells(one)) for name, one in found.items())
    each = found[POKING].times(1 / size.sensors)
    columns = {"ours": OURS, "airflow": "`HttpSensor`, deferred", "httpx": "`httpx` on asyncio"}
    return Subject(
        f"{size.sensors:,} sensors waiting",
        f"A programme of {size.sensors:,} inactive webhooks, a sensor for each, and a look every "
        f"{size.interval:g} s. CPU and "
        "memory are those of the process that waits, with Python and Airflow in it. Ours runs under Airflow's "
        "manager of "
        "shared streams (Airflow 3.3; before, each sensor asks for itself). A deferred `HttpSensor` can only "
        "wait until "
        "something exists, so it waits for webhooks that do not: with a `response_check` it does not defer. One "
        "that pokes "
        f"has a process of its own; {size.poking} were started ({each.mebibytes:.0f} MiB each, without "
        f"Airflow's supervisor), "
        "and the figures are scaled up.",
        (("", Table(("", "requests an interval", "CPU an interval", "memory"), rows)),),
        "a few sensors cost a request each with everybody, ours included; an asyncio client that read the list once "
        "for all its tasks would send as few requests as ours, and needs less memory, since it is not Airflow.",
        (
            Finding(
                f"{size.sensors:,} sensors, a look every {size.interval:g} s: requests, CPU, memory",
                {column: ", ".join(_cells(found[name])) for column, name in columns.items()},  # type: ignore[misc]
            ),
        ),
    )


def _cells(one: Waiting) -> tuple[str, str, str]:
    memory = f"{one.mebibytes / 1024:.0f} GiB" if one.mebibytes > 10_000 else f"{one.mebibytes:.0f} MiB"
    return f"{one.requests:,.0f}", f"{one.cpu:.2f} s", memory
