"""The reception of a delivery: is it Partnero's, is it new, is it recorded."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.api.signature import verify
from airflow_provider_partnero.assets import event_asset_uri
from airflow_provider_partnero.plugin.receiver.answers import (
    FLOODED,
    MALFORMED,
    NOT_JSON,
    TOO_LARGE,
    TOO_SLOW,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNKNOWN,
    Answer,
    RefusedError,
)
from airflow_provider_partnero.plugin.receiver.budget import Budget
from airflow_provider_partnero.plugin.receiver.diagnosis import HEADER, header_problem, mismatch
from airflow_provider_partnero.plugin.receiver.signers.registry import Programmes, Signers
from airflow_provider_partnero.webhooks.delivery import Envelope, PartneroDelivery, Store
from airflow_provider_partnero.webhooks.texts import quoted

log = logging.getLogger(__name__)

LARGEST_BODY = 1024 * 1024  # bytes
OLDEST_DAYS = 90  # days; as long as the ledger remembers
_DEADLINE = 1.8  # seconds; Partnero's sender probably gives up after 3
_MOST_AT_ONCE = 250
_DIAGNOSES_PER_MINUTE = 30
_LINES_PER_MINUTE = 120  # of the log, about refusals

Headers = Mapping[str, Sequence[str]]


class Records(Protocol):
    """What :class:`~airflow_provider_partnero.plugin.receiver.recording.batch_queue.Recorder` does."""

    async def record(self, conn_id: str, asset_uri: str, delivery: PartneroDelivery, store: Store) -> Answer:
        """Record one delivery; returns once it is committed."""


class Receiver:
    """Receives deliveries; one for each process of the API server, on its event loop.

    :param store: how much of a delivery is kept.
    """

    def __init__(self, store: Store, recorder: Records, programmes: Programmes) -> None:
        self._store = store
        self._recorder = recorder
        self._programmes = programmes
        self._under_way = 0
        self._diagnoses = Budget(_DIAGNOSES_PER_MINUTE)
        self._lines = Budget(_LINES_PER_MINUTE)
        self._untold = 0
        self.answered: Counter[str] = Counter()

    async def receive(self, conn_id: str, headers: Headers, body: Callable[[], AsyncIterator[bytes]]) -> Answer:
        """The answer to one delivery, within 2 seconds whatever happens.

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

    async def _within_limits(self, conn_id: str, headers: Headers, body: Callable[[], AsyncIterator[bytes]]) -> Answer:
        if self._under_way >= _MOST_AT_ONCE:
            raise RefusedError(FLOODED, f"{_MOST_AT_ONCE} deliveries are being received")
        self._under_way += 1
        raw: bytes | None = None
        try:
            async with asyncio.timeout(_DEADLINE):
                _check_headers(headers)
                raw = await _read(body())
                return await self._answer(conn_id, headers, raw)
        except TimeoutError:
            if raw is None:
                raise RefusedError(TOO_SLOW, f"the body did not arrive within {_DEADLINE} s") from None
            raise RefusedError(UNAVAILABLE, f"no secret or no database within {_DEADLINE} s") from None
        finally:
            self._under_way -= 1

    async def _answer(self, conn_id: str, headers: Headers, raw: bytes) -> Answer:
        signers = await self._programmes.signers(conn_id)
        if signers is None:
            raise RefusedError(UNKNOWN, "there is no connection of type partnero by this name")
        with _malformed_if_wrong():
            envelope = Envelope.of(raw)
            uri = event_asset_uri(envelope.event, conn_id)
        await self._check_signature(signers, envelope.webhook_key, headers, raw)
        with _malformed_if_wrong():
            delivery = envelope.opened()
        moment = delivery.moment()
        if moment is not None and (datetime.now(UTC) - moment).days >= OLDEST_DAYS:
            raise RefusedError(UNAUTHORIZED, f"created_at is more than {OLDEST_DAYS} days ago: sent again by somebody")
        answer = await self._recorder.record(conn_id, uri, delivery, self._store)
        log.info("Partnero delivered %s to %s: %s", quoted(delivery.event), quoted(conn_id), answer.words)
        return answer

    async def _check_signature(self, signers: Signers, webhook_key: str, headers: Headers, raw: bytes) -> None:
        problem = header_problem(headers)
        if problem:
            raise RefusedError(UNAUTHORIZED, problem)
        [signature] = headers[HEADER]
        listed = signers.programme.signing_secrets
        if listed:
            secrets = [item.secret for item in listed if item.webhook_key in {None, webhook_key}]
            if not any(verify(raw, signature, secret) for secret in secrets):
                others = [(item.webhook_key or "not said", item.secret) for item in listed]
                raise self._forged(raw, signature, secrets, others)
            return
        await self._check_at_partnero(signers, webhook_key, signature, raw)

    async def _check_at_partnero(self, signers: Signers, webhook_key: str, signature: str, raw: bytes) -> None:
        secret = await signers.keyring.secret(webhook_key)
        if secret is None:
            raise RefusedError(UNAUTHORIZED, f"Partnero knows no webhook {quoted(webhook_key)} in this programme")
        if verify(raw, signature, secret):
            return
        other = await signers.keyring.other_secret(webhook_key, secret)
        if other is None or not verify(raw, signature, other):
            secrets = [secret] if other is None else [secret, other]
            raise self._forged(raw, signature, secrets, signers.keyring.all_known())

    def _forged(
        self, raw: bytes, signature: str, secrets: Sequence[Secret], others: Iterable[tuple[str, Secret]]
    ) -> RefusedError:
        if not self._diagnoses.spend():
            return RefusedError(UNAUTHORIZED, "the signature does not verify")
        return RefusedError(UNAUTHORIZED, mismatch(raw, signature, secrets, others))

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


def _check_headers(headers: Headers) -> None:
    kind = ",".join(headers.get("content-type", ())).partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise RefusedError(NOT_JSON, f"Content-Type is {quoted(kind)} and not application/json")
    if headers.get("content-encoding", ["identity"]) != ["identity"]:
        raise RefusedError(NOT_JSON, "the body is compressed, which Partnero does not do")
    length = ",".join(headers.get("content-length", ()))
    if length.isdecimal() and int(length[:20]) > LARGEST_BODY:
        raise RefusedError(TOO_LARGE, f"the body has more than {LARGEST_BODY:,} bytes")


@contextmanager
def _malformed_if_wrong() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise RefusedError(MALFORMED, str(error)) from None


async def _read(chunks: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_BODY:
            raise RefusedError(TOO_LARGE, f"the body has more than {LARGEST_BODY:,} bytes")
    return bytes(body)
