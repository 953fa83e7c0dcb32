"""The receiver among Airflow's metrics; ``docs/metrics.md`` has the table.

A name server, or a client of metrics that is slow, must not hold up the event loop, and a flood must not become a flood
of packets. So the event loop only adds up, and a thread of our own sends what there is once a second.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.airflow_compat import server_stats

if TYPE_CHECKING:
    from airflow_provider_partnero.ledger.overview import LastDelivery
    from airflow_provider_partnero.plugin.receiver.answers import Answer

log = logging.getLogger(__name__)

PREFIX = "partnero.receiver"

_EVERY = 1.0  # seconds
_STOPS_WITHIN = 10.0  # seconds, if the name server of the metrics hangs
_AGES_EVERY = 60.0  # seconds
_MOST_TIMINGS = 1_000  # in one second
_LONGEST_PART = 80  # characters of a connection id or an event in a metric's name


class ReceiverMetrics:
    """Adds up what the receiver does, and sends it once a second from a thread of its own.

    :param waiting: how many deliveries wait to be recorded now.
    :param last_deliveries: the last delivery of each event, and the time now; it may take long, or raise.
    :param stats: Airflow's client for metrics.
    :param clock: seconds; never goes back.
    """

    def __init__(
        self,
        waiting: Callable[[], int],
        last_deliveries: Callable[[], tuple[Iterable[LastDelivery], datetime]],
        stats: Callable[[], Any] = server_stats,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting = waiting
        self._last_deliveries = last_deliveries
        self._stats = stats
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._timings: deque[float] = deque(maxlen=_MOST_TIMINGS)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._ages_at = -_AGES_EVERY

    def start(self) -> None:
        """Begin to send, unless that has begun; for a process that does not fork any more."""
        if self._thread is None or not self._thread.is_alive():
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, name="partnero-metrics", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for that."""
        self._stopped.set()
        if self._thread:
            self._thread.join(_STOPS_WITHIN)

    def count(self, answer: Answer, seconds: float) -> None:
        """Count one answer.

        :param seconds: from the headers to the answer. It is sent for genuine deliveries only, so that nobody who
            proves nothing can change what is measured.
        """
        with self._lock:
            self._counts[_word(answer.words)] += 1
            if answer.status >= 400:
                self._counts[f"refused.{answer.cause or _word(answer.words)}"] += 1
            else:
                self._timings.append(seconds)

    def send(self) -> None:
        """Send what has added up, and how things stand; never raises."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            timings, self._timings = self._timings, deque(maxlen=_MOST_TIMINGS)
        try:
            stats = self._stats()
            for name, number in counts.items():
                stats.incr(f"{PREFIX}.{name}", number)
            for seconds in timings:
                stats.timing(f"{PREFIX}.latency", seconds * 1000)
            stats.gauge(f"{PREFIX}.waiting", self._waiting())
            if self._clock() - self._ages_at >= _AGES_EVERY:
                self._ages_at = self._clock()
                self._send_ages(stats)
        except Exception as error:  # noqa: BLE001 - no delivery may suffer from it
            log.debug("The receiver's metrics cannot be sent: %s", type(error).__name__)

    def _send_ages(self, stats: Any) -> None:
        deliveries, now = self._last_deliveries()
        for last in deliveries:
            stats.gauge(age_name(last.conn_id, last.event), last.age(now))

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY):
            self.send()


def age_name(conn_id: str, event: str) -> str:
    """The name of the gauge that tells how long ago an event was last delivered."""
    return f"{PREFIX}.last_delivery_age.{_part(conn_id)}.{_part(event)}"


def _word(words: str) -> str:
    return words.replace(" ", "_")


def _part(name: str) -> str:
    """One level of a metric's name: a dot would make two."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:_LONGEST_PART]
