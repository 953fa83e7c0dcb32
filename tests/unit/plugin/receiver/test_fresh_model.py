"""The freshness cache beside a simple model of it, whatever its source does, and whoever stops waiting."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from airflow_provider_partnero.plugin.receiver.fresh import Fresh, Freshness, LoadError, OverBudgetError

from .source import CANCELLED, HELD, Source, settle

MOST, PER_MINUTE = 3, 6
KNOWN_FOR, UNKNOWN_FOR, STALE_FOR = 60, 20, 300
LONG = 3_600.0  # seconds of patience; no test lasts as long
# All are multiples of 5, of which budget and model make the same fractions.
SECONDS = st.sampled_from([5, 10, 15, 20, 25, 40, 60, 65, 240, 300])
NAMES = st.sampled_from(["a", "b", "c", "d"])  # one more than are kept
VALUE, NOTHING, FAILURE = "a value", "nothing", "failure"
ENDS = st.sampled_from([VALUE, VALUE, NOTHING, FAILURE, CANCELLED])


class Recent(OrderedDict[str, tuple[Any, int]]):
    """The last few that were used: what was learnt, and when."""

    def learn(self, name: str, value: Any, now: int) -> None:
        self[name] = (value, now)
        self.move_to_end(name)
        if len(self) > MOST:
            self.popitem(last=False)

    def use(self, name: str, now: int, max_age: int) -> Any:
        if name not in self or now - self[name][1] > max_age:
            return None
        self.move_to_end(name)
        return self[name][0]


def _may_load(before: list[int], now: int) -> bool:
    """Whether one more load keeps to the budget, from every earlier load until now."""
    return all((len(before) - index + 1) * 60 <= (60 + now - at) * PER_MINUTE for index, at in enumerate(before))


@dataclass(frozen=True)
class Answer:
    """It is answered at once, without a load."""

    value: Any


@dataclass(frozen=True)
class Load:
    """It takes a load: a new one, or the one that is under way.

    :param stale: what can be answered without it.
    """

    is_new: bool
    stale: int | None


class Model:
    """What is known about keys, and what to do when one is asked for."""

    def __init__(self) -> None:
        self.now = 0
        self.values, self.without_value, self.refreshed = Recent(), Recent(), Recent()
        self.under_way: set[str] = set()
        self.loads_of_new: list[int] = []
        self.loads_of_known: list[int] = []

    def get(self, name: str) -> Answer | Load:
        known = self.values.use(name, self.now, KNOWN_FOR)
        if known is not None or self.without_value.use(name, self.now, UNKNOWN_FOR):
            return Answer(known)
        stale = self.values.use(name, self.now, STALE_FOR)
        load = self._load(name, stale)
        return load if load is not None else Answer(OverBudgetError if stale is None else stale)

    def refresh(self, name: str) -> Answer | Load:
        if self.refreshed.use(name, self.now, UNKNOWN_FOR) or self.without_value.use(name, self.now, UNKNOWN_FOR):
            return Answer(self.values.use(name, self.now, STALE_FOR))
        return self._load(name, None) or Answer(OverBudgetError)

    def _load(self, name: str, stale: int | None) -> Load | None:
        if name in self.under_way:
            return Load(is_new=False, stale=stale)
        has_value = self.values.use(name, self.now, STALE_FOR) is not None
        loads = self.loads_of_known if has_value else self.loads_of_new
        if not _may_load(loads, self.now):
            return None
        loads.append(self.now)
        self.under_way.add(name)
        return Load(is_new=True, stale=stale)

    def end(self, name: str, outcome: Any, *, refreshes: bool) -> None:
        self.under_way.remove(name)
        if isinstance(outcome, int):
            self.without_value.pop(name, None)
            self.values.learn(name, outcome, self.now)
            if refreshes:
                self.refreshed.learn(name, True, self.now)
        elif outcome is None:
            self.values.pop(name, None)
            self.without_value.learn(name, True, self.now)


@dataclass(frozen=True, eq=False)
class Question:
    """Somebody who asks for a key; :attr:`stale` is what can be answered without a load."""

    name: str
    answer: asyncio.Task[Any]
    is_refresh: bool
    stale: int | None

    def expects(self, outcome: Any) -> Any:
        """The answer when the load ends so."""
        if outcome is None or isinstance(outcome, int):
            return outcome
        return LoadError if self.stale is None else self.stale

    def answered(self) -> Any:
        """The answer, or the class of the error."""
        assert self.answer.done(), "it is not answered"
        error = self.answer.exception()
        return self.answer.result() if error is None else type(error)


class FreshBesideItsModel(RuleBasedStateMachine):
    """Asks both the same; compares what they answer, what they load and what they keep."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.complaints: list[Any] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        self.source = Source()
        self.model = Model()
        self.waiting: list[Question] = []
        self.numbers = itertools.count(1)

    @initialize(patience=st.sampled_from([0.0, LONG]))
    def begin(self, patience: float) -> None:
        self.patience = patience
        freshness = Freshness(KNOWN_FOR, UNKNOWN_FOR, STALE_FOR, MOST, PER_MINUTE, patience)
        self.fresh: Fresh[str, int] = Fresh(self.source.load, freshness, lambda: self.model.now)

    def teardown(self) -> None:
        for name in self.source.under_way:
            self.source.end(name, None)
        self._settle()
        self.loop.close()

    @rule(seconds=SECONDS)
    def let_time_pass(self, seconds: int) -> None:
        self.model.now += seconds

    @rule(name=NAMES, end=ENDS | st.just(HELD))
    def get(self, name: str, end: Any) -> None:
        self._ask(name, end, is_refresh=False)

    @rule(name=NAMES, end=ENDS | st.just(HELD))
    def refresh(self, name: str, end: Any) -> None:
        self._ask(name, end, is_refresh=True)

    @rule(number=st.integers(1, 10))
    def ask_for_made_up_keys(self, number: int) -> None:
        for _ in range(number):
            self._ask(f"made up {next(self.numbers)}", NOTHING, is_refresh=False)

    @rule(name=NAMES, number=st.integers(1, 10))
    def refresh_in_vain(self, name: str, number: int) -> None:
        for _ in range(number):
            self._ask(name, FAILURE, is_refresh=True)

    @precondition(lambda self: self.source.under_way)
    @rule(end=ENDS, data=st.data())
    def end_a_load(self, end: Any, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.source.under_way))
        outcome = self._outcome(end)
        asking = [question for question in self.waiting if question.name == name]
        self.model.end(name, outcome, refreshes=any(question.is_refresh for question in asking))
        self.source.end(name, outcome)
        self._settle()
        for question in asking:
            assert question.answered() == question.expects(outcome)
            self.waiting.remove(question)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def stop_waiting(self, data: st.DataObject) -> None:
        question = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        question.answer.cancel()
        self._settle()
        assert question.answer.cancelled()

    @invariant()
    def both_load_and_keep_the_same(self) -> None:
        assert set(self.source.under_way) == self.model.under_way
        if hasattr(self, "fresh"):
            kept = list(self.fresh.items())
            assert len(kept) <= MOST
            assert kept == [(name, value) for name, (value, _) in self.model.values.items()]
        assert [question.answer.done() for question in self.waiting] == [False] * len(self.waiting)
        assert self.complaints == []

    def _ask(self, name: str, end: Any, *, is_refresh: bool) -> None:
        plan = self.model.refresh(name) if is_refresh else self.model.get(name)
        outcome = self._outcome(end)
        self.source.outcome = outcome
        self.source.loaded.clear()
        ask = self.fresh.refresh if is_refresh else self.fresh.get
        stale = plan.stale if isinstance(plan, Load) else None
        question = Question(name, self.loop.create_task(ask(name)), is_refresh, stale)
        self._settle()
        self.source.outcome = HELD
        if isinstance(plan, Answer):
            assert (question.answered(), self.source.loaded) == (plan.value, [])
            return
        assert self.source.loaded == [name] * plan.is_new
        if plan.is_new and outcome is not HELD:
            assert question.answered() == question.expects(outcome)
            self.model.end(name, outcome, refreshes=is_refresh)
        elif stale is not None and not self.patience:
            assert question.answered() == stale
        else:
            self.waiting.append(question)

    def _outcome(self, end: Any) -> Any:
        outcomes = {VALUE: next(self.numbers), NOTHING: None, FAILURE: ConnectionError("the source is out")}
        return outcomes.get(end, end)

    def _settle(self) -> None:
        self.loop.run_until_complete(settle())


TestFresh = FreshBesideItsModel.TestCase
TestFresh.settings = settings(stateful_step_count=40, max_examples=150)
