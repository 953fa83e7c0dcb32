"""The bytes that a server answers with: they are what the API promises, or an error of ours without secrets."""

from __future__ import annotations

import json
import os
import socket
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from airflow_provider_partnero.api import connections
from airflow_provider_partnero.api.clock import Clock, Deadline
from airflow_provider_partnero.api.endpoints import Endpoints
from airflow_provider_partnero.api.errors import PartneroAPIError, PartneroError, failure_of
from airflow_provider_partnero.api.exchanges import MOST_DECODED
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.pace import Pace
from airflow_provider_partnero.api.pages import Page
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.api.transport import Transport
from tests.fuzz.package_log import logged

TOKEN = "tOkEnOfThEpRoGrAm42"
SECRET = "sEcReToFoUrS0001"
KEY = "oursKey"

_SPEC = WebhookSpec("CRM", "https://crm.example/x", ("partner.created",), key=KEY)
_LONGEST_WORDS = 12_000  # characters of an error
_PACKAGE = os.sep + "airflow_provider_partnero" + os.sep
_CLOCK = Clock(now=lambda: 1_000.0)

Call = Callable[[Endpoints, Deadline], Any]
CALLS: tuple[Call, ...] = (
    lambda endpoints, deadline: endpoints.get(KEY, deadline),
    lambda endpoints, deadline: endpoints.page(1, 100, deadline, None, MOST_DECODED),
    lambda endpoints, deadline: endpoints.create(_SPEC, deadline),
    lambda endpoints, deadline: endpoints.update(KEY, {"is_active": False}, deadline),
    lambda endpoints, deadline: endpoints.delete(KEY, deadline),
    lambda endpoints, deadline: endpoints.test(deadline),
    lambda endpoints, deadline: endpoints.program(deadline),
    lambda endpoints, deadline: endpoints.date(deadline),
)


def check(data: bytes) -> None:
    """Make the call that the first byte names, and answer it with the others."""
    call, answer = CALLS[data[0] % len(CALLS) if data else 0], data[1:]
    with _answering(answer), logged() as lines, patch.dict(os.environ, {"no_proxy": "*"}):
        transport = Transport(
            TOKEN,
            "http://127.0.0.1:1/v1",
            timeout=(30.0, 30.0),
            verify=True,
            new_pace=lambda: Pace(8, 60.0, _CLOCK),
        )
        try:
            found = call(Endpoints(transport), Deadline.after(60.0, _CLOCK))
        except PartneroError as error:
            _check_error(error, answer)
        else:
            _check_found(found, answer)
        finally:
            transport.close()
    assert all(line.isprintable() and TOKEN not in line and SECRET not in line for line in lines), lines


@contextmanager
def _answering(answer: bytes) -> Iterator[None]:
    """Whoever connects is given these bytes, and the end."""
    here, there = socket.socketpair()

    def dial(*_: object) -> socket.socket:
        there.sendall(answer)
        there.shutdown(socket.SHUT_WR)
        return here

    with here, there, patch.object(connections, "_dial", dial):
        yield


def _check_error(error: PartneroError, answer: bytes) -> None:
    words = str(error)
    assert words.isprintable(), repr(words)
    assert len(words) <= _LONGEST_WORDS, f"{len(words)} characters of an error"
    failure_of(error)
    told = words + repr(error)
    with_locals = told + (_locals_of(error) if TOKEN.encode() in answer or SECRET.encode() in answer else "")
    assert TOKEN not in (with_locals if isinstance(error, PartneroAPIError) else told), "the token is in an error"
    assert not (_is_signature(answer) and SECRET in with_locals), "a signing secret is in an error"


def _locals_of(error: BaseException) -> str:
    """The local variables of the package's own functions, as some tracebacks print them."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    return repr([frame.locals for frame in frames if _PACKAGE in frame.filename])


def _is_signature(answer: bytes) -> bool:
    """Whether the answer is JSON in clear, in which the secret is that of a webhook."""
    try:
        data = json.loads(answer.partition(b"\r\n\r\n")[2])["data"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    rows = data if isinstance(data, list) else [data]
    return any(isinstance(row, dict) and row.get("signature") == SECRET for row in rows)


def _check_found(found: object, answer: bytes) -> None:
    assert answer.startswith(b"HTTP/") or b"HTTP/" in answer, "something was read out of no answer"
    webhooks = found.webhooks if isinstance(found, Page) else (found,) if isinstance(found, Webhook) else ()
    for webhook in webhooks:
        json.dumps(webhook.to_dict())
        assert "signature" not in webhook.to_dict()
        is_named_elsewhere = answer.count(SECRET.encode()) != 1
        assert is_named_elsewhere or not _is_signature(answer) or SECRET not in repr(webhook)
