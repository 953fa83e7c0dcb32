"""Hands raw deliveries to the receiver in this process, through the same app that the network reaches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_partnero.drain.loop import ReceiverAnswer
from airflow_provider_partnero.drain.raw_delivery import RawDelivery

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class InProcessReceiver:
    """Context manager around the receiver's app and its event loop.

    :param app: what the API server mounts at ``/partnero``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.close()

    def hand_over(self, deliveries: Sequence[RawDelivery]) -> list[ReceiverAnswer]:
        """The receiver's answers, in the same order."""
        return self._runner.run(self._all(deliveries))

    async def _all(self, deliveries: Sequence[RawDelivery]) -> list[ReceiverAnswer]:
        return await asyncio.gather(*map(self._one, deliveries))

    async def _one(self, delivery: RawDelivery) -> ReceiverAnswer:
        request = [{"type": "http.request", "body": delivery.body, "more_body": False}]
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if request:
                return request.pop()
            await asyncio.Event().wait()  # the sender does not hang up
            raise AssertionError

        async def send(message: Any) -> None:
            told.append(dict(message))

        await self._app(_scope(delivery), receive, send)
        status = next(message["status"] for message in told if message["type"] == "http.response.start")
        content = b"".join(message.get("body", b"") for message in told)
        return ReceiverAnswer(status, str(json.loads(content)["status"]))


def _scope(delivery: RawDelivery) -> dict[str, Any]:
    headers = [
        (name.encode("ascii"), value.encode("latin-1")) for name, values in delivery.headers.items() for value in values
    ]
    path = f"/webhooks/{delivery.conn_id}"
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [*headers, (b"content-length", str(len(delivery.body)).encode())],
        "client": None,
        "server": None,
    }
