"""Deliveries that found no DAG, or a paused one, reach it by themselves: none twice, none never."""

from __future__ import annotations

import pytest
from airflow.utils.session import create_session

from airflow_provider_partnero.ledger import resumption
from airflow_provider_partnero.ledger.emission import Emission
from airflow_provider_partnero.ledger.keeping import UnreadableError, pack, unpack
from airflow_provider_partnero.ledger.resumption import resume_waiting
from airflow_provider_partnero.ledger.turn import utc_now
from airflow_provider_partnero.ledger.waiting import Waiting, find_waiting

from .conftest import HEARD, LATE, Programme, job, sql


def test_what_came_while_a_dag_was_paused_is_one_run_when_it_is_unpaused(programme: Programme) -> None:
    programme.pause("one")
    programme.pause("other")
    assert programme.deliver(job(1), job(2)) == ["unrouted"] * 2
    programme.upkeep()
    programme.run()
    assert programme.outcomes() == ["paused", "paused"]
    programme.pause("one", is_paused=False)
    programme.upkeep()
    programme.run()
    assert programme.told("one") == [(1, 0), (2, 0)]
    assert [programme.outcomes(), programme.waiting()] == [["accepted"] * 2, ["other"]]
    programme.upkeep()
    assert sql("select * from asset_dag_run_queue") == []
    programme.pause("other", is_paused=False)
    programme.upkeep()
    programme.run()
    assert programme.told("other") == [(1, 0), (2, 0)]
    assert programme.waiting() == []


def test_one_of_two_dags_is_paused_and_gets_what_it_missed_when_it_is_unpaused(programme: Programme) -> None:
    programme.pause("other")
    assert programme.deliver(job(1)) == ["accepted"]
    programme.run()
    programme.pause("other", is_paused=False)
    programme.upkeep()
    programme.run()
    assert [programme.told("one"), programme.told("other")] == [[(1, 0)], [(1, 0)]]


def test_a_delivery_after_the_unpausing_takes_what_was_missed_along_and_no_second_run_is_queued(
    programme: Programme,
) -> None:
    programme.pause("other")
    programme.deliver(job(1))
    programme.pause("other", is_paused=False)
    programme.deliver(job(2))
    programme.run()
    programme.upkeep()
    assert sql("select * from asset_dag_run_queue") == []
    assert programme.told("other") == [(1, 0), (2, 0)]
    assert programme.waiting() == []


def test_however_many_were_paused_the_ledger_has_them_all_as_accepted(programme: Programme) -> None:
    programme.pause("one")
    programme.pause("other")
    programme.deliver(*[job(number) for number in range(10)])
    programme.pause("one", is_paused=False)
    programme.upkeep()
    programme.run()
    assert programme.told("one") == [(number, 0) for number in range(10)]
    assert [programme.outcomes(), programme.waiting()] == [["accepted"] * 10, ["other"]]


def test_what_came_before_a_dag_was_scheduled_waits_on_for_the_one_that_was(programme: Programme) -> None:
    programme.pause("one")
    programme.pause("other")
    programme.schedule("one", is_there=False)
    programme.deliver(job(1))
    programme.schedule("one")
    programme.deliver(job(2))
    programme.pause("one", is_paused=False)
    programme.upkeep()
    assert [programme.outcomes(), programme.waiting()] == [["paused", "accepted"], ["other"]]


def test_of_two_connections_one_has_a_dag_now_and_the_other_waits_on(programme: Programme) -> None:
    programme.deliver(job(1, LATE), job(2, LATE, conn_id="elsewhere"))
    programme.schedule("late")
    programme.upkeep()
    programme.run()
    assert programme.told("late") == [(1, 1)]
    assert sql("select conn_id from partnero_waiting") == [("elsewhere",)]
    assert sorted(programme.outcomes()) == ["accepted", "unrouted"]


def _found_and_paused_again(programme: Programme) -> Waiting:
    """What was found when one of two DAGs was unpaused, which is paused again now."""
    programme.pause("one")
    programme.pause("other")
    programme.deliver(job(1))
    programme.pause("one", is_paused=False)
    with create_session() as session:
        [found] = find_waiting(session)
    programme.pause("one")
    return found


def test_what_is_paused_again_before_its_turn_waits_on(programme: Programme) -> None:
    found = _found_and_paused_again(programme)
    with create_session() as session:
        emission = Emission(session)
        assert not resumption._resume(emission, found, [], 50)
    assert sql("select * from asset_dag_run_queue") == []
    assert [programme.outcomes(), programme.waiting()] == [["paused"], ["one", "other"]]


def test_what_comes_between_the_look_and_the_turn_is_taken_along(programme: Programme) -> None:
    found = _found_and_paused_again(programme)
    programme.deliver(job(2))
    programme.pause("one", is_paused=False)
    with create_session() as session:
        assert not resumption._resume(Emission(session), found, [], 50)
    programme.run()
    assert programme.told("one") == [(1, 0), (2, 0)]
    assert [programme.outcomes(), programme.waiting()] == [["accepted"] * 2, ["other"]]


def test_an_event_that_is_scheduled_for_the_first_time_is_emitted_marked_as_a_replay(programme: Programme) -> None:
    assert programme.deliver(*[job(number, LATE) for number in range(10)]) == ["unrouted"] * 10
    programme.upkeep()
    assert sql("select * from asset_event") == []
    programme.schedule("late")
    programme.upkeep()
    programme.run()
    assert programme.told("late") == [(number, 1) for number in range(10)]
    assert [programme.outcomes(), programme.waiting()] == [["accepted"] * 10, []]
    assert sql("select count(*) from partnero_delivery where replays = 1 and asset_event_id is not null") == [(10,)]


def test_a_dag_that_is_scheduled_but_paused_gets_them_when_it_is_unpaused(programme: Programme) -> None:
    programme.deliver(job(1, LATE))
    programme.pause("late")
    programme.schedule("late")
    programme.upkeep()
    assert [programme.outcomes(), programme.waiting()] == [["unrouted"], [""]]
    programme.pause("late", is_paused=False)
    programme.upkeep()
    programme.run()
    assert programme.told("late") == [(1, 1)]


def test_what_is_not_kept_any_more_is_left_alone(programme: Programme) -> None:
    programme.deliver(job(1, LATE), job(2, LATE))
    sql("update partnero_delivery set kept = null where recorded_at = (select min(recorded_at) from partnero_delivery)")
    programme.schedule("late")
    programme.upkeep()
    programme.run()
    assert programme.told("late") == [(2, 1)]
    assert [programme.outcomes(), programme.waiting()] == [["unrouted", "accepted"], []]


def test_what_cannot_be_read_holds_up_nothing_behind_it(programme: Programme) -> None:
    programme.deliver(*[job(number, LATE) for number in range(8)])
    for (digest,) in sql("select delivery_id from partnero_delivery order by recorded_at limit 5"):
        sql("update partnero_delivery set kept = :kept where delivery_id = :id", kept=b"gAAAAnonsense", id=digest)
    programme.schedule("late")
    programme.upkeep()
    programme.run()
    assert programme.told("late") == [(number, 1) for number in (5, 6, 7)]
    assert programme.waiting() == []


def test_a_dag_that_does_not_listen_any_more_is_not_waited_for(programme: Programme) -> None:
    programme.pause("one")
    programme.pause("other")
    programme.deliver(job(1))
    sql("delete from partnero_waiting where dag_id = 'other'")
    sql("update partnero_waiting set dag_id = 'late'")  # as if it had listened before
    programme.schedule("late")
    programme.upkeep()
    assert programme.waiting() == []
    assert programme.outcomes() == ["paused"]


def test_nothing_is_written_while_nothing_can_go(programme: Programme) -> None:
    programme.deliver(job(1, LATE))
    before = sql("select last from partnero_receiver_clock")
    programme.upkeep()
    assert sql("select last from partnero_receiver_clock") == before


def test_much_that_waits_is_sent_in_portions_between_which_senders_are_served(programme: Programme) -> None:
    programme.deliver(*[job(number, LATE) for number in range(20)])
    programme.schedule("late")
    times = iter(range(1_000))
    programme.writer._clock = lambda: float(next(times))  # each look at the clock takes longer than an upkeep may
    counts = []
    for _ in range(8):
        programme.writer.resume()
        counts.append(programme.outcomes().count("accepted"))
    assert counts == [3, 6, 9, 12, 15, 18, 20, 20]


def test_of_two_servers_that_look_at_once_one_sends(programme: Programme) -> None:
    programme.deliver(job(1, LATE), job(2, LATE))
    programme.schedule("late")
    first, second = (resume_waiting(lambda _: None, utc_now, 50) for _ in range(2))
    assert len(list(first)) == 1
    assert list(second) == []
    programme.run()
    assert programme.told("late") == [(1, 1), (2, 1)]


@pytest.mark.usefixtures("fernet_key")
def test_what_is_kept_is_encrypted_and_read_again() -> None:
    kept = pack({"event": HEARD, "data": {"email": "ada@example.com"}})
    assert b"ada" not in kept
    assert unpack(kept) == {"event": HEARD, "data": {"email": "ada@example.com"}}


@pytest.mark.usefixtures("fernet_key")
def test_what_another_key_has_encrypted_is_said_to_be_so() -> None:
    with pytest.raises(UnreadableError, match="fernet_key does not name here"):
        unpack(b"gAAAAABnothing")


@pytest.mark.usefixtures("fernet_key")
def test_what_was_kept_in_clear_before_there_was_a_key_is_read() -> None:
    assert unpack(b'{"event":"a.b"}') == {"event": "a.b"}


def test_without_a_key_it_is_in_clear_as_airflows_connections_are() -> None:
    assert pack({"event": "a.b"}) == b'{"event":"a.b"}'
    with pytest.raises(UnreadableError, match="fernet_key is empty here"):
        unpack(b"gAAAAABnothing")
