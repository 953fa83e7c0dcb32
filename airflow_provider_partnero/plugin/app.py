"""The app behind ``/partnero``: the receiver, which needs no login, and everything else, which does."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI, HTTPException

from airflow_provider_partnero.ledger.overview import LastDelivery, last_deliveries
from airflow_provider_partnero.ledger.turn import utc_now
from airflow_provider_partnero.plugin.page.access import WITHOUT_NUL
from airflow_provider_partnero.plugin.page.output_routes import output_router
from airflow_provider_partnero.plugin.page.past_routes import past_router
from airflow_provider_partnero.plugin.page.refusals import refusal
from airflow_provider_partnero.plugin.page.routes import page_router
from airflow_provider_partnero.plugin.receiver.answers import UNAVAILABLE, UNKNOWN, Answer
from airflow_provider_partnero.plugin.receiver.door import Door, delivered_to
from airflow_provider_partnero.plugin.receiver.metrics import ReceiverMetrics
from airflow_provider_partnero.plugin.receiver.receiver import Receiver
from airflow_provider_partnero.plugin.receiver.recording.batch_queue import BatchQueue
from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
from airflow_provider_partnero.plugin.receiver.settings import ReceiverSettings, receiver_settings
from airflow_provider_partnero.plugin.receiver.signers.registry import SignerRegistry
from airflow_provider_partnero.plugin.status import ReceiverStatus
from airflow_provider_partnero.plugin.switch import is_off

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from airflow_provider_partnero.plugin.receiver.request import Body, Headers

log = logging.getLogger(__name__)


class PartneroApp:
    """Hands deliveries to the receiver's door, and every other request to a FastAPI app that asks for a login.

    :param rest: takes all that is no delivery.
    :param queue: records what is delivered, and sends what waits for a DAG; None if nothing is taken.
    :param metrics: of what is delivered; None likewise.
    """

    def __init__(
        self, door: Door, rest: FastAPI, queue: BatchQueue | None = None, metrics: ReceiverMetrics | None = None
    ) -> None:
        self._door = door
        self._rest = rest
        self._queue = queue
        self._metrics = metrics

    def start(self) -> None:
        """Send what waits for a DAG, from now on; without this, from the first delivery on."""
        if self._queue:
            self._queue.start()

    def stop(self) -> None:
        """End that, and leave no thread behind."""
        if self._queue:
            self._queue.stop()
        if self._metrics:
            self._metrics.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        conn_id = delivered_to(scope)
        if conn_id is None:
            await self._rest(scope, receive, send)
        else:
            await self._door.take(conn_id, scope, receive, send)


def new_app() -> PartneroApp:
    """The app, set up as Airflow's configuration says now: a change takes a restart.

    A configuration that is not allowed is told in the log and by the status, and deliveries are asked to come again.
    """
    settings = _settings()
    if isinstance(settings, ValueError) or not settings.enabled:
        return PartneroApp(Door(_answer_nobody), _with_login(ReceiverStatus(settings, Counter()), settings))
    queue = BatchQueue(DeliveryWriter(keep_days=settings.keep_days))
    receiver = Receiver(settings, queue.record, SignerRegistry(settings.connections), queue.check)
    metrics = ReceiverMetrics(lambda: receiver.waiting, lambda: _last_deliveries(settings))

    async def answer(conn_id: str, headers: Headers, body: Body) -> Answer:
        start = time.monotonic()
        found = await receiver.receive(conn_id, headers, body)
        metrics.count(found, time.monotonic() - start)
        metrics.start()
        return found

    return PartneroApp(Door(answer), _with_login(ReceiverStatus(settings, receiver.answered), settings), queue, metrics)


def _with_login(receiver_status: ReceiverStatus, settings: ReceiverSettings | ValueError) -> FastAPI:
    app = FastAPI(title="Partnero", docs_url=None, redoc_url=None, openapi_url=None)
    for router in (past_router(), output_router(), page_router(settings)):
        app.include_router(router, dependencies=[WITHOUT_NUL])
    app.add_exception_handler(HTTPException, refusal)

    @app.get("/status", dependencies=_LOGIN)
    def status() -> dict[str, Any]:
        """How the receiver is set up, how often this process has answered what, and what the ledger has."""
        return receiver_status.read()

    @app.api_route("/{path:path}", methods=_METHODS, dependencies=_LOGIN, include_in_schema=False)
    async def nothing_else(path: str) -> None:
        raise HTTPException(404, f"There is no {path!r} here.")

    return app


_LOGIN = [Depends(requires_access_view(AccessView.PLUGINS))]
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _settings() -> ReceiverSettings | ValueError:
    """The settings, or what is wrong with them."""
    try:
        return receiver_settings()
    except Exception as error:  # noqa: BLE001 - Airflow's configuration has errors of its own, and a server to serve
        log.error("The receiver takes no deliveries until Airflow's configuration is right: %s", error)
        return ValueError(str(error))


async def _answer_nobody(conn_id: str, headers: Headers, body: Body) -> Answer:  # noqa: ARG001
    if not is_off():
        return UNAVAILABLE  # Airflow's configuration is wrong, as the log has said
    _say_once_that_it_is_off()
    return UNKNOWN


def _last_deliveries(settings: ReceiverSettings) -> tuple[Sequence[LastDelivery], datetime]:
    with create_session() as session:
        return last_deliveries(session, settings.connections), utc_now()


@cache
def _say_once_that_it_is_off() -> None:
    log.warning("A delivery arrived, but the receiver is off: set [partnero] receiver_enabled = True to switch it on")
