"""What sensors cost that wait in the triggerer: ``python -m tests.benchmarks.bench_sensors``.

First the requests an interval, then how late everything else on the event loop is because of them.

The triggers run under Airflow's own shared-stream manager, as its triggerer runs them, against the sandbox over HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from .own_sandbox import TOKEN, own_sandbox

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="partnero-bench-"))
logging.disable(logging.WARNING)

INTERVAL = 2.0  # seconds
INTERVALS = 5
CONNECTIONS = 1_000
LONG_INTERVAL = 60.0  # seconds


async def requests_per_interval(sandbox: object, sensors: int, webhooks: int, *, shared: bool) -> float:
    """Median over the intervals, of ``sensors`` triggers that wait in a programme of ``webhooks``."""
    from airflow.triggers.shared_stream import SharedStreamManager

    from airflow_provider_partnero.sandbox import Sandbox
    from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger

    assert isinstance(sandbox, Sandbox)
    sandbox.reset()
    sandbox.put_webhooks(
        {
            "key": f"bench{n:07d}",
            "name": f"bench {n}",
            "url": "https://a.example/",
            "is_active": False,
            "events": ["partner.created"],
        }
        for n in range(webhooks)
    )
    manager = SharedStreamManager()
    triggers = [PartneroWebhookActiveTrigger(f"bench{n:07d}", poke_interval=INTERVAL) for n in range(sensors)]

    async def wait(number: int, trigger: PartneroWebhookActiveTrigger) -> None:
        stream = manager.subscribe(trigger_id=number, trigger=trigger, key=trigger.shared_stream_key())
        async for _ in trigger.filter_shared_stream(stream) if shared else trigger.run():
            return

    tasks = [asyncio.create_task(wait(number, trigger)) for number, trigger in enumerate(triggers)]
    await asyncio.sleep(INTERVAL * 1.5)
    sandbox.clear_requests()
    counts = []
    for _ in range(INTERVALS):
        before = len(sandbox.requests())
        await asyncio.sleep(INTERVAL)
        counts.append(len(sandbox.requests()) - before)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await manager.stop_all()
    return median(counts)


async def latenesses(intervals: int = 2) -> list[float]:
    """Seconds by which pauses of 0.1 s are too long beside triggers of a thousand connections, the longest first."""
    from airflow.triggers.shared_stream import SharedStreamManager

    from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger

    manager = SharedStreamManager()

    async def wait(number: int) -> None:
        trigger = PartneroWebhookActiveTrigger("absent", f"c{number}", LONG_INTERVAL, "wait")
        stream = manager.subscribe(trigger_id=number, trigger=trigger, key=trigger.shared_stream_key())
        async for _ in trigger.filter_shared_stream(stream):
            raise AssertionError("fired for a webhook that does not exist")

    late: list[float] = []

    async def watch() -> None:
        while True:
            started = time.monotonic()
            await asyncio.sleep(0.1)
            late.append(time.monotonic() - started - 0.1)

    tasks = [asyncio.create_task(watch())]
    for number in range(CONNECTIONS):
        tasks.append(asyncio.create_task(wait(number)))
        await asyncio.sleep(0)  # as Airflow's triggerer does
    await asyncio.sleep(LONG_INTERVAL * intervals)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await manager.stop_all()
    return sorted(late, reverse=True)


@contextmanager
def thousand_connections() -> Iterator[str]:
    """A sandbox in a process of its own; its address."""
    with own_sandbox() as control:
        for number in range(CONNECTIONS):
            os.environ[f"AIRFLOW_CONN_C{number}"] = (
                f"partnero://http://:{TOKEN}@{control.root_url.rpartition('/')[2]}/v1"
            )
        yield control.root_url


def print_requests() -> None:
    """The table of requests."""
    from airflow_provider_partnero.sandbox import Sandbox

    with Sandbox() as sandbox:
        os.environ["AIRFLOW_CONN_PARTNERO_DEFAULT"] = sandbox.connection_json
        print(f"requests per interval of {INTERVAL:g} s, median of {INTERVALS} intervals")
        for sensors, webhooks in ((1, 1_000), (5, 1_000), (100, 1_000), (1_000, 1_000), (1_000, 10_000)):
            shared = asyncio.run(requests_per_interval(sandbox, sensors, webhooks, shared=True))
            print(f"{sensors:>6,} sensors, {webhooks:>6,} webhooks: {shared:>6g} shared (alone: {sensors})")


def print_lateness() -> None:
    """The line on the event loop."""
    from airflow_provider_partnero.sandbox import SandboxControl

    with thousand_connections() as address:
        processor = time.process_time()
        late = asyncio.run(latenesses())
        processor = time.process_time() - processor
        polls = len(SandboxControl(address).requests())
    print(
        f"{CONNECTIONS:,} connections, a poll each {LONG_INTERVAL:g} s ({polls:,} polls, {processor:.0f} s of CPU): "
        f"a pause beside them is {late[0]:.2f} s late at most, {late[len(late) // 100]:.2f} s in 99 of 100 cases"
    )


if __name__ == "__main__":
    print_requests()
    print_lateness()
