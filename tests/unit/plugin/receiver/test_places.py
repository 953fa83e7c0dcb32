"""Room for unproven bodies: the oldest goes, never the newcomer, and the books are right whatever happens."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.plugin.receiver.places import UnprovenPlace, UnprovenPlaces


def test_when_there_are_too_many_the_oldest_goes() -> None:
    places, dropped = UnprovenPlaces(2, 100), list[str]()
    first, second, third = (places.take(partial(dropped.append, name)) for name in ("1", "2", "3"))
    assert (dropped, first.is_dropped, second.is_dropped, third.is_dropped) == (["1"], True, False, False)
    assert len(places) == 2


def test_when_they_are_too_large_the_oldest_go_until_there_is_room() -> None:
    places, dropped = UnprovenPlaces(9, 100), list[int]()
    taken = [places.take(partial(dropped.append, number)) for number in range(4)]
    for place in taken[:3]:
        place.grow(30)
    taken[3].grow(60)
    assert dropped == [0, 1]
    assert places.size == 90


def test_a_body_that_is_proven_makes_room() -> None:
    places, dropped = UnprovenPlaces(1, 100), list[int]()
    first = places.take(lambda: dropped.append(1))
    first.grow(100)
    first.free()
    places.take(lambda: dropped.append(2)).grow(100)
    assert (dropped, first.is_dropped, places.size) == ([], False, 100)


def test_one_that_was_dropped_takes_no_room_again() -> None:
    places = UnprovenPlaces(1, 100)
    first = places.take(lambda: None)
    places.take(lambda: None)
    first.grow(90)
    first.free()
    assert (len(places), places.size) == (1, 0)


@given(
    st.lists(st.tuples(st.sampled_from(["take", "grow", "free"]), st.integers(0, 9), st.integers(1, 40)), max_size=80)
)
def test_the_books_are_right_and_the_limits_kept(steps: list[tuple[str, int, int]]) -> None:
    places, taken, freed = UnprovenPlaces(4, 100), list[UnprovenPlace](), set[UnprovenPlace]()
    for step, which, size in steps:
        if step == "take":
            taken.append(places.take(lambda: None))
            assert not taken[-1].is_dropped
        elif taken:
            place = taken[which % len(taken)]
            if step == "grow":
                place.grow(place.size + size)
            else:
                place.free()
                freed.add(place)
        kept = [place for place in taken if not place.is_dropped and place not in freed]
        assert len(places) == len(kept) <= 4
        assert places.size == sum(place.size for place in kept) <= 100
        assert all(not later.is_dropped or earlier.is_dropped or earlier in freed for earlier, later in pairwise(taken))
