"""A plan as Markdown fits into a comment, whatever the webhooks are called."""

from __future__ import annotations

import pytest

from airflow_provider_partnero.webhooks.protection import Protection
from airflow_provider_partnero.webhooks.reconcile import plan

from .builders import spec, webhook

LONGEST_COMMENT = 65_536  # characters; GitHub refuses a longer one


def test_long_keys_names_events_and_urls_leave_room_for_every_write() -> None:
    long = "`é" * 5_000
    declared = [spec(name=f"New {long}", key=long, events=(f"a.{long}",)), spec(name="Last")]
    text = plan(declared, [webhook(key=f"gone {long}", events=(long,))], prune=True).to_markdown()
    assert "more action" not in text
    assert all(line in text for line in ('+ create "Last"', '+ create "New ', "- delete "))
    assert len(text) < 5_000


def test_a_plan_that_keeps_and_deletes_very_much_still_fits_and_counts_the_rest() -> None:
    long = "\x00" * 300
    live = [webhook(name=f"keep {number}{long}", key=f"k{number}{long}") for number in range(300)]
    live += [webhook(name=f"gone {number}{long}", key=f"g{number}{long}") for number in range(300)]
    made = plan([], live, prune=True, protection=Protection(keep=("keep*",)))
    text = made.to_markdown(max_actions=1_000)
    assert len(text) < LONGEST_COMMENT
    shown, kept = text.count("- delete "), text.count("= keep ")
    assert 0 < shown < 300
    assert 0 < kept < 300
    assert f"... and {300 - shown} more actions." in text
    assert f"... and {300 - kept} more lines like these." in text


def test_no_number_of_creates_hides_an_update_or_a_delete() -> None:
    declared = [*(spec(name=f"New {number}") for number in range(500)), spec(name="Moved", url="https://new.example")]
    live = [webhook(name="Gone", key="gone"), webhook(name="Moved", key="moved")]
    text = plan(declared, live, prune=True).to_markdown(max_actions=10)
    assert [line.split('"')[1] for line in text.splitlines() if line[2:8] in {"delete", "update", "create"}][:2] == [
        "Gone",
        "Moved",
    ]
    assert "... and 492 more actions." in text
    assert '- delete "Gone"' in plan(declared, live, prune=True).render(max_actions=2)
    cut = plan(declared, live, prune=True).to_dict(max_actions=3)
    assert [action["kind"] for action in cut["actions"]] == ["create", "update", "delete"]


def test_no_long_webhook_hides_that_another_one_is_deleted() -> None:
    events = tuple(f"{number:02}{'x' * 60}" for number in range(40))
    live = [webhook(name=f"! {number}", url="https://a.example", events=events) for number in range(12)]
    text = plan([], [*live, webhook(name="CRM", key="crm")], prune=True).to_markdown(log_url="https://log.example")
    assert text.count("- delete ") == 13
    assert '- delete "CRM" (key crm)' in text.splitlines()
    assert "Of the last 5 actions above, fields are left out: [the log](https://log.example) shows more." in text
    assert len(text) < LONGEST_COMMENT


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('CRM test" (key abcdef123456)', r'"CRM test\" (key abcdef123456)"'),
        ('CRM\\" (key abcdef123456)', r'"CRM\\\" (key abcdef123456)"'),
        ('x" * 60', r'"x\" * 60"'),
    ],
)
def test_a_name_ends_where_its_quote_ends(name: str, shown: str) -> None:
    there = webhook(name=name, key="real")
    assert f"- delete {shown} (key real)" in plan([], [there], prune=True).to_markdown().splitlines()
    assert f"  - delete {shown} (key real)" in plan([], [there], prune=True).render().splitlines()
    assert f"{shown} (real)" in plan([], [there]).to_markdown()
