"""The life of a fresh value beside a simple model of it, whatever its source does, and whoever stops waiting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from airflow_provider_partnero.plugin.receiver.fresh import Fresh, Freshness, GoneError, LoadError

from .source import CANCELLED, Source, settle

FRESHNESS = Freshness(known_for=60, stale_for=300, refresh_every=10, retry_every=5, patience=0.0)
SECONDS = st.sampled_from([1, 4, 5, 9, 10, 50, 60, 61, 240, 300])
VALUE, FAILURE, GONE = "a value", ConnectionError("out"), GoneError("gone")
ENDS = st.sampled_from([VALUE, VALUE, VALUE, FAILURE, GONE, CANCELLED])


@dataclass(frozen=True, eq=False)
class Question:
    """Somebody who asks.

    :param usable: the number of the value that could be used when it was asked; None: there was none.
    """

    answer: asyncio.Task[Any]
    is_refresh: bool
    usable: int | None

    def given(self) -> Any:
        """The answer; the class of its error."""
        error = self.answer.exception()
        return self.answer.result() if error is None else type(error)


class LifeOfAFreshValue(RuleBasedStateMachine):
    """Values are the numbers of their loads, so that each answer tells how old it is."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now = 0
        self.source = Source()
        self.fresh: Fresh[int] = Fresh(self.source.load, FRESHNESS, lambda: float(self.now))
        self.started: list[int] = []  # when each load was
        self.refreshed_at: int | None = None
        self.failed_at: int | None = None
        self.value: int | None = None
        self.waiting: list[Question] = []

    def teardown(self) -> None:
        if self.source.is_asked:
            self.source.end(VALUE)
        self._settle()
        self.loop.close()

    def _settle(self) -> None:
        self.loop.run_until_complete(settle())

    def _usable(self, max_age: float = FRESHNESS.stale_for) -> int | None:
        is_usable = self.value is not None and self.now - self.started[self.value] <= max_age
        return self.value if is_usable else None

    def _may_load(self) -> bool:
        return self.failed_at is None or self.now - self.failed_at >= FRESHNESS.retry_every

    def _ask(self, *, is_refresh: bool) -> Question:
        work = self.fresh.refreshed if is_refresh else self.fresh.get
        question = Question(self.loop.create_task(work()), is_refresh, self._usable())
        loads = self.source.loads
        self._settle()
        assert self.source.loads - loads in {0, 1}
        if self.source.loads > loads:
            self.started.append(self.now)
        return question

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def somebody_asks(self) -> None:
        was_asked, known, may_load = self.source.is_asked, self._usable(FRESHNESS.known_for), self._may_load()
        question = self._ask(is_refresh=False)
        assert self.source.is_asked == (was_asked or (known is None and may_load))
        if question.usable is not None:
            assert question.given() == question.usable
        elif question.answer.done():
            assert question.given() is LoadError
            assert not was_asked
            assert not may_load
        else:
            self.waiting.append(question)

    @rule()
    def somebody_found_it_wrong(self) -> None:
        was_asked, may_load = self.source.is_asked, self._may_load()
        is_early = self.refreshed_at is not None and self.now - self.refreshed_at < FRESHNESS.refresh_every
        question = self._ask(is_refresh=True)
        if self.source.is_asked and not was_asked:
            assert may_load
            assert not is_early
            self.refreshed_at = self.now
        if question.answer.done():
            assert question.given() is None
            assert not was_asked
            assert is_early or not may_load
        else:
            self.waiting.append(question)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def somebody_stops_waiting(self, data: st.DataObject) -> None:
        question = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        question.answer.cancel()
        self._settle()
        assert question.answer.cancelled()

    @precondition(lambda self: self.source.is_asked)
    @rule(outcome=ENDS)
    def the_load_ends(self, outcome: Any) -> None:
        number = len(self.started) - 1
        self.source.end(number if outcome is VALUE else outcome)
        self._settle()
        if outcome is VALUE:
            self.value, self.failed_at = number, None
        elif outcome is GONE:
            self.value = None
        if outcome in (GONE, FAILURE):
            self.failed_at = self.started[number]
        for question in self.waiting:
            assert question.answer.done(), "it still waits"
            assert question.given() == (number if outcome is VALUE else LoadError)
        self.waiting.clear()

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        assert self.source.is_asked or not self.waiting

    @invariant()
    def what_is_known_is_the_newest_and_not_too_old(self) -> None:
        assert self.fresh.known() == self._usable()


TestLife = LifeOfAFreshValue.TestCase
TestLife.settings = settings(max_examples=200, stateful_step_count=40)
