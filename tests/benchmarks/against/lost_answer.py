"""A create that is carried out, and whose answer is lost: how many webhooks there are, and what the caller was told."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_partnero.sandbox import Fault, Sandbox, Wire

from .places import Place, connected, forget_secrets, import_peers, task_context
from .retrying import tenaciously, tenaciously_awaited
from .tables import Column, Finding, Subject, Table, in_turns, seconds, side_by_side

if TYPE_CHECKING:
    import requests

OURS = "this provider"
RETRIED: dict[Column, str] = {
    "ours": OURS,
    "airflow": "`HttpOperator`, the task's second try",
    "requests": "`requests`, `Retry` for POST",
    "partnero": "PyPI `partnero`, tenacity",
    "httpx": "`httpx` on asyncio, tenacity",
}
Loss = Literal["reset", "silence"]
LOSSES: dict[Loss, Fault] = {
    "reset": Fault(method="POST", path="^/webhooks$", drop="after"),
    "silence": Fault(method="POST", path="^/webhooks$", wire=Wire(stop_after="nothing")),
}
WAYS = {"reset": in_turns, "silence": side_by_side}  # whoever waits for an answer needs no processor
_HANGS = "nothing yet"


@dataclass(frozen=True, slots=True)
class Size:
    """How long it may take.

    :param timeout: seconds that a peer waits for an answer if it can be told so.
    :param patience: seconds after which nobody waits any longer for a peer.
    """

    rounds: int = 3
    timeout: float = 2.0
    patience: float = 10.0


@dataclass(frozen=True, slots=True)
class Created:
    """What became of one create.

    :param webhooks: how many there are.
    :param told: what the caller was told: "created", or the name of an error.
    """

    webhooks: int
    told: str
    seconds: float


def _body(place: Place) -> dict[str, Any]:
    return {"name": "CRM", "url": "https://crm.acme.example/x", "events": ["partner.created"]}


def operator(place: Place) -> None:
    """Our operator, its first try."""
    from airflow_provider_partnero.operators.partnero import PartneroCreateWebhookOperator

    made = PartneroCreateWebhookOperator(task_id="make", partnero_conn_id=place.partnero_conn_id, **_body(place))
    made.execute(task_context())


def http_operator(place: Place) -> None:
    """Airflow's ``HttpOperator``, one try."""
    from airflow.providers.http.operators.http import HttpOperator

    HttpOperator(
        task_id="make",
        http_conn_id=place.http_conn_id,
        endpoint="webhooks",
        data=json.dumps(_body(place)),
        headers={"Content-Type": "application/json"},
        extra_options={"timeout": place.timeout},
    ).execute(task_context())


def retried_task(place: Place) -> None:
    """The same in a task with ``retries=1``; how long Airflow waits between (``retry_delay``) is not counted."""
    try:
        http_operator(place)
    except Exception:
        http_operator(place)


def session(place: Place) -> None:
    """``requests`` with a time-out."""
    import requests

    with requests.Session() as posting:
        _sent(posting, place, _body(place))


def retrying_session(place: Place) -> None:
    """``requests`` with urllib3's ``Retry`` for every method."""
    _posted_again(place, _body(place))


def keyed_session(place: Place) -> None:
    """The same with a ``key`` of its own."""
    _posted_again(place, _body(place) | {"key": "crmOfAcme001"})


def _posted_again(place: Place, body: dict[str, Any]) -> None:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    with requests.Session() as posting:
        posting.mount("http://", HTTPAdapter(max_retries=Retry(3, backoff_factor=1, allowed_methods=None)))
        _sent(posting, place, body)


def _sent(posting: requests.Session, place: Place, body: dict[str, Any]) -> None:
    url = f"{place.base_url}/webhooks"
    posting.post(url, json=body, headers=place.headers, timeout=place.timeout).raise_for_status()


def pypi(place: Place) -> None:
    """The PyPI package ``partnero``, which takes no time-out."""
    from partnero import PartneroClient  # type: ignore[import-untyped]

    partnero = PartneroClient(api_key=place.token)
    partnero.webhook.base_url = f"{place.base_url}/"
    partnero.webhook.create_webhook(**_body(place))


def tenacious_pypi(place: Place) -> None:
    """The same with tenacity."""
    tenaciously(place, lambda: pypi(place))


def on_asyncio(place: Place) -> None:
    """``httpx`` on asyncio, with a time-out."""
    asyncio.run(_post(place))


def tenacious_asyncio(place: Place) -> None:
    """The same with tenacity."""
    asyncio.run(tenaciously_awaited(place, lambda: _post(place)))


async def _post(place: Place) -> None:
    import httpx

    async with httpx.AsyncClient(headers=place.headers, timeout=place.timeout) as posting:
        answer = await posting.post(f"{place.base_url}/webhooks", json=_body(place))
        answer.raise_for_status()


CREATORS: dict[str, Callable[[Place], None]] = {
    OURS: operator,
    "`HttpOperator`": http_operator,
    RETRIED["airflow"]: retried_task,
    "`requests`": session,
    RETRIED["requests"]: retrying_session,
    "`requests`, `Retry` for POST, a `key` of its own": keyed_session,
    "PyPI `partnero`": pypi,
    RETRIED["partnero"]: tenacious_pypi,
    "`httpx` on asyncio": on_asyncio,
    RETRIED["httpx"]: tenacious_asyncio,
}


def measured(size: Size = Size()) -> Subject:
    """Measure them all."""
    import_peers()
    found: dict[Loss, dict[str, Created]] = {}
    for loss in LOSSES:
        peers = {name: partial(created, create, loss, size) for name, create in CREATORS.items()}
        found[loss] = WAYS[loss](peers, size.rounds)
    return _told(size, found)


def created(create: Callable[[Place], None], loss: Loss, size: Size) -> Created:
    """One create whose first answer is lost."""
    forget_secrets()
    with Sandbox() as sandbox, connected(sandbox.base_url, sandbox.token, size.timeout) as place:
        sandbox.fault(LOSSES[loss])
        started = time.perf_counter()
        told = _outcome(lambda: create(place), size.patience)
        return Created(len(sandbox.webhooks()), told, time.perf_counter() - started)


def _outcome(call: Callable[[], None], patience: float) -> str:
    outcome = [_HANGS]

    def attempt() -> None:
        try:
            call()
            outcome[0] = "created"
        except Exception as error:
            outcome[0] = type(error).__name__

    caller = threading.Thread(target=attempt, daemon=True)
    caller.start()
    caller.join(patience)
    return outcome[0]


def _told(size: Size, found: dict[Loss, dict[str, Created]]) -> Subject:
    rows = [(name, *(cell for loss in LOSSES for cell in _cells(found[loss][name]))) for name in CREATORS]
    head = ("", "reset: webhooks", "told", "after", "silence: webhooks", "told", "after")
    waiting = [name for name, one in found["silence"].items() if one.told == _HANGS]
    lasting = f" Still waiting after {size.patience:g} s: {', '.join(waiting)}." if waiting else ""
    return Subject(
        "A create whose answer is lost",
        "Partnero makes the webhook; then the connection is reset, or nothing more comes. Right is one webhook, "
        "and to be "
        f"told so. Whoever takes a time-out has one of {size.timeout:g} s. tenacity is set as Airflow's HTTP "
        f"provider shows "
        "it: ten tries, waits of 1, 2, 4 s and so on. Airflow's `retry_delay` (5 minutes unless set) comes on top of a "
        "task's second try." + lasting,
        (("", Table(head, tuple(rows))),),
        "who does not look whether the webhook is there needs no second to know. A `key` of one's own prevents "
        "the second "
        "webhook, too, if Partnero refuses taken keys, which no source says; and the retry then ends with an error.",
        (
            Finding(
                "create, its answer lost, tried again: webhooks, told",
                {column: f"{(one := found['reset'][name]).webhooks}, {one.told}" for column, name in RETRIED.items()},
            ),
        ),
    )


def _cells(one: Created) -> tuple[str, str, str]:
    return str(one.webhooks), one.told if one.told in ("created", _HANGS) else f"`{one.told}`", seconds(one.seconds)
