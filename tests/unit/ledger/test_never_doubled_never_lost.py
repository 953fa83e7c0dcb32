"""Whatever happens to DAGs, servers and commands: each delivery reaches its DAG, and for one wish it does so once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from airflow_provider_partnero.commands import forget, resend
from airflow_provider_partnero.commands.terminal import ProgressLine
from airflow_provider_partnero.ledger import emission, forgetting
from airflow_provider_partnero.ledger.listing import DeliveryFilter, is_failed

from .conftest import HEARD, LATE, LISTENERS, Programme, job, sql

DAGS = st.sampled_from(sorted(LISTENERS))


class KilledError(Exception):
    """The server or the command is gone in the middle of a transaction."""


@contextmanager
def _killed_after(module: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a transaction end when a function that it calls has done its work."""
    real = getattr(module, name)

    def dies(*arguments: Any) -> Any:
        real(*arguments)
        raise KilledError

    with monkeypatch.context() as patched, suppress(KilledError):
        patched.setattr(module, name, dies)
        yield


def _killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> AbstractContextManager[None]:
    """Let a transaction end at its first look at the routes (0), after its asset events (1), or at its end (2)."""
    return _killed_after(emission, ("find_routes", "register_all", "end_turn")[step], monkeypatch)


class Story(RuleBasedStateMachine):
    """Deliveries, DAGs that come and go, upkeep, commands and kills, in any order."""

    programme: Programme
    monkeypatch: pytest.MonkeyPatch

    def __init__(self) -> None:
        super().__init__()
        self.programme.reset()
        self.sent: dict[str, set[int]] = {HEARD: set(), LATE: set()}
        self.forgotten: set[int] = set()
        self.number = 0

    @rule(event=st.sampled_from([HEARD, LATE]), how_many=st.integers(1, 8))
    def deliver(self, event: str, how_many: int) -> None:
        numbers = range(self.number, self.number + how_many)
        self.number += how_many
        words = self.programme.deliver(*[job(number, event) for number in numbers])
        assert set(words) <= {"accepted", "unrouted"}
        self.sent[event] |= set(numbers)

    @rule(event=st.sampled_from([HEARD, LATE]), step=st.integers(0, 2))
    def deliver_to_a_server_that_dies_and_again(self, event: str, step: int) -> None:
        one = job(self.number, event)
        self.number += 1
        with _killed_at(step, self.monkeypatch):
            self.programme.deliver(one)
        assert self.programme.deliver(one) != ["duplicate"] or step == 1  # nobody listens: no event was written
        self.sent[event].add(self.number - 1)

    @precondition(lambda self: self.number)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from([event for event, numbers in self.sent.items() if numbers]))
        number = data.draw(st.sampled_from(sorted(self.sent[event])))
        assert self.programme.deliver(job(number, event)) == ["duplicate"]

    @rule(dag_ids=st.sets(DAGS, min_size=1), is_paused=st.booleans())
    def pause(self, dag_ids: set[str], *, is_paused: bool) -> None:
        for dag_id in dag_ids:
            self.programme.pause(dag_id, is_paused=is_paused)

    @rule(event=st.sampled_from([HEARD, LATE]), how_many=st.integers(3, 8), dag_id=DAGS)
    def deliver_while_all_are_paused_and_one_is_not_any_more(self, event: str, how_many: int, dag_id: str) -> None:
        self.pause(set(LISTENERS), is_paused=True)
        self.deliver(event, how_many)
        self.pause({dag_id}, is_paused=False)
        self.upkeep()

    @rule(is_there=st.booleans())
    def schedule(self, *, is_there: bool) -> None:
        self.programme.schedule("late", is_there=is_there)

    @rule()
    def upkeep(self) -> None:
        self.programme.upkeep()

    @rule(step=st.integers(0, 2))
    def upkeep_of_a_server_that_dies(self, step: int) -> None:
        with _killed_at(step, self.monkeypatch):
            self.programme.upkeep()

    @rule()
    def make_runs(self) -> None:
        self.programme.run()

    @rule(dag_id=DAGS)
    def runs_fail(self, dag_id: str) -> None:
        self.programme.fail(dag_id)

    @rule(step=st.none() | st.integers(0, 2))
    def replay_what_failed(self, step: int | None) -> None:
        if step is None:
            self._replay()
            return
        with _killed_at(step, self.monkeypatch):
            self._replay()

    def _replay(self) -> None:
        for portion in resend._portions([is_failed()]):
            resend._send(portion, resend.SendingProgress(0))

    @precondition(lambda self: self.number)
    @rule(data=st.data(), is_killed=st.booleans())
    def forget(self, data: st.DataObject, *, is_killed: bool) -> None:
        event = data.draw(st.sampled_from([event for event, numbers in self.sent.items() if numbers]))
        numbers = data.draw(st.sets(st.sampled_from(sorted(self.sent[event])), min_size=1, max_size=3))
        found = forget.Found()
        ids = tuple(job(number, event).delivery.delivery_id for number in numbers)
        forget._look(DeliveryFilter(ids=ids), None, found, ProgressLine())
        if is_killed:
            with _killed_after(forgetting, "forget_events", self.monkeypatch):
                forget._delete(found, forget.Done(), ProgressLine())
            return
        self._replay()  # by somebody else, meanwhile
        forget._delete(found, forget.Done(), ProgressLine())
        self.forgotten |= numbers

    def teardown(self) -> None:
        """In the end every DAG is there and awake."""
        self.everything_is_told()

    @rule()
    def everything_is_told(self) -> None:
        """Once every DAG is there and awake."""
        for dag_id in LISTENERS:
            self.programme.schedule(dag_id)
            self.programme.pause(dag_id, is_paused=False)
        for _ in range(10 + self.number):
            self.programme.upkeep()
        self.programme.run()
        assert Counter(self.programme.outcomes()) == Counter(
            accepted=self.number - len(self.forgotten), forgotten=len(self.forgotten)
        )
        assert self.programme.waiting() == []
        for dag_id, event in LISTENERS.items():
            told = self.programme.told(dag_id)
            assert {number for number, _ in told} == self.sent[event] - self.forgotten, dag_id
            assert max(Counter(told).values(), default=1) == 1, dag_id
        known = "from asset_event where json_extract(extra, '$.forgotten') is null"
        events = sql(f"select count(*) {known}")[0][0]
        replays = sql("select coalesce(sum(replays), 0) from partnero_delivery")[0][0]
        first = sql(f"select count(*) {known} and json_extract(extra, '$.replay') is null")[0][0]
        assert events == first + replays


def test_nothing_is_lost_and_nothing_is_doubled(programme: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    class OnThisDatabase(Story):
        pass

    OnThisDatabase.programme, OnThisDatabase.monkeypatch = programme, monkeypatch
    run_state_machine_as_test(OnThisDatabase, settings=settings(max_examples=15, stateful_step_count=20, deadline=None))
