"""Deliveries that somebody chose from a list are sent again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from airflow_provider_partnero.ledger.chosen import ChosenDelivery, send_chosen
from airflow_provider_partnero.ledger.replay import Resending

from .conftest import CONN, LATE, Programme, fernet_key, job, sql

__all__ = ["fernet_key"]


def _chosen() -> list[ChosenDelivery]:
    """All deliveries as they are now, the oldest first."""
    rows = sql("select delivery_id, replays from partnero_delivery order by recorded_at")
    return [ChosenDelivery(delivery_id, replays or 0) for delivery_id, replays in rows]


def _send(chosen: Sequence[ChosenDelivery], *, is_held_sent: bool = False, conn_id: str = CONN) -> list[Resending]:
    results = send_chosen(conn_id, chosen, is_held_sent=is_held_sent, sleep=lambda _: None)
    return [results[one] for one in chosen]


def test_a_delivery_whose_run_failed_is_sent_again_once_for_one_wish(programme: Programme) -> None:
    programme.deliver(job(1), job(2))
    programme.run()
    programme.fail("one")
    seen = _chosen()
    assert _send(seen) == [Resending.SENT, Resending.SENT]
    assert _send(seen) == [Resending.CHANGED, Resending.CHANGED]
    assert _send(seen, is_held_sent=True) == [Resending.CHANGED, Resending.CHANGED]
    programme.run()
    assert programme.told("one") == [(1, 0), (2, 0), (1, 1), (2, 1)]


def test_what_a_dag_has_already_is_sent_again_only_when_that_is_meant(programme: Programme) -> None:
    programme.deliver(job(1))
    programme.run()
    assert _send(_chosen()) == [Resending.HELD]
    assert _send(_chosen(), is_held_sent=True) == [Resending.SENT]
    programme.run()
    assert programme.told("one") == [(1, 0), (1, 1)]


def test_what_nobody_hears_stays_as_it_is(programme: Programme) -> None:
    programme.deliver(job(1, LATE))
    assert _send(_chosen()) == [Resending.UNHEARD]
    assert programme.outcomes() == ["unrouted"]
    programme.schedule("late")
    assert _send(_chosen()) == [Resending.SENT]
    programme.run()
    assert programme.told("late") == [(1, 1)]


def test_a_dag_that_was_unpaused_gets_what_waited_for_it_and_not_twice(programme: Programme) -> None:
    for dag_id in ("one", "other"):
        programme.pause(dag_id)
    programme.deliver(job(1))
    assert programme.outcomes() == ["paused"]
    for dag_id in ("one", "other"):
        programme.pause(dag_id, is_paused=False)
    assert _send(_chosen()) == [Resending.HELD]
    programme.run()
    assert programme.told("one") == [(1, 0)]


def test_a_delivery_to_another_connection_or_of_nobody_is_not_there(programme: Programme) -> None:
    programme.deliver(job(1, conn_id="other"))
    [seen] = _chosen()
    assert _send([seen, ChosenDelivery("ab", 0)]) == [Resending.GONE, Resending.GONE]
    assert sql("select count(*) from asset_event") == [(0,)]


def test_one_of_which_nothing_is_kept_or_readable_does_not_hold_up_the_others(
    programme: Programme, fernet_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme.deliver(job(1), job(2), job(3))
    programme.run()
    programme.fail("one")
    first, second, _ = seen = _chosen()
    sql("update partnero_delivery set kept = null where delivery_id = :id", id=first.delivery_id)
    sql("update partnero_delivery set kept = x'6741414141' where delivery_id = :id", id=second.delivery_id)
    assert _send(seen) == [Resending.NOTHING_KEPT, Resending.UNREADABLE, Resending.SENT]


def test_more_than_one_transaction_holds_are_refused(programme: Programme) -> None:
    many = [ChosenDelivery(f"{number:x}", 0) for number in range(51)]
    with pytest.raises(ValueError, match="51 deliveries are chosen: at most 50"):
        _send(many)


@pytest.mark.parametrize("text", ["", "ab", "ab.", ".1", "AB.1", "ab.-1", "ab.1\n", "ab.1.2", f"{'a' * 65}.1", "ab.٣"])
def test_what_names_no_delivery_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^delivery="):
        ChosenDelivery.from_text(text)


def test_a_chosen_delivery_survives_the_way_through_a_form() -> None:
    one = ChosenDelivery("0123abcdef", 7)
    assert ChosenDelivery.from_text(str(one)) == one
