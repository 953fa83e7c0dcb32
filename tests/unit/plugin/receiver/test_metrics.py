"""The receiver's metrics: what is sent, when, and that the page about them says all of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from airflow_provider_partnero.ledger.overview import LastDelivery
from airflow_provider_partnero.plugin.receiver import answers
from airflow_provider_partnero.plugin.receiver.answers import ACCEPTED, UNAUTHORIZED, Answer, Cause, RefusedError
from airflow_provider_partnero.plugin.receiver.metrics import PREFIX, ReceiverMetrics, age_name

PACKAGE = Path(__file__).parents[4] / "airflow_provider_partnero"
NOW = datetime(2026, 11, 26, tzinfo=UTC)


class CollectingStats:
    """Airflow's client for metrics, as far as it is used."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, float]] = []

    def incr(self, name: str, number: int = 1) -> None:
        self.sent.append(("counter", name, number))

    def gauge(self, name: str, value: float) -> None:
        self.sent.append(("gauge", name, value))

    def timing(self, name: str, milliseconds: float) -> None:
        self.sent.append(("timer", name, milliseconds))

    def values(self, name: str) -> list[float]:
        """What was sent under a name."""
        return [value for _, known, value in self.sent if known == f"{PREFIX}.{name}"]


def _metrics(
    stats: CollectingStats, *last: LastDelivery, clock: Callable[[], float] = lambda: 0.0, waiting: int = 0
) -> ReceiverMetrics:
    return ReceiverMetrics(lambda: waiting, lambda: (last, NOW), lambda: stats, clock)


def _all_answers() -> list[Answer]:
    return [value for value in vars(answers).values() if isinstance(value, Answer)]


def _documented() -> dict[str, str]:
    """The type of each metric in the page's table."""
    page = (PACKAGE / "docs" / "metrics.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(partnero\.[^`]+)` \| (\w+) \|", page, re.MULTILINE))


def test_the_table_of_the_page_is_what_is_sent() -> None:
    stats = CollectingStats()
    metrics = _metrics(stats, LastDelivery("c", "e", NOW))
    for answer in _all_answers():
        metrics.count(answer, 0.1)
    for cause in get_args(Cause):
        metrics.count(RefusedError(UNAUTHORIZED, "why", cause).answer, 0.1)
    metrics.send()
    sent = {name: kind for kind, name, _ in stats.sent}
    by_answer = {f"{PREFIX}.refused.{answer.words.replace(' ', '_')}" for answer in _all_answers()}
    placeholders = {
        **dict.fromkeys(by_answer, f"{PREFIX}.refused.<answer>"),
        age_name("c", "e"): f"{PREFIX}.last_delivery_age.<connection>.<event>",
    }
    ours = {placeholders.get(name, name): kind for name, kind in sent.items()}
    # Sent where deliveries are replayed, which a command does as well.
    assert f'server_stats().incr("{PREFIX}.replayed"' in (PACKAGE / "ledger" / "replay.py").read_text()
    ours[f"{PREFIX}.replayed"] = "counter"
    assert ours == _documented()


def test_a_flood_of_refusals_is_a_handful_of_packets_and_no_latency() -> None:
    stats = CollectingStats()
    metrics = _metrics(stats)
    for _ in range(10_000):
        metrics.count(RefusedError(UNAUTHORIZED, "forged", "signature").answer, 9.9)
    metrics.send()
    assert stats.values("unauthorized") == [10_000]
    assert stats.values("refused.signature") == [10_000]
    assert stats.values("latency") == []
    assert len(stats.sent) == 3


def test_genuine_deliveries_are_timed_up_to_a_thousand_a_second() -> None:
    stats = CollectingStats()
    metrics = _metrics(stats, waiting=7)
    for _ in range(1_500):
        metrics.count(ACCEPTED, 0.25)
    metrics.send()
    assert stats.values("accepted") == [1_500]
    assert stats.values("latency") == [250.0] * 1_000
    assert stats.values("waiting") == [7]


def test_what_was_sent_is_not_sent_again() -> None:
    stats = CollectingStats()
    metrics = _metrics(stats)
    metrics.count(ACCEPTED, 0.25)
    metrics.send()
    metrics.send()
    assert stats.values("accepted") == [1]


def test_the_ages_are_read_once_a_minute() -> None:
    stats, now = CollectingStats(), [1_000.0]
    metrics = _metrics(stats, LastDelivery("c", "e", NOW - timedelta(hours=2)), clock=lambda: now[0])
    for waited in (0, 59, 1):
        now[0] += waited
        metrics.send()
    assert [value for _, name, value in stats.sent if name == age_name("c", "e")] == [7_200.0] * 2


@pytest.mark.parametrize("event", ["a.b", "a b|c:9", "é" * 500, "../../x\n"])
def test_an_events_name_makes_one_level_of_a_metrics_name(event: str) -> None:
    assert re.fullmatch(
        r"partnero\.receiver\.last_delivery_age\.my_conn\.[a-zA-Z0-9_-]{1,80}", age_name("my conn", event)
    )


def test_a_client_or_a_ledger_that_fails_holds_nobody_up() -> None:
    def fail() -> Any:
        raise OSError("no such host")

    stats = CollectingStats()
    broken = ReceiverMetrics(lambda: 0, fail, lambda: stats)
    broken.count(ACCEPTED, 0.1)
    broken.send()
    assert stats.values("accepted") == [1]
    ReceiverMetrics(lambda: 0, fail, fail).send()


STATSD = """
import os, socket
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("127.0.0.1", 0))
listener.settimeout(60)
os.environ["AIRFLOW__METRICS__STATSD_PORT"] = str(listener.getsockname()[1])
from airflow_provider_partnero.plugin.receiver.answers import ACCEPTED
from airflow_provider_partnero.plugin.receiver.metrics import ReceiverMetrics

metrics = ReceiverMetrics(lambda: 0, lambda: ((), None))
metrics.count(ACCEPTED, 0.002)
metrics.start()
while not (packet := listener.recv(1_000).decode()).startswith("airflow.partnero"):
    pass
print(packet)
"""


def test_they_reach_a_statsd_over_udp_without_an_api_server_that_has_set_it_up() -> None:
    environment = os.environ | {"AIRFLOW__METRICS__STATSD_ON": "True", "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STATSD], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "airflow.partnero.receiver.accepted:1|c"
