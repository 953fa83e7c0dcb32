"""A process that waits as a peer does, until it is ended: ``python -m tests.benchmarks.against.waiting_process``."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .places import Place, connected, task_context

_AT_ONCE = 8  # as many connections as ours has


def key(number: int) -> str:
    """The key of a webhook that is waited for."""
    return f"bench{number:07d}"


async def shared_stream(place: Place, sensors: int, interval: float) -> None:
    """Our deferred sensors, under Airflow's own manager of shared streams, as its triggerer runs them."""
    from airflow.triggers.shared_stream import SharedStreamManager

    from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger

    manager = SharedStreamManager()

    async def wait(number: int) -> None:
        trigger = PartneroWebhookActiveTrigger(key(number), place.partnero_conn_id, interval)
        stream = manager.subscribe(trigger_id=number, trigger=trigger, key=trigger.shared_stream_key())
        async for _ in trigger.filter_shared_stream(stream):
            raise AssertionError("fired for a webhook that is not active")

    await _all(wait, sensors)


async def http_triggers(place: Place, sensors: int, interval: float) -> None:
    """Deferred ``HttpSensor`` of webhooks that do not exist: it can wait for nothing else."""
    from airflow.providers.http.triggers.http import HttpSensorTrigger

    async def wait(number: int) -> None:
        trigger = HttpSensorTrigger(f"webhooks/absent{number}", place.http_conn_id, poke_interval=interval)
        async for _ in trigger.run():
            raise AssertionError("fired for a webhook that does not exist")

    await _all(wait, sensors)


async def on_asyncio(place: Place, sensors: int, interval: float) -> None:
    """One ``httpx`` client, and a task for each webhook, which looks again after an outage.

    A semaphore holds the tasks back: the client's own pool is slow when a thousand wait in it.
    """
    import httpx

    few = asyncio.Semaphore(_AT_ONCE)

    async with httpx.AsyncClient(headers=place.headers, timeout=httpx.Timeout(None)) as client:

        async def wait(number: int) -> None:
            while True:
                with suppress(httpx.TransportError):
                    async with few:
                        answer = await client.get(f"{place.base_url}/webhooks/{key(number)}")
                    if answer.json()["data"]["is_active"]:
                        raise AssertionError("it is not active")
                await asyncio.sleep(interval)

        await _all(wait, sensors)


async def _all(wait: Callable[[int], Any], sensors: int) -> None:
    await asyncio.gather(*(wait(number) for number in range(sensors)))


def poking(place: Place, number: int, interval: float) -> None:
    """One ``HttpSensor`` that pokes, as in a worker's process of its own."""
    from airflow.providers.http.sensors.http import HttpSensor

    HttpSensor(
        task_id="wait",
        http_conn_id=place.http_conn_id,
        endpoint=f"webhooks/{key(number)}",
        response_check=lambda response: response.json()["data"]["is_active"],
        poke_interval=interval,
    ).execute(task_context())


DEFERRED = {"ours": shared_stream, "airflow": http_triggers, "httpx": on_asyncio}


def main(way: str, base_url: str, token: str, sensors: str, interval: str) -> None:
    """Wait.

    :param way: a key of :data:`DEFERRED`, or "poking", whose ``sensors`` is the number of its webhook.
    """
    logging.disable(logging.ERROR)
    with connected(base_url, token) as place:
        if way == "poking":
            poking(place, int(sensors), float(interval))
        else:
            asyncio.run(DEFERRED[way](place, int(sensors), float(interval)))


if __name__ == "__main__":
    main(*sys.argv[1:])
