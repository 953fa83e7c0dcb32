"""Real triggers beside the simulation: ``python -m tests.benchmarks.simulation.poll_costs``.

A thousand sensors wait for webhooks of twenty programmes, in one process, under Airflow's own shared streams and
against the sandbox over HTTP. It prints the requests of an interval, how old the answers are that the sensors have
heard, and what a request costs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="partnero-bench-"))
logging.disable(logging.WARNING)

SENSORS = 1_000
PROGRAMMES = 20
WEBHOOKS = 1_000
INTERVAL = 10.0  # seconds
INTERVALS = 6


@contextmanager
def sandbox() -> Iterator[str]:
    """A sandbox in a process of its own, and twenty connections to it; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "airflow_provider_partnero.sandbox", "--port", str(port), "--token", "token"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "Ctrl-C" not in process.stdout.readline():
            pass
        for number in range(PROGRAMMES):
            os.environ[f"AIRFLOW_CONN_C{number}"] = f"partnero://http://:token@127.0.0.1:{port}/v1"
        yield f"http://127.0.0.1:{port}"
        process.terminate()


async def wait_and_note(ages: list[float], heard: list[float], begin: Callable[[], None]) -> None:
    """Run the triggers for some intervals; note twice a second how long ago each has heard something.

    :param begin: is called when all have heard something.
    """
    from airflow.triggers.shared_stream import SharedStreamManager

    from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger

    class NotingTrigger(PartneroWebhookActiveTrigger):
        """Notes when it hears of its webhook."""

        def _event_for(self, result: Any) -> Any:
            if not result.trouble and self.webhook_key in result.webhooks:
                heard[int(self.webhook_key[3:])] = time.monotonic()
            return super()._event_for(result)

    manager = SharedStreamManager()

    async def wait(number: int) -> None:
        trigger = NotingTrigger(f"key{number}", f"c{number * PROGRAMMES // SENSORS}", INTERVAL)
        stream = manager.subscribe(trigger_id=number, trigger=trigger, key=trigger.shared_stream_key())
        async for _ in trigger.filter_shared_stream(stream):
            raise AssertionError("fired for a webhook that is not active")

    tasks = []
    for number in range(SENSORS):
        tasks.append(asyncio.create_task(wait(number)))
        await asyncio.sleep(INTERVAL / SENSORS)
    await asyncio.sleep(INTERVAL)
    begin()
    ends = time.monotonic() + INTERVAL * INTERVALS
    while time.monotonic() < ends:
        await asyncio.sleep(0.5)
        now = time.monotonic()
        ages += [now - at for at in heard]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await manager.stop_all()


def main() -> None:
    """Print the figures."""
    from airflow_provider_partnero.sandbox import SandboxControl

    with sandbox() as address:
        control = SandboxControl(address)
        events = ["partner.created"]
        control.put_webhooks(
            {"key": f"key{n}", "name": f"n{n}", "url": "https://a.example/", "is_active": False, "events": events}
            for n in range(WEBHOOKS)
        )
        ages: list[float] = []
        begun: list[float] = []

        def begin() -> None:
            control.clear_requests()
            begun.append(time.process_time())

        latency = answer_seconds()
        asyncio.run(wait_and_note(ages, [0.0] * SENSORS, begin))
        processor = time.process_time() - begun[0]
        requests = len(control.requests())
    ages.sort()
    print(f"{1000 * latency:.0f} ms for a page of the list, alone")
    print(f"{requests / INTERVALS:.0f} requests an interval of {INTERVAL:g} s")
    print(f"{processor / requests * 1000:.1f} ms of the processor for a request")
    print(f"ages: {median(ages):.1f} s, {ages[len(ages) * 99 // 100]:.1f} s, {ages[-1]:.1f} s")


def answer_seconds() -> float:
    """How long a page of the list takes by itself."""
    from airflow_provider_partnero.hooks.partnero import PartneroHook

    taken = []
    client = PartneroHook("c0").get_conn()
    for _ in range(30):
        started = time.perf_counter()
        client.list_webhooks(limit=100)
        taken.append(time.perf_counter() - started)
    return median(taken)


if __name__ == "__main__":
    main()
