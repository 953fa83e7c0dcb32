"""What differs between two readings, and how the first is stored in little space."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.webhooks.changes import changes, compact, digests

from .builders import any_text, live_webhooks, thorough, webhook

ROOM = st.sampled_from([0, 1, 60_000])


def keys_of(difference: dict[str, Any] | None, kind: str) -> list[str]:
    return [] if difference is None else [one["key"] for one in difference[kind]]


def other_content(one: Webhook) -> list[Webhook]:
    return [
        replace(one, name=one.name + "x"),
        replace(one, url=one.url + "x"),
        replace(one, is_active=not one.is_active),
        replace(one, events=(*one.events, "one.more")),
        replace(one, signature=f"{one.signature}x"),
        replace(one, signature=None if one.signature is not None else ""),
    ]


@thorough
@given(live_webhooks(), ROOM, st.randoms())
def test_the_same_webhooks_in_any_order_are_no_change(live: list[Webhook], room: int, random: Any) -> None:
    remembered = compact(digests(live), room)
    shuffled = [replace(one, events=tuple(random.sample(one.events, len(one.events)))) for one in live]
    random.shuffle(shuffled)
    assert changes(remembered, shuffled) is None


@thorough
@given(live_webhooks(), live_webhooks())
def test_exactly_the_added_removed_and_changed_keys_are_reported(before: list[Webhook], after: list[Webhook]) -> None:
    old, new = {one.key: one for one in before}, {one.key: one for one in after}

    def differ(key: str) -> bool:
        one, other = old[key], new[key]
        return replace(one, events=tuple(sorted(set(one.events)))) != replace(
            other, events=tuple(sorted(set(other.events)))
        )

    difference = changes(digests(before), after)
    added, removed = new.keys() - old.keys(), old.keys() - new.keys()
    changed = {key for key in old.keys() & new.keys() if differ(key)}
    assert (difference is None) is not bool(added or removed or changed)
    assert set(keys_of(difference, "added")) == added
    assert set(keys_of(difference, "removed")) == removed
    assert set(keys_of(difference, "changed")) == changed
    if difference is not None:
        assert difference["counts"] == {"added": len(added), "removed": len(removed), "changed": len(changed)}


@thorough
@given(live_webhooks().filter(bool), st.data(), ROOM)
def test_a_change_of_any_field_is_seen_even_with_one_digest_for_all(
    live: list[Webhook], data: st.DataObject, room: int
) -> None:
    position = data.draw(st.integers(0, len(live) - 1))
    changed = data.draw(st.sampled_from(other_content(live[position])))
    after = [*live[:position], changed, *live[position + 1 :]]
    assert changes(compact(digests(live), room), after) is not None
    assert changes(compact(digests(after), room), live) is not None


@thorough
@given(live_webhooks(), ROOM)
def test_digests_survive_json(live: list[Webhook], room: int) -> None:
    remembered = compact(digests(live), room)
    assert json.loads(json.dumps(remembered)) == remembered
    assert changes(json.loads(json.dumps(remembered)), live) is None


@thorough
@given(any_text, ROOM)
def test_any_key_is_possible(key: str, room: int) -> None:
    one = webhook(key=key)
    assert changes(compact(digests([one]), room), [one]) is None
    assert changes(digests([]), [one]) is not None
    assert changes(compact(digests([one]), room), []) is not None


@pytest.mark.parametrize("key", ["*", "all:", ""])
def test_a_key_that_looks_like_the_internal_one_is_compared_like_any_other(key: str) -> None:
    one = webhook(key=key)
    assert changes(digests([one]), [one]) is None
    difference = changes(digests([one]), [replace(one, is_active=False)])
    assert keys_of(difference, "changed") == [key]


@thorough
@given(live_webhooks(), st.integers(0, 400))
def test_digests_that_take_too_much_space_become_one_digest(live: list[Webhook], room: int) -> None:
    seen = digests(live)
    kept = compact(seen, room)
    if len(json.dumps(seen)) <= room:
        assert kept == seen
    else:
        assert len(kept) == 1
        assert len(json.dumps(kept)) < 40


def test_ten_thousand_webhooks_fit_into_the_stores_64_kib() -> None:
    live = [webhook() for _ in range(10_000)]
    remembered = compact(digests(live), 60_000)
    assert len(json.dumps(remembered)) < 65_536
    assert changes(remembered, live) is None
    assert changes(remembered, live[1:]) == {"counts": {}, "added": [], "removed": [], "changed": []}


def test_eighteen_hundred_webhooks_keep_a_digest_each() -> None:
    live = [webhook() for _ in range(1_800)]
    remembered = compact(digests(live), 60_000)
    assert len(json.dumps(remembered).encode()) <= 60_000
    assert keys_of(changes(remembered, live[1:]), "removed") == [live[0].key]


def test_at_most_a_hundred_of_each_kind_are_listed_and_all_are_counted() -> None:
    before = [webhook() for _ in range(300)]
    after = [replace(one, is_active=False) for one in before[:150]] + [webhook() for _ in range(120)]
    difference = changes(digests(before), after)
    assert difference is not None
    assert difference["counts"] == {"added": 120, "removed": 150, "changed": 150}
    assert [len(difference[kind]) for kind in ("added", "removed", "changed")] == [100, 100, 100]


def test_lists_have_no_invisible_characters_and_no_secret() -> None:
    secret = "sgn-to-be-kept-quiet"
    url = f"https://user:{secret}@x.example/?token={secret}"
    before = [webhook(key="gone\u202e", signature=secret), webhook(key="k", signature=secret)]
    after = [replace(before[1], url=url), webhook(key="new", name="evil\u202e\nname", url=url, signature=secret)]
    assert changes(digests(before), after) == {
        "counts": {"added": 1, "removed": 1, "changed": 1},
        "added": [{"key": "new", "name": "evil<U+202E><U+000A>name"}],
        "removed": [{"key": "gone<U+202E>"}],
        "changed": [{"key": "k", "name": before[1].name}],
    }
    assert secret not in json.dumps(digests(before))
