"""Whether deliveries can be recorded now: is the database there, and are the tables."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

log = logging.getLogger(__name__)

Hop = Literal["database", "airflow's tables", "tables"]


class NotReadyError(ValueError):
    """A delivery cannot be recorded.

    :param hop: what is wrong, in words that strangers may read.
    :param reason: for the log.
    """

    def __init__(self, hop: Hop, reason: str) -> None:
        super().__init__(reason)
        self.hop = hop


def check_database() -> None:
    """Look for the tables, and make ours if they are missing; blocks.

    :raises NotReadyError: something is missing.
    """
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import inspect
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_provider_partnero.ledger.tables import NoTablesError, create_tables

    table = AssetEvent.__table__
    try:
        with create_session() as session:
            engine = cast("Engine", session.get_bind())
            if not inspect(engine).has_table(table.name, schema=table.schema):
                raise NotReadyError("airflow's tables", "Airflow's database is not migrated: run `airflow db migrate`")
            create_tables(engine)
    except NoTablesError as error:
        raise NotReadyError("tables", str(error)) from None
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        words = str(cause).partition("\n")[0][:300]
        raise NotReadyError("database", f"Airflow's database does not answer: {words}") from None


def warm_up() -> None:
    """Do what Airflow's models put off until they are first used; it takes longer than a delivery may."""
    from sqlalchemy.orm import configure_mappers

    configure_mappers()


class Readiness:
    """Answers how things stand, however often it is asked: one look at a time, and none while the last one is fresh.

    :param check: looks; blocks; raises :class:`NotReadyError`.
    :param fresh_for: seconds for which a look counts.
    :param patience: seconds that a look may take until the database counts as out.
    :param clock: seconds; never goes back.
    """

    def __init__(
        self,
        check: Callable[[], None] = check_database,
        fresh_for: float = 1.0,
        patience: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._check = check
        self._fresh_for = fresh_for
        self._patience = patience
        self._clock = clock
        self._hop: Hop | None = None
        self._seen_at: float | None = None
        self._look: asyncio.Future[None] | None = None

    async def wrong_hop(self) -> Hop | None:
        """What is wrong; None when deliveries can be recorded."""
        if self._seen_at is not None and self._clock() - self._seen_at < self._fresh_for:
            return self._hop
        if self._look is None or self._look.done():
            self._look = asyncio.get_running_loop().create_future()
            # A thread of our own: a database that hangs must hold neither asyncio's threads nor the end of the process.
            threading.Thread(target=self._run, args=(self._look,), name="partnero-readiness", daemon=True).start()
        done, _ = await asyncio.wait({self._look}, timeout=self._patience)
        return self._hop if done else "database"

    def _run(self, look: asyncio.Future[None]) -> None:
        hop: Hop | None = None
        reason = ""
        try:
            self._check()
        except NotReadyError as error:
            hop, reason = error.hop, str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing can be recorded
            hop, reason = "database", type(error).__name__
        with suppress(RuntimeError):  # the process is going down, and its loop is closed
            look.get_loop().call_soon_threadsafe(self._settle, look, hop, reason)

    def _settle(self, look: asyncio.Future[None], hop: Hop | None, reason: str) -> None:
        if hop is not None and (self._seen_at is None or hop != self._hop):
            log.warning("Deliveries cannot be recorded: %s", reason)
        elif hop is None and self._hop is not None:
            log.warning("Deliveries can be recorded again")
        self._hop, self._seen_at = hop, self._clock()
        if not look.done():
            look.set_result(None)
