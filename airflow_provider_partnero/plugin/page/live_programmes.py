"""Reads programmes for the page: once for all who look at the same time, and never longer than somebody waits."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from airflow_provider_partnero.api.errors import PartneroAuthenticationError
from airflow_provider_partnero.plugin.page.snapshot import READ_SECONDS, ProgrammeSnapshot, read_live, snapshot_of
from airflow_provider_partnero.plugin.receiver.fresh import Fresh, Freshness, GoneError, LoadError
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection, read_connection
from airflow_provider_partnero.plugin.receiver.signers.daemon_threads import DaemonThreads

Trouble = Literal["", "refused", "absent", "misconfigured", "down"]

_FRESHNESS = Freshness(known_for=15.0, stale_for=86_400.0, refresh_every=5.0, retry_every=5.0, patience=2.0)
_TIMES_ITS_COST = 10  # how long a reading is used, so that thousands of webhooks take a tenth of a processor at most
_PATIENCE = 3.0  # seconds, for the first reading; then the page says that it goes on
_MOST_PROGRAMMES = 64  # whose last reading is kept
_THREADS = 4
_CONNECTION_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ProgrammeState:
    """What is known of a programme, and what keeps the page from knowing more.

    :param snapshot: the latest; None: there is none yet.
    :param trouble: why the last reading failed; empty if it did not, or is under way.
    :param words: the same for people.
    :param is_loading: whether the first reading goes on.
    """

    snapshot: ProgrammeSnapshot | None
    trouble: Trouble = ""
    words: str = ""
    is_loading: bool = False


class LiveProgrammes:
    """The programmes of connections, each with its last reading. Belongs to one event loop.

    :param read: reads a connection; runs in a thread.
    :param look: reads the programme of a connection; runs in a thread.
    :param clock: seconds; never goes back.
    :param patience: seconds that somebody waits who has nothing to look at yet.
    """

    def __init__(
        self,
        read: Callable[[str], SigningConnection] = read_connection,
        look: Callable[[SigningConnection], ProgrammeSnapshot] | None = None,
        clock: Callable[[], float] = time.monotonic,
        patience: float = _PATIENCE,
    ) -> None:
        self._read = read
        self._look = look or _look
        self._clock = clock
        self._patience = patience
        self._threads = DaemonThreads(_THREADS, "partnero-page-reading")
        self._connections = DaemonThreads(2, "partnero-page-connection")  # Airflow's answer waits for no Partnero's
        self._known: OrderedDict[str, _Watched] = OrderedDict()

    async def get(self, conn_id: str, *, anew: bool = False) -> ProgrammeState:
        """What is known of a connection's programme, read if need be.

        :param anew: read it now, however young the last reading is; at most once in 5 seconds.
        """
        watched = self._known.pop(conn_id, None) or self._watch(conn_id)
        self._known[conn_id] = watched
        if len(self._known) > _MOST_PROGRAMMES:
            others = list(self._known)[:-1]  # whoever asks for names that no connection has makes nothing forgotten
            del self._known[next((name for name in others if not self._known[name].is_known), others[0])]
        return await watched.get(self._patience, anew=anew)

    async def connection(self, conn_id: str) -> SigningConnection:
        """The connection, read in a thread.

        :raises GoneError, ValueError, LookupError: as :func:`read_connection` does.
        :raises TimeoutError: Airflow has not told it in time.
        """
        return await self._connections.run(lambda: self._read(conn_id), _CONNECTION_SECONDS)

    def _watch(self, conn_id: str) -> _Watched:
        async def load() -> ProgrammeSnapshot:
            return await self._threads.run(lambda: self._look(self._read(conn_id)), READ_SECONDS + _CONNECTION_SECONDS)

        return _Watched(load, self._clock)


class _Watched:
    """One programme."""

    def __init__(self, load: Callable[[], Awaitable[ProgrammeSnapshot]], clock: Callable[[], float]) -> None:
        self._inner = load
        self._clock = clock
        self._good_for = 0.0  # seconds
        self._failure: Exception | None = None
        self._fresh: Fresh[ProgrammeSnapshot] = Fresh(self._load, _FRESHNESS, clock)

    @property
    def is_known(self) -> bool:
        """Whether it has been read."""
        return self._fresh.known() is not None

    async def _load(self) -> ProgrammeSnapshot:
        start = self._clock()
        try:
            snapshot = await self._inner()
        except Exception as error:
            self._failure = error
            raise
        self._failure = None
        self._good_for = _TIMES_ITS_COST * (self._clock() - start)
        return snapshot

    async def get(self, patience: float, *, anew: bool) -> ProgrammeState:
        snapshot = None if anew or self._failure else self._fresh.known(self._good_for)
        if snapshot is not None:
            return ProgrammeState(snapshot)
        try:
            async with asyncio.timeout(patience):
                snapshot = (await self._fresh.refreshed() if anew else None) or await self._fresh.get()
        except TimeoutError:
            snapshot = self._fresh.known()
            return ProgrammeState(snapshot, is_loading=snapshot is None)
        except LoadError:
            snapshot = self._fresh.known()
        if self._failure is None:
            return ProgrammeState(snapshot)
        trouble = trouble_of(self._failure)
        return ProgrammeState(None if trouble == "absent" else snapshot, trouble, words_of(self._failure))


def _look(connection: SigningConnection) -> ProgrammeSnapshot:
    webhooks, program = read_live(connection)
    return snapshot_of(webhooks, program, connection.conn_id, datetime.now(UTC))


def trouble_of(failure: Exception) -> Trouble:
    """What kind of thing keeps a programme from being read."""
    match failure:
        case PartneroAuthenticationError():
            return "refused"
        case GoneError():
            return "absent"
        case ValueError() | LookupError():
            return "misconfigured"
        case _:
            return "down"


def words_of(failure: Exception) -> str:
    """Why a programme cannot be read, in a sentence for people that shows no secret."""
    match trouble_of(failure):
        case "refused":
            return "Partnero refuses the API token of this connection."
        case "absent":
            return f"There is no such connection of type Partnero: {failure}."
        case "misconfigured":
            return f"The connection cannot be used: {failure}."
        case _:
            return f"Partnero cannot be read: {str(failure) or type(failure).__name__}."
