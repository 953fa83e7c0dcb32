"""Deliveries to a receiver, signed as Partnero signs them, and sent again until they are acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import repeat
from typing import TypeVar

import pytest
import requests

from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.deliveries import Envelope, sealed

from .waiting import HTTP_PATIENCE, PATIENCE

Item = TypeVar("Item")
Result = TypeVar("Result")

PATH = "/partnero/webhooks/partnero_default"
COME_AGAIN = {408, 429, 502, 503, 504}  # two of them are a proxy's, whose servers are gone
# A slow receiver may record a delivery after it has said "come again": then the next attempt is a duplicate.
TAKEN = {"accepted", "duplicate"}
SENDERS = 8
_PAUSE = 0.25  # seconds


def envelope(sandbox: Sandbox, event: str, key: str, at: datetime | None = None) -> Envelope:
    """A delivery of an event to the one webhook that is to get it."""
    [one] = sealed(event, {"key": key}, sandbox.webhooks(), Profile(), at)
    return one


def envelopes(sandbox: Sandbox, event: str, keys: Sequence[str]) -> list[Envelope]:
    """The same, of many."""
    webhooks = sandbox.webhooks()
    return [one for key in keys for one in sealed(event, {"key": key}, webhooks, Profile())]


def settled(send: Callable[[], requests.Response]) -> requests.Response:
    """The answer to a delivery, which is sent again while the receiver asks for that: on a busy machine it does."""
    deadline = time.monotonic() + PATIENCE
    while (answer := send()).status_code in COME_AGAIN:
        if time.monotonic() > deadline:
            pytest.fail(f"the delivery was never settled; its last answer was {answer.status_code} {answer.text}")
        time.sleep(_PAUSE)
    return answer


def deliver(
    session: requests.Session,
    addresses: Iterator[str],
    envelope: Envelope,
    tell: Callable[[str], object] = lambda _: None,
) -> str:
    """Deliver, and again until it is acknowledged; the receiver's word.

    Partnero gives up after three attempts. How many it takes here is up to the machine.

    :param addresses: of the server, for one attempt after the other.
    :param tell: is told how each attempt ended: its status, or the name of the error.
    """

    def attempt() -> requests.Response:
        headers = dict(envelope.headers)
        answer = session.post(next(addresses) + PATH, envelope.body, headers=headers, timeout=HTTP_PATIENCE)
        tell(str(answer.status_code))
        return answer

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = settled(attempt)
        except requests.RequestException as error:
            tell(type(error).__name__)
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            assert answer.ok, answer.text
            word: str = answer.json()["status"]
            return word


def deliver_to(address: str, envelope: Envelope) -> str:
    """The same, to one server."""
    with requests.Session() as session:
        return deliver(session, repeat(address), envelope)


def in_parallel(work: Sequence[Item], do: Callable[[requests.Session, Item], Result]) -> list[Result]:
    """Do it all with 8 senders, each with a connection of its own."""
    local = threading.local()

    def one(item: Item) -> Result:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        return do(local.session, item)

    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(one, work))
