"""Ten seconds of 429: who gets the list in the end, after how long, and with how many requests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from airflow_provider_partnero.sandbox import Profile, Sandbox

from ..own_sandbox import TOKEN, own_sandbox
from .places import Place, connected, import_peers, task_context
from .retrying import advice, tenaciously, tenaciously_awaited
from .tables import Column, Finding, Subject, Table, less, seconds, side_by_side

OURS = "this provider"
RETRIED: dict[Column, str] = {
    "ours": OURS,
    "airflow": "`HttpOperator`, tenacity",
    "requests": "`requests`, `Retry`",
    "partnero": "PyPI `partnero`, tenacity",
    "httpx": "`httpx` on asyncio, tenacity",
}
PROFILES = {"with": Profile(retry_after="seconds"), "without": Profile(retry_after="none")}
WEBHOOKS = 20  # fit into one page
_SENSOR_INTERVAL = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Size:
    """How long the limit lasts.

    :param window: seconds of 429.
    """

    rounds: int = 2
    window: float = 10.0


@dataclass(frozen=True, slots=True)
class Reached:
    """What became of one call.

    :param told: "the list", or the name of an error.
    :param requests: how many Partnero got.
    """

    told: str
    requests: int
    seconds: float


def operator(place: Place) -> None:
    """Our operator, one try."""
    from airflow_provider_partnero.operators.partnero import PartneroListWebhooksOperator

    PartneroListWebhooksOperator(task_id="list", partnero_conn_id=place.partnero_conn_id).execute(task_context())


def http_operator(place: Place, **options: Any) -> None:
    """Airflow's ``HttpOperator``, one try."""
    from airflow.providers.http.operators.http import HttpOperator

    HttpOperator(
        task_id="read",
        http_conn_id=place.http_conn_id,
        method="GET",
        endpoint="webhooks",
        data={"limit": 100},
        **options,
    ).execute(task_context())


def tenacious_http_operator(place: Place) -> None:
    """The same with ``retry_args``."""
    http_operator(place, retry_args=advice(place))


def session(place: Place, retries: Any = 0) -> None:
    """``requests``."""
    import requests
    from requests.adapters import HTTPAdapter

    with requests.Session() as getting:
        getting.mount("http://", HTTPAdapter(max_retries=retries))
        url = f"{place.base_url}/webhooks"
        getting.get(url, params={"limit": 100}, headers=place.headers, timeout=30).raise_for_status()


def retrying_session(place: Place) -> None:
    """The same with urllib3's ``Retry``, which keeps to ``Retry-After``."""
    from urllib3.util import Retry

    session(place, Retry(5, backoff_factor=1, status_forcelist=[429, 500, 502, 503, 504]))


def pypi(place: Place) -> None:
    """The PyPI package ``partnero``."""
    from partnero import PartneroClient  # type: ignore[import-untyped]

    partnero = PartneroClient(api_key=place.token)
    partnero.webhook.base_url = f"{place.base_url}/"
    partnero.webhook.list_webhooks(limit=100)


def tenacious_pypi(place: Place) -> None:
    """The same with tenacity."""
    tenaciously(place, lambda: pypi(place))


def on_asyncio(place: Place) -> None:
    """``httpx`` on asyncio."""
    asyncio.run(_get(place))


def tenacious_asyncio(place: Place) -> None:
    """The same with tenacity."""
    asyncio.run(tenaciously_awaited(place, lambda: _get(place)))


async def _get(place: Place) -> None:
    import httpx

    async with httpx.AsyncClient(headers=place.headers, timeout=30) as getting:
        (await getting.get(f"{place.base_url}/webhooks", params={"limit": 100})).raise_for_status()


CALLERS: dict[str, Callable[[Place], None]] = {
    OURS: operator,
    "`HttpOperator`": http_operator,
    RETRIED["airflow"]: tenacious_http_operator,
    "`requests`": session,
    RETRIED["requests"]: retrying_session,
    "PyPI `partnero`": pypi,
    RETRIED["partnero"]: tenacious_pypi,
    "`httpx` on asyncio": on_asyncio,
    RETRIED["httpx"]: tenacious_asyncio,
}


def measured(size: Size = Size()) -> Subject:
    """Measure them all, and two sensors that wait meanwhile."""
    import_peers()
    peers = {
        (form, name): partial(reached, call, size, profile)
        for form, profile in PROFILES.items()
        for name, call in CALLERS.items()
    }
    found = side_by_side(peers, size.rounds)
    told, silent = ({name: found[form, name] for name in CALLERS} for form in PROFILES)
    return _told(size, told, silent, sensors(size.window))


def reached(call: Callable[[Place], None], size: Size, profile: Profile) -> Reached:
    """One call, at a Partnero that has just begun to refuse."""
    with Sandbox(profile=profile) as sandbox, connected(sandbox.base_url, sandbox.token) as place:
        sandbox.seed(WEBHOOKS)
        sandbox.set_rate_limit(2, size.window)
        for _ in range(2):
            session(place)
        sandbox.clear_requests()
        started = time.perf_counter()
        told = "the list"
        try:
            call(place)
        except Exception as error:
            told = type(error).__name__
        return Reached(told, len(sandbox.requests()), time.perf_counter() - started)


def sensors(window: float) -> dict[str, int]:
    """How many requests a deferred sensor sends while there is nothing but 429."""
    from airflow.providers.http.triggers.http import HttpSensorTrigger

    from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger

    with own_sandbox() as control, connected(f"{control.root_url}/v1", TOKEN) as place:
        triggers = {
            OURS: PartneroWebhookActiveTrigger("absent", place.partnero_conn_id, _SENSOR_INTERVAL, "wait"),
            "`HttpSensor`": HttpSensorTrigger("webhooks/absent", place.http_conn_id, poke_interval=_SENSOR_INTERVAL),
        }
        found = {}
        for name, trigger in triggers.items():
            control.reset(Profile(retry_after="none"))
            control.fault(status=429, times=10**9)
            watcher = threading.Thread(target=asyncio.run, args=[_watched(trigger.run(), window)])
            watcher.start()
            watcher.join()
            found[name] = len(control.requests())
    return found


async def _watched(events: AsyncIterator[Any], window: float) -> None:
    async def wait() -> None:
        async for _ in events:
            raise AssertionError("fired for a webhook that does not exist")

    with suppress(TimeoutError):
        await asyncio.wait_for(wait(), window)


def _told(size: Size, with_header: dict[str, Reached], without: dict[str, Reached], waiting: dict[str, int]) -> Subject:
    rows = [(name, *(cell for one in (with_header[name], without[name]) for cell in _cells(one))) for name in CALLERS]
    head = ("", "`Retry-After`: got", "requests", "after", "none: got", "requests", "after")
    return Subject(
        f"{size.window:g} seconds of 429",
        "Partnero has just begun to refuse, and says with `Retry-After` when to come again, or does not. The "
        "call asks for "
        "one page. `Retry` is urllib3's for 429 with `backoff_factor=1`; tenacity is set as Airflow's HTTP "
        "provider shows "
        "it. All peers run at once, each against a Partnero of its own.",
        (
            ("", Table(head, tuple(rows))),
            (
                f"A deferred sensor with an interval of {_SENSOR_INTERVAL:g} s, that meets {size.window:g} s of 429.",
                Table(("", "requests"), tuple((name, f"{number:,}") for name, number in waiting.items())),
            ),
        ),
        "`requests` with `Retry` keeps to `Retry-After` as well as this provider; tenacity gets there, with more "
        "requests. Whoever does not retry knows at once. "
        + less(
            {name: without[name].seconds for name in RETRIED.values()},
            OURS,
            "Without `Retry-After`, of those who retry, the list is got sooner by",
        ),
        (
            Finding(
                f"{size.window:g} s of 429 with `Retry-After`: requests, seconds",
                {
                    column: f"{(one := with_header[name]).requests}, {seconds(one.seconds)}"
                    for column, name in RETRIED.items()
                },
            ),
            Finding(
                f"a deferred sensor in {size.window:g} s of 429: requests",
                {"ours": f"{waiting[OURS]:,}", "airflow": f"{waiting['`HttpSensor`']:,}"},
            ),
        ),
    )


def _cells(one: Reached) -> tuple[str, str, str]:
    return one.told if one.told == "the list" else f"`{one.told}`", str(one.requests), seconds(one.seconds)
