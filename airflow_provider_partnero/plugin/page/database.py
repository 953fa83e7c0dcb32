"""Asks Airflow's database for the page: in threads of its own, and never longer than somebody waits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from airflow.utils.session import create_session
from fastapi import HTTPException
from sqlalchemy.exc import DBAPIError

from airflow_provider_partnero.ledger.tables import find_missing, how_to_migrate
from airflow_provider_partnero.plugin.receiver.signers.daemon_threads import DaemonThreads
from airflow_provider_partnero.webhooks.texts import visible_start

T = TypeVar("T")
log = logging.getLogger(__name__)

_LONGEST_CAUSE = 200  # characters of a driver's words


class PageDatabase:
    """Airflow's database, for some of the routes. Belongs to one event loop.

    :param threads: how many may ask at once.
    :param name: of the threads.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads = DaemonThreads(threads, name)

    async def ask(self, look: Callable[[], T], seconds: float) -> tuple[T | None, str]:
        """What the database says; or None, and in a sentence why it says nothing.

        :param look: asks the database; runs in a thread.
        :param seconds: how long it may take.
        :raises HTTPException: what ``look`` raises of that kind, such as 404 for what is not there.
        """
        try:
            return await self._threads.run(look, seconds), ""
        except HTTPException:
            raise
        except TimeoutError:
            return None, f"Airflow's database has not answered within {seconds:g} s."
        except DBAPIError as error:
            return None, await self._missing_tables(seconds) or _words(error.orig or error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest of the page is worth showing
            return None, _words(error)

    async def _missing_tables(self, seconds: float) -> str:
        """That the receiver's tables are not there; empty if they are, or it cannot be known."""

        def look() -> str | None:
            with create_session() as session:
                return find_missing(session.connection())

        try:
            missing = await self._threads.run(look, seconds)
        except (TimeoutError, DBAPIError):
            return ""
        if missing is None:
            return ""
        return (
            "Nothing has been recorded here: the tables of the receiver are not in Airflow's database. "
            f"The receiver makes them when it is switched on; or {how_to_migrate()}."
        )


def _words(cause: BaseException) -> str:
    name = type(cause).__name__
    log.warning("Airflow's database could not be asked: %s: %s", name, visible_start(str(cause), _LONGEST_CAUSE))
    return f"Airflow's database could not be asked ({name})."
