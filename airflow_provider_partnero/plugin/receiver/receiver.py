"""The reception of a delivery: is it Partnero's, is it new, is it recorded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow_provider_partnero.assets import event_asset_uri
from airflow_provider_partnero.plugin.receiver.answers import (
    FLOODED,
    MALFORMED,
    TOO_SLOW,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNKNOWN,
    Answer,
    RefusedError,
)
from airflow_provider_partnero.plugin.receiver.budget import Budget
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.request import Body, Headers, check_headers, read_body
from airflow_provider_partnero.plugin.receiver.signature_check import SignatureCheck
from airflow_provider_partnero.plugin.receiver.signers.registry import SignerRegistry
from airflow_provider_partnero.webhooks.delivery import Store, UnverifiedDelivery
from airflow_provider_partnero.webhooks.texts import quoted

log = logging.getLogger(__name__)

OLDEST_DAYS = 90  # days; the ledger remembers a delivery for as long


@dataclass(frozen=True, slots=True)
class ReceiverLimits:
    """How much the receiver takes on.

    :param deadline: seconds for one delivery, from its headers to the answer. Partnero's sender probably gives up
        after 3.
    :param most_at_once: deliveries under way; more are put off.
    :param diagnoses_per_minute: how often it is found out why a signature does not verify.
    :param lines_per_minute: of the log, about refusals.
    """

    deadline: float = 1.8
    most_at_once: int = 250
    diagnoses_per_minute: int = 30
    lines_per_minute: int = 120


LIMITS = ReceiverLimits()


class Receiver:
    """Receives deliveries; one for each process of the API server, on its event loop.

    :param store: how much of a delivery is kept.
    :param record: records one delivery, and returns once it is committed.
    :param registry: who may sign.
    :param clock: seconds; never goes back.
    """

    def __init__(
        self,
        store: Store,
        record: Callable[[Job], Awaitable[Answer]],
        registry: SignerRegistry,
        limits: ReceiverLimits = LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._record = record
        self._registry = registry
        self._limits = limits
        self._signature = SignatureCheck(Budget(limits.diagnoses_per_minute, clock))
        self._lines = Budget(limits.lines_per_minute, clock)
        self._untold = 0
        self._under_way = 0
        self.answered: Counter[str] = Counter()

    async def receive(self, conn_id: str, headers: Headers, body: Body) -> Answer:
        """The answer to one delivery, before ``limits.deadline`` whatever happens.

        :param conn_id: from the URL.
        :param headers: all values of each header, by its name in lower case.
        :param body: the raw bytes, as they arrive.
        """
        try:
            answer = await self._within_limits(conn_id, headers, body)
        except RefusedError as refusal:
            answer = refusal.answer
            self._tell(conn_id, refusal)
        self.answered[answer.words] += 1
        return answer

    async def _within_limits(self, conn_id: str, headers: Headers, body: Body) -> Answer:
        deadline, most = self._limits.deadline, self._limits.most_at_once
        if self._under_way >= most:
            raise RefusedError(FLOODED, f"{most} deliveries are being received")
        self._under_way += 1
        raw: bytes | None = None
        try:
            async with asyncio.timeout(deadline):
                check_headers(headers)
                raw = await read_body(body())
                return await self._answer(conn_id, headers, raw)
        except TimeoutError:
            if raw is None:
                raise RefusedError(TOO_SLOW, f"the body did not arrive within {deadline} s") from None
            raise RefusedError(UNAVAILABLE, f"no secret or no database within {deadline} s") from None
        finally:
            self._under_way -= 1

    async def _answer(self, conn_id: str, headers: Headers, raw: bytes) -> Answer:
        signers = await self._registry.signers(conn_id)
        if signers is None:
            raise RefusedError(UNKNOWN, "[partnero] receiver_connections does not name it")
        with _refusing_what_is_malformed():
            unverified = UnverifiedDelivery.of(raw)
            uri = event_asset_uri(unverified.event, conn_id)
        await self._signature.check(signers, unverified.webhook_key, headers, raw)
        with _refusing_what_is_malformed():
            delivery = unverified.delivery()
        _check_age(delivery.moment())
        answer = await self._record(Job(conn_id, uri, delivery, self._store))
        log.info("Partnero delivered %s to %s: %s", quoted(delivery.event), quoted(conn_id), answer.words)
        return answer

    def _tell(self, conn_id: str, refusal: RefusedError) -> None:
        if not self._lines.spend():
            self._untold += 1
            return
        more = f" ({self._untold:,} more before it)" if self._untold else ""
        self._untold = 0
        log.warning(
            "A delivery to %s was answered %d: %s%s",
            quoted(conn_id),
            refusal.answer.status,
            quoted(refusal.reason, 500),
            more,
        )


@contextmanager
def _refusing_what_is_malformed() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise RefusedError(MALFORMED, str(error)) from None


def _check_age(moment: datetime | None) -> None:
    if moment is not None and (datetime.now(UTC) - moment).days >= OLDEST_DAYS:
        raise RefusedError(UNAUTHORIZED, f"created_at is more than {OLDEST_DAYS} days ago: sent again by somebody")
