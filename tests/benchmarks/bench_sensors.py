"""Requests an interval for sensors that wait in the triggerer: ``python tests/benchmarks/bench_sensors.py``.

The triggers run under Airflow's own shared-stream manager, as its triggerer runs them, against the sandbox over HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from statistics import median

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="partnero-bench-"))
logging.disable(logging.WARNING)

INTERVAL = 2.0  # seconds
INTERVALS = 5


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


def main() -> None:
    """Print the table."""
    from airflow_provider_partnero.sandbox import Sandbox

    with Sandbox() as sandbox:
        os.environ["AIRFLOW_CONN_PARTNERO_DEFAULT"] = sandbox.connection_json
        print(f"requests per interval of {INTERVAL:g} s, median of {INTERVALS} intervals")
        for sensors, webhooks in ((1, 1_000), (5, 1_000), (100, 1_000), (1_000, 1_000), (1_000, 10_000)):
            shared = asyncio.run(requests_per_interval(sandbox, sensors, webhooks, shared=True))
            print(f"{sensors:>6,} sensors, {webhooks:>6,} webhooks: {shared:>6g} shared (alone: {sensors})")


if __name__ == "__main__":
    main()
