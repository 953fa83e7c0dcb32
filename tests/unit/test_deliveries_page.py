"""The story of lost deliveries: its commands are typed in, and its outputs are the real ones."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery
from tests.unit.ledger.conftest import CONN, HEARD, LATE, Programme, listening, programme, sql

__all__ = ["listening", "programme"]

PAGE = (Path(__file__).parents[2] / "airflow_provider_partnero" / "docs" / "deliveries.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FAILED = "7c1f9a02be44c1a5b6d0f5c7a9e3420b11f6a2e7d84c9035be6712f0a1c4d98e"
UNROUTED = ("3f2a9c1d08b6", "91e6c0de7745", "d02b11c4a9e7")


def _console() -> list[str]:
    return [text for kind, text in BLOCKS if kind == "console"]


def _typed(block: str) -> str:
    """What a terminal shows when the lines of a block that start with ``$`` are typed in."""
    shown = []
    for line in (line for line in block.splitlines() if line.startswith("$ ")):
        _, _, *arguments = shlex.split(line.removeprefix("$ "))
        done = subprocess.run(
            [sys.executable, "-m", "airflow_provider_partnero", *arguments],
            env=os.environ, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        shown.append(f"{line}\n{done.stdout}")
    return "".join(shown)


def _deliver(digest: str, event: str, second: int, key: str) -> None:
    at = datetime(2026, 5, 7, 10, 30, second, tzinfo=UTC)
    data = {"partner": {"key": key}, "n": second}
    delivery = PartneroDelivery(digest.ljust(64, "0"), event, "wk_shop", "2026-05-07T10:30:00.000000Z", None, data)
    DeliveryWriter(wall_clock=lambda: at).write([Job(CONN, delivery, "full")])


@pytest.fixture
def story(programme: Programme) -> Programme:
    """What the page begins with."""
    sql("update partnero_receiver_clock set last = '2026-01-01 00:00:00.000000'")
    programme.schedule("late")
    programme.schedule("one", is_there=False)
    programme.schedule("other", is_there=False)
    for second, digest in enumerate(UNROUTED, start=1):
        _deliver(digest, HEARD, second, f"p_{min(second, 2)}")
    _deliver(FAILED, LATE, 4, "p_1")
    programme.run()
    programme.fail("late")
    return programme


def test_the_story_happens_as_it_is_told(story: Programme) -> None:
    listed, shown, replayed, forgotten = _console()
    assert _typed(listed) == listed
    assert _typed(shown).replace("late  asset__0", "pays_rewards  asset__1") == shown
    sql("update partnero_delivery set recorded_at = :now", now=datetime.now(UTC).replace(tzinfo=None).isoformat(" "))
    assert _typed(replayed) == replayed
    story.run()
    assert story.told("late") == [(4, 0), (4, 1)]
    assert _typed(forgotten) == forgotten


def test_every_block_of_the_page_is_run_or_compared_here() -> None:
    assert {kind: sum(kind == other for other, _ in BLOCKS) for kind, _ in BLOCKS} == {"console": 4, "python": 1}


def test_the_marked_replay_is_what_the_page_says() -> None:
    assert PartneroDelivery("id", "a.b", "k", None, replay=1).replay == 1
