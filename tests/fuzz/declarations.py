"""Declarations and saved plans of any text, beside any webhooks: a plan writes what the file says, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.replies import json_object
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.commands.files import parse_declaration
from airflow_provider_partnero.commands.plan_arguments import PlanArguments
from airflow_provider_partnero.commands.saved_plan import SavedPlan, saved
from airflow_provider_partnero.webhooks.placeholders import has_placeholder
from airflow_provider_partnero.webhooks.plans import Plan, Prune
from airflow_provider_partnero.webhooks.reconcile import PlanError, plan
from airflow_provider_partnero.webhooks.spec_files import parse_specs

CONN_ID = "partnero_default"
SECRET = "pAsSwOrDoFuRl77"
BEFORE_LIVE = b"\x1e"
_PATHS = ("declared.yaml", "declared.json", "declared.yml")
_PRUNES: tuple[Prune, ...] = (False, True, "owned")
_SECRET_URL = re.compile(rf'url"?: ?"?https://u:{SECRET}@h\.example')
_LONGEST_WORDS = 8_000  # characters of an error
_LONGEST_MARKDOWN = 45_000


def check(data: bytes) -> None:
    """Read a file, plan it and show the plan. The first byte says which form it has, and what is pruned."""
    how = data[0] if data else 0
    path, prune = _PATHS[how % 3], _PRUNES[how // 3 % 3]
    written, _, live = data[1:].partition(BEFORE_LIVE)
    try:
        text = written.decode()
    except UnicodeDecodeError:
        return  # read_text refuses it
    webhooks = _live(live)
    try:
        specs = parse_declaration(text, path, CONN_ID)
    except ValueError as error:
        check_words(error, text)
        return
    _check_written_again(specs)
    try:
        made = plan(specs, webhooks, prune=prune, is_owned=lambda webhook: webhook.key.startswith("o"))
    except PlanError as error:
        check_words(error, text)
        return
    check_plan(made, specs, webhooks)
    _check_shown(made)
    _check_saved(made)


def _live(data: bytes) -> tuple[Webhook, ...]:
    rows = (json_object(bytearray(data)) or {}).get("data")
    return tuple(map(Webhook.from_row, rows if isinstance(rows, list) else ()))


def check_words(error: Exception, text: str) -> None:
    words = str(error)
    assert len(words) <= _LONGEST_WORDS, f"{len(words)} characters of an error"
    assert all(line.isprintable() for line in words.split("\n")), repr(words)
    is_in_urls_only = text.count(SECRET) == len(_SECRET_URL.findall(text))
    assert not (is_in_urls_only and SECRET in words), f"the secret of a URL is in an error: {words}"


def _check_written_again(specs: tuple[WebhookSpec, ...]) -> None:
    """What was read can be written as JSON and read again."""
    text = json.dumps({"webhooks": [spec.body() for spec in specs]})
    assert parse_specs(text, suffix=".json") == specs, "a declaration comes back changed"


def check_plan(made: Plan, specs: tuple[WebhookSpec, ...], live: tuple[Webhook, ...]) -> None:
    """A plan writes what the file says; once that is done, there is nothing left to do."""
    targets = [id(action.webhook) for action in made.actions if action.webhook]
    assert len(targets) == len(set(targets)), "a webhook is written twice"
    for action in made.writes:
        is_read = action.webhook is None or action.webhook.unreadable <= {"signature"}
        assert is_read, "a webhook is written that could not be read"
        if action.kind == "delete":
            assert made.prune, "a webhook is deleted that nobody asked to delete"
            assert action.webhook in live
            continue
        assert action.spec
        wanted = [replace(spec, url=action.spec.url) if has_placeholder(spec) else spec for spec in specs]
        assert action.spec in wanted, "something is written that the file does not say"
        said: dict[str, Any] = {**action.spec.body(), "events": action.spec.events}
        assert all(change.new == said[change.field] for change in action.changes)
    declared = len(made.creates) + len(made.updates) + len(made.unchanged)
    left = [one for one in made.unreadable if one.spec]
    assert declared + len(left) + len([one for one in made.kept if one.spec]) == len(specs), "a webhook is forgotten"
    if not made.unreadable and not any(map(has_placeholder, specs)):
        again = plan(specs, _after(made, live), prune=made.prune, is_owned=lambda one: one.key.startswith("o"))
        assert again.is_empty, f"a plan that was carried out leaves something to do: {again.render()}"


def _after(made: Plan, live: tuple[Webhook, ...]) -> tuple[Webhook, ...]:
    """The webhooks once a plan has been carried out."""
    deleted = {id(action.webhook) for action in made.deletes}
    changes: dict[int, dict[str, Any]] = {
        id(action.webhook): {change.field: change.new for change in action.changes} for action in made.updates
    }
    kept = [replace(one, **changes.get(id(one), {})) for one in live if id(one) not in deleted]
    new = [action.spec for action in made.creates if action.spec]
    return (*kept, *(Webhook(one.key or "", one.name, one.url, one.is_active, one.events) for one in new))


def _check_shown(made: Plan) -> None:
    lines = made.render().split("\n")
    assert all(line.isprintable() for line in lines), "a line that is not shown as it is"
    markdown = made.to_markdown()
    assert len(markdown) <= _LONGEST_MARKDOWN, f"{len(markdown)} characters of Markdown"
    for number, action in enumerate(made.writes[:100]):
        assert f"{action.kind} " in lines[0] or any(f" {action.kind} " in line for line in lines), number
    json.dumps(made.to_dict(), allow_nan=False)
    json.dumps(made.to_dict(max_actions=1))
    assert len(made.fingerprint) == 64


def _check_saved(made: Plan) -> None:
    text = saved(made, "declared.yaml", PlanArguments(CONN_ID), None)
    back = SavedPlan.parse(text, "plan.json")
    assert back is not None
    assert back.approved.fingerprint == made.fingerprint, "a saved plan comes back changed"
