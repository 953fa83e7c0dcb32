"""``/partnero/status``: how the receiver is set up, what it has answered, and what all processes have recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.utils.session import create_session

from airflow_provider_partnero.ledger.overview import MOST_COUNTED, Overview, read_overview
from airflow_provider_partnero.ledger.turn import utc_now

if TYPE_CHECKING:
    from airflow_provider_partnero.plugin.receiver.settings import ReceiverSettings

_FRESH_FOR = 5.0  # seconds
_PATIENCE = 10.0  # seconds, for somebody else's reading of the ledger


class ReceiverStatus:
    """What ``/partnero/status`` says. The ledger is read once in a few seconds, by one request at a time.

    :param settings: of the receiver, or what is wrong with them.
    :param answered: how often this process has answered what since its start.
    :param clock: seconds; never goes back.
    :param wall_clock: the time in UTC.
    """

    def __init__(
        self,
        settings: ReceiverSettings | ValueError,
        answered: Mapping[str, int],
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings
        self._answered = answered
        self._clock = clock
        self._wall_clock = wall_clock
        self._reading = threading.Lock()
        self._known: tuple[float, dict[str, Any]] | None = None

    def read(self) -> dict[str, Any]:
        """The status, as plain JSON; waits for the database."""
        if isinstance(self._settings, ValueError):
            return {"problem": str(self._settings), "answered_by_this_process": dict(self._answered)}
        return {
            "receiver_enabled": self._settings.enabled,
            "connections": sorted(self._settings.connections),
            "store": str(self._settings.store),
            "keep_days": self._settings.keep_days,
            "max_body_kb": self._settings.max_body // 1024,
            "answered_by_this_process": dict(self._answered),
            "ledger": self._ledger(self._settings),
        }

    def _ledger(self, settings: ReceiverSettings) -> dict[str, Any]:
        if not self._reading.acquire(timeout=_PATIENCE):
            return {"problem": "Airflow's database has not answered yet"}
        try:
            if self._known is None or self._clock() - self._known[0] > _FRESH_FOR:
                self._known = (self._clock(), self._read_ledger(settings))
            return self._known[1]
        finally:
            self._reading.release()

    def _read_ledger(self, settings: ReceiverSettings) -> dict[str, Any]:
        now = self._wall_clock()
        try:
            with create_session() as session:
                return ledger_status(read_overview(session, settings.connections, now), now)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest of the status is worth showing
            cause = getattr(error, "orig", None) or error
            return {"problem": f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}"}


def ledger_status(overview: Overview, now: datetime) -> dict[str, Any]:
    """The ledger at a glance, as plain JSON.

    :param now: what ages are reckoned from.
    """
    return {
        "read_at": now.isoformat(),
        "deliveries": {
            period: {outcome: _counted(number) for outcome, number in counts.items()}
            for period, counts in overview.recent.items()
        },
        "last_deliveries": [
            {
                "connection": last.conn_id,
                "event": last.event,
                "at": last.at.isoformat(),
                "age_seconds": round(last.age(now)),
            }
            for last in overview.last
        ],
        "waiting": [
            {
                "connection": waiting.conn_id,
                "event": waiting.event,
                "dag": waiting.dag_id or None,
                "since": waiting.since.isoformat(),
                "last_at": waiting.at.isoformat(),
            }
            for waiting in overview.waiting
        ],
    }


def _counted(number: int) -> int | str:
    return number if number < MOST_COUNTED else f"{MOST_COUNTED} or more"
