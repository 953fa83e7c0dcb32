"""The reception of a delivery: is it Partnero's, is it new, is it recorded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airflow_provider_partnero.assets import check_event
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
from airflow_provider_partnero.plugin.receiver.claim import read_claim
from airflow_provider_partnero.plugin.receiver.memory import Memory
from airflow_provider_partnero.plugin.receiver.places import UnprovenPlace, UnprovenPlaces
from airflow_provider_partnero.plugin.receiver.probe import OLDEST, ProbeAnswers
from airflow_provider_partnero.plugin.receiver.proof import Proof, Prover
from airflow_provider_partnero.plugin.receiver.recent import RecentDeliveries
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.refusal_log import RefusalLog
from airflow_provider_partnero.plugin.receiver.request import Body, Headers, check_headers, read_body
from airflow_provider_partnero.plugin.receiver.settings import ReceiverSettings
from airflow_provider_partnero.plugin.receiver.signers.registry import SignerRegistry, Signers
from airflow_provider_partnero.webhooks.delivery import PROBE_EVENT, PartneroDelivery
from airflow_provider_partnero.webhooks.texts import quoted

log = logging.getLogger(__name__)

OLDEST_DAYS = 90  # days; the ledger remembers a delivery for as long
_NEWEST = timedelta(days=1)  # in the future; the ledger could forget what is newer before it grows old


@dataclass(frozen=True, slots=True)
class ReceiverLimits:
    """How much the receiver takes on.

    :param deadline: seconds for one delivery, from its headers to the answer. Partnero's sender probably gives up
        after 3.
    :param most_unproven: bodies that are being read or wait for their proof; the oldest goes when there are more.
    :param unproven_bytes: of these together, but never less than four of the largest that are allowed.
    :param most_proven: deliveries that are being recorded; more are put off.
    :param proven_bytes: of their bodies together.
    :param remembered: deliveries that are known to be recorded without asking the database.
    :param diagnoses_per_minute: how often it is found out why a signature does not verify.
    :param lines_per_minute: of the log, about refusals with one and the same answer.
    """

    deadline: float = 1.8
    most_unproven: int = 1_024
    unproven_bytes: int = 32 * 1024 * 1024
    most_proven: int = 250
    proven_bytes: int = 32 * 1024 * 1024
    remembered: int = 10_000
    diagnoses_per_minute: int = 30
    lines_per_minute: int = 30


LIMITS = ReceiverLimits()


class Receiver:
    """Receives deliveries; one for each process of the API server, on its event loop.

    What a stranger sends costs no more than its bytes: it is read within a budget, found out whose it is, and thrown
    away. Only a body whose signature has verified is parsed, and only one that is new reaches the database.

    :param record: records one delivery, and returns once it is committed.
    :param registry: who may sign.
    :param check_tables: ``ok``, or what is wrong with the receiver's tables.
    :param clock: seconds; never goes back.
    :param wall_clock: the time in UTC.
    """

    def __init__(
        self,
        settings: ReceiverSettings,
        record: Callable[[Job], Awaitable[Answer]],
        registry: SignerRegistry,
        check_tables: Callable[[], Awaitable[str]],
        limits: ReceiverLimits = LIMITS,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._record = record
        self._registry = registry
        self._limits = limits
        self._wall_clock = wall_clock
        self._unproven = UnprovenPlaces(limits.most_unproven, max(limits.unproven_bytes, 4 * settings.max_body))
        self._proven = self._proven_bytes = 0
        self._prover = Prover(Budget(limits.diagnoses_per_minute, clock))
        self._recent = RecentDeliveries(Memory(limits.remembered, clock))
        self._probes = ProbeAnswers(check_tables, clock)
        self._log = RefusalLog(limits.lines_per_minute, clock)
        self.answered: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """How many proven deliveries are being recorded now."""
        return self._proven

    async def receive(self, conn_id: str, headers: Headers, body: Body) -> Answer:
        """The answer to one delivery, before ``limits.deadline`` whatever happens; never raises.

        :param conn_id: from the URL.
        :param headers: all values of each header, by its name in lower case.
        :param body: the raw bytes, as they arrive; not called when the headers and the URL are refused.
        """
        progress = _Progress()
        try:
            answer = await self._answer(conn_id, headers, body, progress)
        except RefusedError as refusal:
            answer = refusal.answer
            self._log.tell(conn_id, refusal, is_proven=progress.is_proven)
        except Exception as error:  # noqa: BLE001 - a traceback for each request would fill the disk
            answer = UNAVAILABLE
            self._log.tell(conn_id, RefusedError(answer, _where(error)), is_proven=progress.is_proven)
        self.answered[answer.words] += 1
        return answer

    async def _answer(self, conn_id: str, headers: Headers, body: Body, progress: _Progress) -> Answer:
        signature = check_headers(headers, self._settings.max_body)
        if conn_id not in self._settings.connections:
            raise RefusedError(UNKNOWN, "[partnero] receiver_connections has no such connection")
        deadline = self._limits.deadline
        place: UnprovenPlace | None = None
        try:
            async with asyncio.timeout(deadline) as timeout:
                place = self._unproven.take(lambda: timeout.reschedule(0))
                raw = await read_body(body(), self._settings.max_body, place.grow)
                progress.has_body = True
                signers, proof = await self._prove(conn_id, signature, raw)
                progress.is_proven = True
                place.free()
                return await self._recent.record_once(
                    (conn_id, proof.digest), lambda: self._take(conn_id, signers, proof, raw)
                )
        except TimeoutError:
            raise self._late(progress, place) from None
        finally:
            if place:
                place.free()

    async def _prove(self, conn_id: str, signature: str, raw: bytes) -> tuple[Signers, Proof]:
        claim = read_claim(raw)
        if claim is None:
            raise RefusedError(MALFORMED, "the body is not a JSON object")
        signers = await self._registry.signers(conn_id)
        if signers is None:
            raise RefusedError(UNKNOWN, "nobody may sign deliveries to this connection")
        return signers, await self._prover.prove(signers, claim, signature, raw)

    async def _take(self, conn_id: str, signers: Signers, proof: Proof, raw: bytes) -> Answer:
        """Parse a body whose signature has verified, and record what it says."""
        with self._proven_place(len(raw)), _refusing_what_is_malformed():
            delivery = await self._prover.beside(len(raw), lambda: PartneroDelivery.from_body(raw))
            if proof.webhook_key not in {None, delivery.webhook_key}:
                raise RefusedError(UNAUTHORIZED, "the body names another webhook than its signer", "webhook")
            if delivery.event == PROBE_EVENT:
                self._check_age(delivery.moment(), OLDEST)
                return await self._probes.answer(proof.digest)
            check_event(delivery.event)
            self._check_age(delivery.moment(), timedelta(days=OLDEST_DAYS))
            store = signers.connection.store or self._settings.store
            answer = await self._record(Job(conn_id, delivery, store))
        log.info("Partnero delivered %s to %s: %s", quoted(delivery.event), quoted(conn_id), answer.words)
        return answer

    @contextmanager
    def _proven_place(self, size: int) -> Iterator[None]:
        limits = self._limits
        is_too_much = self._proven_bytes + size > max(limits.proven_bytes, self._settings.max_body)
        if self._proven >= limits.most_proven or is_too_much:
            raise RefusedError(FLOODED, f"{self._proven} deliveries are being recorded")
        self._proven += 1
        self._proven_bytes += size
        try:
            yield
        finally:
            self._proven -= 1
            self._proven_bytes -= size

    def _check_age(self, moment: datetime | None, oldest: timedelta) -> None:
        """Refuse what the ledger does not protect from being sent again."""
        if moment is None:
            raise RefusedError(
                UNAUTHORIZED, "created_at is missing or not a time: anybody could send it again for ever"
            )
        age = self._wall_clock() - moment
        if age >= oldest:
            raise RefusedError(UNAUTHORIZED, f"created_at is more than {oldest} ago: sent again by somebody", "age")
        if -age > _NEWEST:
            words = f"created_at is more than {_NEWEST} ahead: is this server's clock right?"
            raise RefusedError(UNAUTHORIZED, words, "age")

    def _late(self, progress: _Progress, place: UnprovenPlace | None) -> RefusedError:
        deadline = self._limits.deadline
        if progress.has_body:
            return RefusedError(UNAVAILABLE, f"no secret or no database within {deadline} s", "deadline")
        if place and place.is_dropped:
            return RefusedError(TOO_SLOW, "its body was the oldest of too many that were being read")
        return RefusedError(TOO_SLOW, f"the body did not arrive within {deadline} s")


@dataclass(slots=True)
class _Progress:
    """How far one delivery has come."""

    has_body: bool = False
    is_proven: bool = False


@contextmanager
def _refusing_what_is_malformed() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise RefusedError(MALFORMED, str(error)) from None


def _where(error: Exception) -> str:
    """The kind of an error, and the line that it comes from; its own words may hold what was delivered."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_globals.get('__name__')}, line {trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}: a fault of this package, please report it"
