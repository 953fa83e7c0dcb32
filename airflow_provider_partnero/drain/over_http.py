"""Hands raw deliveries to a receiver over HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import requests

from airflow_provider_partnero.drain.loop import ReceiverAnswer
from airflow_provider_partnero.drain.raw_delivery import RawDelivery
from airflow_provider_partnero.webhooks.protection import receiver_url

_TIME_OUT = (5.0, 15.0)  # seconds to connect, and without a byte of the answer
_LONGEST_ANSWER = 4_096  # bytes
_LARGEST_HEADERS = 4_096  # bytes; a web server that finds them too large answers in its own words, or not at all
_LONGEST_WORDS = 40  # characters
# What the receiver looks at. An edge function may have stored anybody's headers, such as a Cookie or an Authorization.
_HANDED_ON = frozenset({"content-type", "content-encoding", "signature", "x-partnero-signature"})


class HttpReceiver:
    """Context manager around a connection to a receiver. One delivery is posted after the other.

    An answer that is not the receiver's own is no answer: a login page with 200 has taken nothing.

    :param base_url: the URL in front of ``/partnero/webhooks/``.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session = requests.Session()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def hand_over(self, deliveries: Sequence[RawDelivery]) -> list[ReceiverAnswer]:
        """The receiver's answers, in the same order."""
        return [self._post(delivery) for delivery in deliveries]

    def _post(self, delivery: RawDelivery) -> ReceiverAnswer:
        headers = {name: ", ".join(values) for name, values in delivery.headers.items() if name in _HANDED_ON}
        if sum(map(len, headers.values())) > _LARGEST_HEADERS:
            return ReceiverAnswer(431, "headers too large")
        url = receiver_url(self._base_url, delivery.conn_id)
        try:
            with self._session.post(
                url, delivery.body, headers=headers, timeout=_TIME_OUT, allow_redirects=False, stream=True
            ) as answer:
                content = answer.raw.read(_LONGEST_ANSWER, decode_content=True)
                return _read(answer.status_code, content)
        except requests.exceptions.InvalidHeader:
            return ReceiverAnswer(400, "headers that cannot be sent")
        except (requests.RequestException, OSError) as error:
            return ReceiverAnswer(503, f"no answer: {type(error).__name__}")


def _read(status: int, content: bytes) -> ReceiverAnswer:
    try:
        words = json.loads(content)["status"]
    except (ValueError, TypeError, KeyError, RecursionError):
        words = None
    if not isinstance(words, str):
        return ReceiverAnswer(502, f"not the receiver's answer: {status}")
    return ReceiverAnswer(status, words[:_LONGEST_WORDS])
