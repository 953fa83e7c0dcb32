"""The plan: what it contains for given cases, and what it promises for all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.names import normal_name
from airflow_provider_partnero.webhooks.destinations import Destination
from airflow_provider_partnero.webhooks.reconcile import Change, Plan, PlanError, WebhookSpec, plan

from .builders import few_names, few_urls, live_webhooks, some_events, spec, spec_of, thorough, webhook


def apply_plan(to_do: Plan, live: list[Webhook], *, keys_are_kept: bool) -> list[Webhook]:
    """The webhooks at Partnero after the plan: a model of its create, update and delete.

    :param keys_are_kept: whether Partnero honours the key of a create; both happen.
    """
    held = {one.key: one for one in live}
    for action in to_do.actions:
        if action.kind == "create" and action.spec:
            wanted = action.spec
            key = (
                wanted.key
                if keys_are_kept and wanted.key and wanted.key not in held
                else f"new{len(held)}{wanted.name}"
            )
            assert key not in held
            held[key] = Webhook(key, wanted.name, wanted.url, wanted.is_active, wanted.events, "a-new-secret-1234")
        elif action.kind == "update" and action.webhook:
            changes = {change.field: change.new for change in action.changes}
            held[action.webhook.key] = replace(held[action.webhook.key], **changes)  # type: ignore[arg-type]
        elif action.kind == "delete" and action.webhook:
            del held[action.webhook.key]
    return list(held.values())


def content(one: Webhook | WebhookSpec) -> tuple[str, str, tuple[str, ...], bool]:
    return (
        normal_name(one.name),
        Destination.of(one.url).identity,
        tuple(sorted({str(event) for event in one.events})),
        one.is_active,
    )


@pytest.mark.parametrize(
    ("live", "is_drift"),
    [
        ("https://example.com/", False),
        ("https://EXAMPLE.com:443", False),
        ("https://example.com/a", True),
        ("http://example.com", True),
        ("https://example.com:444", True),
        ("no URL", True),
    ],
)
def test_a_url_that_the_server_rewrote_is_not_written_again(live: str, is_drift: bool) -> None:
    changes = plan([spec(name="A", url="https://example.com")], [webhook(name="A", url=live)]).updates
    assert bool(changes) is is_drift


def test_a_missing_webhook_is_created() -> None:
    wanted = spec()
    [action] = plan([wanted], [webhook()]).creates
    assert (action.spec, action.webhook, action.changes) == (wanted, None, ())


def test_a_differing_webhook_is_updated_with_old_and_new_values() -> None:
    live = webhook(events=("partner.updated", "partner.created"), is_active=False)
    [action] = plan([spec_of(live, url="https://new.example/", events=["reward.paid"], is_active=True)], [live]).updates
    assert action.webhook is live
    assert action.changes == (
        Change("url", live.url, "https://new.example/"),
        Change("events", ("partner.created", "partner.updated"), ("reward.paid",)),
        Change("is_active", False, True),
    )


def test_the_order_of_events_and_their_repetition_change_nothing() -> None:
    live = webhook(events=("a.b", "c.d", "a.b"))
    to_do = plan([spec_of(live, events=["c.d", "a.b", "c.d"])], [live])
    assert to_do.is_empty
    assert len(to_do.unchanged) == 1


def test_a_webhook_found_by_its_key_is_renamed() -> None:
    live = webhook(name="Old")
    [action] = plan([spec_of(live, name="New", key=live.key)], [live]).updates
    assert action.changes == (Change("name", "Old", "New"),)


def test_without_a_webhook_of_the_key_the_name_decides() -> None:
    live = webhook()
    assert plan([spec_of(live, key="ignored00000")], [live]).is_empty


def test_white_space_around_a_name_is_not_a_difference() -> None:
    live = webhook(name=" CRM\n")
    [action] = plan([spec_of(live, name="CRM ")], [live]).actions
    assert (action.kind, action.key) == ("unchanged", live.key)


def test_keys_are_matched_before_names_in_any_order_of_the_declaration() -> None:
    live = webhook(name="B")
    by_name, by_key = spec_of(live, name="B"), spec_of(live, name="A", key=live.key)
    for specs in ([by_name, by_key], [by_key, by_name]):
        to_do = plan(specs, [live])
        assert [action.name for action in to_do.creates] == ["B"]
        assert [action.name for action in to_do.updates] == ["A"]


def test_without_prune_undeclared_webhooks_are_left_alone_and_mentioned() -> None:
    live, other = webhook(), webhook(name="Other")
    to_do = plan([spec_of(live)], [live, other])
    assert to_do.is_empty
    assert to_do.undeclared == (other,)
    assert f'"Other" ({other.key})' in to_do.render()


def test_with_prune_undeclared_webhooks_are_deleted() -> None:
    live, other = webhook(), webhook()
    to_do = plan([spec_of(live)], [live, other], prune=True)
    assert [action.webhook for action in to_do.deletes] == [other]
    assert to_do.undeclared == ()


def test_an_empty_declaration_with_prune_deletes_everything_and_without_it_nothing() -> None:
    live = [webhook(), webhook()]
    assert len(plan([], live, prune=True).deletes) == 2
    assert plan([], live).is_empty


def test_creates_come_before_updates_before_deletes_each_by_name() -> None:
    live = [webhook(name=name) for name in "EDCBA"]
    specs = [spec_of(live[0], is_active=False), spec_of(live[1], is_active=False), spec(name="Y"), spec(name="X")]
    actions = plan([*specs, spec_of(live[2])], live, prune=True).actions
    assert [(action.kind, action.name) for action in actions] == [
        ("create", "X"),
        ("create", "Y"),
        ("update", "D"),
        ("update", "E"),
        ("delete", "A"),
        ("delete", "B"),
        ("unchanged", "C"),
    ]


def test_the_summary_counts_each_kind() -> None:
    live = [webhook(), webhook(), webhook()]
    to_do = plan([spec(), spec_of(live[0]), spec_of(live[1], is_active=False)], live, prune=True)
    assert to_do.summary == "Plan: 1 to create, 1 to update, 1 to delete, 1 unchanged."


def test_two_live_webhooks_with_the_declared_name_are_an_error_with_their_keys() -> None:
    twins = [webhook(name="Twin"), webhook(name="Twin")]
    with pytest.raises(PlanError, match='2 live webhooks have the name "Twin"') as refused:
        plan([spec(name="Twin")], twins)
    assert all(twin.key in str(refused.value) for twin in twins)
    assert "declare the key of the right one" in str(refused.value)


def test_two_live_webhooks_with_an_undeclared_name_are_no_error() -> None:
    twins = [webhook(name="Twin"), webhook(name="Twin")]
    assert len(plan([], twins).undeclared) == 2
    assert plan([spec_of(twins[0], key=twins[0].key)], twins).undeclared == (twins[1],)


def test_two_live_webhooks_with_the_same_name_are_told_apart_by_declared_keys() -> None:
    twins = [webhook(name="Twin"), webhook(name="Twin")]
    assert plan([spec_of(twins[0], key=twins[0].key), spec_of(twins[1], name="Other", key=twins[1].key)], twins).updates


def test_two_specifications_with_the_same_name_are_an_error() -> None:
    with pytest.raises(PlanError, match='2 declared webhooks have the name "Same"'):
        plan([spec(name="Same"), spec(name="Same", key="other")], [])


def test_two_specifications_with_the_same_key_are_an_error() -> None:
    with pytest.raises(PlanError, match='2 declared webhooks have the key "same"'):
        plan([spec(key="same"), spec(key="same")], [])


def test_a_live_list_with_the_same_key_twice_is_an_error() -> None:
    live = webhook()
    with pytest.raises(PlanError, match="twice among the live webhooks"):
        plan([spec_of(live)], [live, live], prune=True)


def test_many_problems_make_one_message_of_bounded_length() -> None:
    with pytest.raises(PlanError, match="and 990 more") as refused:
        plan([spec(name=f"N{number // 2}") for number in range(2000)], [])
    assert len(str(refused.value)) < 2_000


def test_the_plan_reads_like_a_diff() -> None:
    live = Webhook("k1", "CRM", "https://u:p@old.example/", False, ("a.b", "c.d"), "secret")
    gone = Webhook("k2", "Gone", "https://gone.example/", True, (), "secret")
    specs = [
        WebhookSpec("CRM", "https://new.example/?token=t", ("a.b", "e.f")),
        WebhookSpec("New", "https://new.example/", ("g.h", "a.b"), key="k3"),
    ]
    assert plan(specs, [live, gone], prune=True).render() == "\n".join(
        [
            "Plan: 1 to create, 1 to update, 1 to delete, 0 unchanged.",
            "",
            '  + create "New" (key k3)',
            "      url        https://new.example/",
            "      events     a.b, g.h",
            "      is_active  true",
            "",
            '  ~ update "CRM" (key k1)',
            "      url        https://***@old.example/ -> https://new.example/?token=***",
            "      events     + e.f",
            "                 - c.d",
            "      is_active  false -> true",
            "",
            '  - delete "Gone" (key k2)',
            "      url        https://gone.example/",
            "      events     none",
            "      is_active  true",
        ]
    )


def test_a_difference_in_a_secret_only_is_mentioned_in_the_diff() -> None:
    live = webhook(url="https://example.com/?token=old")
    assert (
        "differ in a part that is not shown"
        in plan([spec_of(live, url="https://example.com/?token=new")], [live]).render()
    )


def test_a_long_plan_is_shortened_and_counts_the_rest() -> None:
    to_do = plan([spec() for _ in range(5)], [])
    assert to_do.render(max_actions=2).count("+ create") == 2
    assert to_do.render(max_actions=2).endswith("... and 3 more actions.")
    assert to_do.to_dict(max_actions=2)["actions_left_out"] == 3


def test_a_dict_lists_the_writes_and_counts_the_rest() -> None:
    live, other = webhook(name="Live"), webhook()
    plain = plan([spec_of(live, is_active=False), spec(name="New")], [live, other]).to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["counts"] == {"create": 1, "update": 1, "delete": 0, "unchanged": 0, "undeclared": 1}
    assert [action["kind"] for action in plain["actions"]] == ["create", "update"]
    assert plain["actions"][1]["changes"] == [{"field": "is_active", "old": True, "new": False}]


@st.composite
def declarations(draw: st.DrawFn) -> list[WebhookSpec]:
    names = draw(st.lists(few_names, unique=True, max_size=5))
    keys = draw(st.lists(st.sampled_from([f"k{number}" for number in range(9)]), unique=True, min_size=5, max_size=5))
    url = few_urls.filter(lambda text: text.startswith("http"))
    return [
        WebhookSpec(
            name,
            draw(url),
            draw(some_events.map(lambda events: tuple({*events} - {"partner_created"})).filter(bool)),
            is_active=draw(st.booleans()),
            key=key if draw(st.booleans()) else None,
        )
        for name, key in zip(names, keys, strict=False)
    ]


@thorough
@given(declarations(), live_webhooks(), st.booleans(), st.booleans())
def test_an_applied_plan_reaches_the_declaration_and_leaves_nothing_to_do(
    specs: list[WebhookSpec], live: list[Webhook], prune: bool, keys_are_kept: bool
) -> None:
    try:
        to_do = plan(specs, live, prune=prune)
    except PlanError:
        names = [normal_name(one.name) for one in live]
        assert any(names.count(normal_name(wanted.name)) > 1 for wanted in specs), "refused without an ambiguous name"
        return
    after = apply_plan(to_do, live, keys_are_kept=keys_are_kept)
    # Every declared webhook exists, with one key of its own.
    acted_on = [action.webhook.key for action in to_do.actions if action.webhook]
    assert len(acted_on) == len(set(acted_on))
    contents = [content(one) for one in after]
    assert all(content(wanted) in contents for wanted in specs)
    # Undeclared webhooks are untouched without prune, and gone with it.
    untouched = [one for one in live if one.key not in acted_on]
    if prune:
        assert sorted(map(content, specs)) == sorted(contents)
    else:
        assert all(one in after for one in untouched)
        assert tuple(sorted(untouched, key=lambda one: (one.name, one.key))) == to_do.undeclared
        assert len(after) == len(live) + len(to_do.creates)
    # A second run writes nothing.
    second = plan(specs, after, prune=prune)
    assert second.is_empty
    assert second.undeclared == (() if prune else to_do.undeclared)


@thorough
@given(declarations(), live_webhooks(), st.booleans(), st.booleans(), st.integers(0, 12))
def test_a_plan_interrupted_anywhere_is_completed_by_the_next_one(
    specs: list[WebhookSpec], live: list[Webhook], prune: bool, keys_are_kept: bool, done: int
) -> None:
    try:
        to_do = plan(specs, live, prune=prune)
    except PlanError:
        assume(False)
    whole = apply_plan(to_do, live, keys_are_kept=keys_are_kept)
    half = apply_plan(replace(to_do, actions=to_do.actions[:done]), live, keys_are_kept=keys_are_kept)
    finished = apply_plan(plan(specs, half, prune=prune), half, keys_are_kept=keys_are_kept)
    assert sorted(map(content, finished)) == sorted(map(content, whole))


@thorough
@given(declarations(), live_webhooks())
def test_the_order_of_the_input_makes_no_difference(specs: list[WebhookSpec], live: list[Webhook]) -> None:
    def outcome(specs: list[WebhookSpec], live: list[Webhook]) -> object:
        try:
            return plan(specs, live, prune=True)
        except PlanError:
            return PlanError

    assert outcome(specs, live) == outcome(specs[::-1], live[::-1])
