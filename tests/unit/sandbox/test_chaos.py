"""Faults by chance: repeatable, and of every kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sandbox.chaos import KINDS, Chaos

from .conftest import Api


def outcomes(api: Api, count: int) -> list[int | str]:
    seen: list[int | str] = []
    for _ in range(count):
        try:
            answer = api.get("/webhooks")
            seen.append(answer.status_code if answer.status_code >= 400 or is_json(answer) else "garbled")
        except requests.RequestException as error:
            seen.append(type(error).__name__)
    return seen


def is_json(answer: requests.Response) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


def test_the_same_seed_gives_the_same_faults(api: Api, sandbox: Sandbox) -> None:
    sandbox.chaos(7, 0.5)
    first = outcomes(api, 120)
    sandbox.chaos(7, 0.5)
    assert outcomes(api, 120) == first
    sandbox.chaos(8, 0.5)
    assert outcomes(api, 120) != first
    assert {200, 408, 429, 500, 502, 503, 504, "garbled"} <= set(first)


def test_the_rate_is_the_share_of_requests_that_meet_a_fault() -> None:
    for rate in (0.0, 0.3, 1.0):
        chaos = Chaos(1, rate)
        assert sum(chaos.draw() is not None for _ in range(5_000)) / 5_000 == pytest.approx(rate, abs=0.03)


def test_every_kind_happens() -> None:
    chaos = Chaos(3, 1)
    assert {id(chaos.draw()) for _ in range(500)} == {id(kind) for kind in KINDS}


def test_a_rate_of_0_ends_the_faults_and_so_do_clearing_and_a_reset(api: Api, sandbox: Sandbox) -> None:
    ends: list[Callable[[], None]] = [lambda: sandbox.chaos(1, 0), sandbox.clear_faults, sandbox.reset]
    for end in ends:
        sandbox.chaos(1, 1)
        assert outcomes(api, 3) != [200, 200, 200]
        end()
        assert outcomes(api, 3) == [200, 200, 200]


def test_scripted_faults_come_first(api: Api, sandbox: Sandbox) -> None:
    sandbox.chaos(1, 1)
    sandbox.fault(status=418, times=3)
    assert outcomes(api, 3) == [418, 418, 418]


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_out_of_range_is_refused(sandbox: Sandbox, rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        sandbox.chaos(1, rate)


def test_a_hundred_seeds_run_one_after_the_other_each_with_its_own_faults(api: Api, sandbox: Sandbox) -> None:
    for seed in range(100):
        sandbox.reset()
        sandbox.chaos(seed, 0.3)
        expected = Chaos(seed, 0.3)
        assert [outcome != 200 for outcome in outcomes(api, 2)] == [expected.draw() is not None for _ in range(2)]
