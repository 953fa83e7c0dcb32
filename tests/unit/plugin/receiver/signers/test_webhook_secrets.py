"""How often Partnero is asked for secrets, and what happens when it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.plugin.receiver.answers import FLOODED, UNAVAILABLE, RefusedError
from airflow_provider_partnero.plugin.receiver.signers.webhook_secrets import SECRETS, WebhookSecrets

from ..source import settle

T = TypeVar("T")


class Partnero:
    """Secrets by webhook key, a clock, and a list of what was asked for."""

    def __init__(self) -> None:
        self.secrets = {"known": "first"}
        self.now = 0.0
        self.asked: list[str] = []
        self.is_out = False
        self.hangs_until: asyncio.Event | None = None
        # Whoever can have a stale secret waits for no new one that is slow.
        self.known = WebhookSecrets(self._look_up, replace(SECRETS, patience=0.0), lambda: self.now)

    async def _look_up(self, webhook_key: str) -> Secret | None:
        self.asked.append(webhook_key)
        if self.hangs_until:
            await self.hangs_until.wait()
        if self.is_out:
            raise ConnectionError("no answer")
        found = self.secrets.get(webhook_key)
        return Secret(found) if found else None


@pytest.fixture
def partnero() -> Partnero:
    return Partnero()


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def test_a_secret_is_asked_for_once_in_ten_minutes(partnero: Partnero) -> None:
    for now, asked in [(0, 1), (599, 1), (601, 2)]:
        partnero.now = now
        assert _run(partnero.known.secret("known")) == "first"
        assert len(partnero.asked) == asked


def test_an_unknown_key_is_asked_for_once_a_minute(partnero: Partnero) -> None:
    for now, asked in [(0, 1), (59, 1), (61, 2)]:
        partnero.now = now
        assert _run(partnero.known.secret("unknown")) is None
        assert len(partnero.asked) == asked


def test_a_key_that_comes_into_being_is_known_a_minute_later(partnero: Partnero) -> None:
    assert _run(partnero.known.secret("new")) is None
    partnero.secrets["new"] = "born"
    partnero.now = 61
    assert _run(partnero.known.secret("new")) == "born"


def test_five_hundred_made_up_keys_cost_sixty_look_ups(partnero: Partnero) -> None:
    async def ask() -> list[Any]:
        return [await _outcome(partnero.known.secret(f"made-up-{number}")) for number in range(500)]

    found = _run(ask())
    assert found.count(None) == len(partnero.asked) == 60
    assert {(one.answer, one.reason) for one in found if one} == {
        (FLOODED, "more than 60 look-ups of secrets within a minute")
    }


def test_a_known_secret_is_answered_while_look_ups_are_flooded(partnero: Partnero) -> None:
    async def ask() -> Secret | None:
        await partnero.known.secret("known")
        for number in range(100):
            await _outcome(partnero.known.secret(f"made-up-{number}"))
        partnero.now = 0.5
        return await partnero.known.secret("known")

    assert _run(ask()) == "first"


def test_a_rotated_secret_is_found_at_once_and_asked_for_once_a_minute(partnero: Partnero) -> None:
    async def ask() -> None:
        old = await partnero.known.secret("known")
        assert old is not None
        partnero.secrets["known"] = "second"
        assert await partnero.known.other_secret("known", old) == "second"
        assert await partnero.known.secret("known") == "second"
        for _ in range(10):
            assert await partnero.known.other_secret("known", Secret("second")) is None
        assert len(partnero.asked) == 2
        partnero.secrets["known"] = "third"
        partnero.now = 61
        assert await partnero.known.other_secret("known", Secret("second")) == "third"

    _run(ask())


def test_many_who_ask_at_once_share_one_look_up(partnero: Partnero) -> None:
    async def ask() -> list[Secret | None]:
        return await asyncio.gather(*(partnero.known.secret("known") for _ in range(100)))

    assert set(_run(ask())) == {"first"}
    assert partnero.asked == ["known"]


def test_one_who_gives_up_leaves_the_look_up_to_the_others(partnero: Partnero) -> None:
    async def ask() -> Secret | None:
        impatient = asyncio.create_task(partnero.known.secret("known"))
        patient = asyncio.create_task(partnero.known.secret("known"))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert _run(ask()) == "first"
    assert partnero.asked == ["known"]


def test_an_old_secret_serves_for_a_day_while_partnero_is_out(partnero: Partnero) -> None:
    assert _run(partnero.known.secret("known")) == "first"
    partnero.is_out = True
    partnero.now = 86_399
    assert _run(partnero.known.secret("known")) == "first"
    partnero.now = 86_401
    refused = _run(_outcome(partnero.known.secret("known")))
    assert refused.answer == UNAVAILABLE
    assert refused.reason == "the secret could not be looked up: no answer"


def test_an_old_secret_serves_while_partnero_hangs_and_the_new_one_once_it_answers(partnero: Partnero) -> None:
    async def ask() -> list[Secret | None]:
        found = [await partnero.known.secret("known")]
        partnero.now = 601
        partnero.hangs_until = asyncio.Event()
        partnero.secrets["known"] = "second"
        found += await asyncio.gather(*(partnero.known.secret("known") for _ in range(20)))
        partnero.hangs_until.set()
        await settle()
        return [*found, await partnero.known.secret("known")]

    assert _run(ask()) == ["first"] * 21 + ["second"]
    assert partnero.asked == ["known"] * 2


def test_a_secret_that_was_learnt_meanwhile_is_the_other_one_without_a_look_up(partnero: Partnero) -> None:
    async def ask() -> Secret | None:
        old = await partnero.known.secret("known")
        assert old is not None
        partnero.now = 601
        partnero.secrets["known"] = "second"
        assert await partnero.known.secret("known") == "second"
        return await partnero.known.other_secret("known", old)

    assert _run(ask()) == "second"
    assert len(partnero.asked) == 2


def test_made_up_keys_do_not_keep_a_rotated_secret_out(partnero: Partnero) -> None:
    async def ask() -> Secret | None:
        old = await partnero.known.secret("known")
        assert old is not None
        for number in range(100):
            await _outcome(partnero.known.secret(f"made-up-{number}"))
        partnero.secrets["known"] = "second"
        return await partnero.known.other_secret("known", old)

    assert _run(ask()) == "second"
    assert len(partnero.asked) == 61


def test_a_webhook_that_is_deleted_is_unknown_when_its_secret_is_asked_for_again(partnero: Partnero) -> None:
    assert _run(partnero.known.secret("known")) == "first"
    partnero.secrets.clear()
    partnero.now = 601
    assert _run(partnero.known.secret("known")) is None
    partnero.is_out = True
    partnero.now = 700
    assert isinstance(_run(_outcome(partnero.known.secret("known"))), RefusedError)


def test_at_most_a_thousand_secrets_are_remembered(partnero: Partnero) -> None:
    partnero.secrets = {f"k{number}": f"s{number}" for number in range(1_100)}

    async def ask() -> int:
        for number in range(1_100):
            partnero.now += 1
            await partnero.known.secret(f"k{number}")
        return len(list(partnero.known.all_known()))

    assert _run(ask()) == 1_000


async def _outcome(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await work
    except RefusedError as refusal:
        return refusal
