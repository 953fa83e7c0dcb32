"""Reading all webhooks: how long, with how many requests, and whether it is right when the list shifts meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from airflow_provider_partnero.sandbox import Mutation, SandboxControl

from ..own_sandbox import TOKEN, own_sandbox
from .places import Place, connected, forget_secrets, import_peers, task_context
from .tables import Finding, Subject, Table, in_turns, less, ratio, seconds

CONCURRENCY = 8  # of the asyncio client; ours comes with it
OURS, CLIENT = "this provider's operator", "this provider's client"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is read.

    :param cases: how many webhooks, each with how many rounds.
    :param latency: seconds before each answer.
    :param shifting: how many webhooks, when the list shifts.
    """

    cases: tuple[tuple[int, int], ...] = ((100, 7), (1_000, 5), (10_000, 3))
    latency: float = 0.02
    shifting: int = 300


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading."""

    seconds: float
    requests: int


@dataclass(frozen=True, slots=True)
class Shift:
    """What a reading has that was made while the list shifted.

    :param missing: webhooks that were there all the time, and are not in it.
    :param doubled: webhooks that are in it twice.
    :param gone: webhooks that are in it, and no longer there.
    """

    missing: int
    doubled: int
    gone: int


def operator(place: Place) -> list[str]:
    """Our operator."""
    from airflow_provider_partnero.operators.partnero import PartneroListWebhooksOperator

    read = PartneroListWebhooksOperator(task_id="read", partnero_conn_id=place.partnero_conn_id)
    return [webhook["key"] for webhook in read.execute(task_context())]


def client(place: Place) -> list[str]:
    """Our client, without Airflow."""
    from airflow_provider_partnero.api import PartneroClient

    with PartneroClient(place.token, place.base_url) as partnero:
        return [webhook.key for webhook in partnero.iter_webhooks()]


def http_operator(place: Place) -> list[str]:
    """Airflow's ``HttpOperator`` with a ``pagination_function``, as its guide shows."""
    from airflow.providers.http.operators.http import HttpOperator

    def next_page(response: Any) -> dict[str, Any] | None:
        body = response.json()
        return {"data": {"page": body["meta"]["current_page"] + 1}} if body["links"]["next"] else None

    read = HttpOperator(
        task_id="read",
        http_conn_id=place.http_conn_id,
        method="GET",
        endpoint="webhooks",
        data={"limit": 100},
        pagination_function=next_page,
        response_filter=lambda pages: [webhook["key"] for page in pages for webhook in page.json()["data"]],
    )
    keys: list[str] = read.execute(task_context())
    return keys


def loop(place: Place) -> list[str]:
    """A ``requests`` session, looped over the pages."""
    import requests

    with requests.Session() as session:
        session.headers.update(place.headers)
        pages = f"{place.base_url}/webhooks"
        return _looped(lambda page: session.get(pages, params={"limit": 100, "page": page}, timeout=30).json())


def pypi(place: Place) -> list[str]:
    """The PyPI package ``partnero``, looped over its pages with the largest limit."""
    from partnero import PartneroClient  # type: ignore[import-untyped]

    partnero = PartneroClient(api_key=place.token)
    partnero.webhook.base_url = f"{place.base_url}/"
    return _looped(lambda page: partnero.webhook.list_webhooks(limit=100, page=page))


def _looped(read: Callable[[int], dict[str, Any]]) -> list[str]:
    keys: list[str] = []
    for page in itertools.count(1):
        body = read(page)
        keys += [webhook["key"] for webhook in body["data"]]
        if not body["links"]["next"]:
            break
    return keys


def on_asyncio(place: Place) -> list[str]:
    """``httpx`` on asyncio: a window of requests that runs ahead until a page is short."""
    import httpx

    async def read() -> list[str]:
        async with httpx.AsyncClient(headers=place.headers, timeout=30) as session:

            async def one(page: int) -> list[str]:
                answer = await session.get(f"{place.base_url}/webhooks", params={"limit": 100, "page": page})
                return [webhook["key"] for webhook in answer.json()["data"]]

            keys: list[str] = []
            numbers = itertools.count(1)
            window = deque(asyncio.ensure_future(one(next(numbers))) for _ in range(CONCURRENCY))
            while True:
                part = await window.popleft()
                keys += part
                if len(part) < 100:
                    for task in window:
                        task.cancel()
                    return keys
                window.append(asyncio.ensure_future(one(next(numbers))))

    return asyncio.run(read())


READERS: dict[str, Callable[[Place], list[str]]] = {
    OURS: operator,
    CLIENT: client,
    "`HttpOperator`": http_operator,
    "`requests` loop": loop,
    "PyPI `partnero`": pypi,
    "`httpx` on asyncio": on_asyncio,
}


def measured(size: Size = Size()) -> Subject:
    """Measure them all."""
    import_peers()
    with own_sandbox() as control, connected(f"{control.root_url}/v1", TOKEN) as place:
        times = {webhooks: _times(control, place, webhooks, rounds, size.latency) for webhooks, rounds in size.cases}
        shifts = {name: _shift(control, place, read, size.shifting) for name, read in READERS.items()}
    return _told(size, times, shifts)


def _times(control: SandboxControl, place: Place, webhooks: int, rounds: int, latency: float) -> dict[str, Reading]:
    control.reset()
    control.seed(webhooks)
    control.set_latency(latency)

    def once(read: Callable[[Place], list[str]]) -> Reading:
        forget_secrets()
        control.clear_requests()
        started = time.perf_counter()
        keys = read(place)
        taken = time.perf_counter() - started
        assert len(keys) == webhooks
        return Reading(taken, len(control.requests()))

    return in_turns({name: partial(once, read) for name, read in READERS.items()}, rounds)


def _shift(control: SandboxControl, place: Place, read: Callable[[Place], list[str]], webhooks: int) -> Shift:
    """Delete the oldest webhook before the second page, then, in another reading, add one before the oldest."""
    found = [_shifted(control, place, read, webhooks, mutation) for mutation in ("delete", "insert")]
    return Shift(*(sum(getattr(one, name) for one in found) for name in ("missing", "doubled", "gone")))


def _shifted(
    control: SandboxControl, place: Place, read: Callable[[Place], list[str]], webhooks: int, mutation: str
) -> Shift:
    control.reset()
    control.seed(webhooks)
    before = {webhook["key"] for webhook in control.webhooks()}
    change = Mutation(delete=control.webhooks()[0]["key"]) if mutation == "delete" else Mutation(insert={}, at="front")
    control.fault(method="GET", path="^/webhooks$", page=2, mutate=(change,))
    keys = read(place)
    after = {webhook["key"] for webhook in control.webhooks()}
    assert before != after
    return Shift(
        missing=len(before & after - set(keys)),
        doubled=sum(number - 1 for number in Counter(keys).values()),
        gone=len(set(keys) - after),
    )


def _told(size: Size, times: dict[int, dict[str, Reading]], shifts: dict[str, Shift]) -> Subject:
    numbers = list(times)
    many = times[numbers[1]]
    base = times[numbers[-1]][OURS].seconds
    head = ["", *(f"{webhooks:,}" for webhooks in numbers), "times ours", *(f"requests for {n:,}" for n in numbers)]
    rows = [
        (
            name,
            *(seconds(times[n][name].seconds) for n in numbers),
            ratio(times[numbers[-1]][name].seconds, base),
            *(str(times[n][name].requests) for n in numbers),
        )
        for name in READERS
    ]
    right = [(name, *map(str, (shift.missing, shift.doubled, shift.gone))) for name, shift in shifts.items()]
    columns = dict(zip(("ours", "airflow", "requests", "partnero", "httpx"), (OURS, *list(READERS)[2:]), strict=True))
    return Subject(
        "Reading all webhooks",
        f"Each answer takes {size.latency * 1000:g} ms. The operator reads until two readings hold the same "
        f"keys, hence "
        "twice the requests; everybody else reads once. Pages have 100 webhooks; the asyncio client runs eight "
        "pages ahead, "
        "as ours does.",
        (
            ("Webhooks, seconds and requests; the ratio is that of the longest list.", Table(tuple(head), tuple(rows))),
            (
                f"{size.shifting} webhooks, of which somebody deletes the oldest before the second page is read; and "
                "once more, while somebody adds one before the oldest.",
                Table(("", "missing", "doubled", "gone, but told"), tuple(right)),
            ),
        ),
        less(
            {name: of_one.seconds for name, of_one in times[numbers[-1]].items()},
            OURS,
            "the longest list is read sooner by",
        )
        + " Who needs no second reading for being sure saves half of the requests.",
        (
            Finding(
                f"read {numbers[1]:,} webhooks, {size.latency * 1000:g} ms an answer",
                {column: seconds(many[name].seconds) for column, name in columns.items()},  # type: ignore[misc]
            ),
            Finding(
                "the list shifts meanwhile: missed, doubled",
                {column: f"{shifts[name].missing}, {shifts[name].doubled}" for column, name in columns.items()},  # type: ignore[misc]
            ),
        ),
    )
