"""A plan: the writes that make the live webhooks match the declaration, as values, as JSON, text and Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal, TypeVar

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.webhooks.actions import ORDER, Action, Kept, Kind, Unreadable
from airflow_provider_partnero.webhooks.fingerprints import Seal, Step, fingerprint, sealed_by_nobody
from airflow_provider_partnero.webhooks.plan_lines import action_lines, diff_lines, kept_line, named, unreadable_lines
from airflow_provider_partnero.webhooks.texts import counted, listed, visible_start

Prune = Literal["owned"] | bool

_LONGEST_PART = 20_000  # characters of the diff, and of what is said below it; GitHub takes 65,536 in a comment

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Plan:
    """The writes that make the live webhooks match the declaration.

    :param actions: creates, updates, deletes, then unchanged webhooks; each kind sorted by name and key.
    :param undeclared: live webhooks that are not declared; without ``prune``, the plan leaves them alone.
    :param unreadable: live webhooks that cannot be compared or deleted safely; the plan leaves them alone.
    :param warnings: what may be wrong with the declaration, a sentence each.
    :param kept: live webhooks that the plan would change or delete, and that are protected.
    :param prune: which undeclared webhooks it deletes: all, ``"owned"`` ones or none.
    :param seal: stands in for a URL with secrets in the fingerprint.
    :param program: the programme; None: it is not known. The fingerprint does not cover it.
    """

    actions: tuple[Action, ...]
    undeclared: tuple[Webhook, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    warnings: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    prune: Prune = False
    seal: Seal = field(default=sealed_by_nobody, repr=False, compare=False)
    program: Program | None = field(default=None, compare=False)

    @property
    def creates(self) -> tuple[Action, ...]:
        """The webhooks to create."""
        return self._of_kind("create")

    @property
    def updates(self) -> tuple[Action, ...]:
        """The webhooks to change."""
        return self._of_kind("update")

    @property
    def deletes(self) -> tuple[Action, ...]:
        """The webhooks to delete."""
        return self._of_kind("delete")

    @property
    def unchanged(self) -> tuple[Action, ...]:
        """The webhooks that are as declared."""
        return self._of_kind("unchanged")

    @property
    def writes(self) -> tuple[Action, ...]:
        """The webhooks to create, to change and to delete."""
        return tuple(action for action in self.actions if action.kind != "unchanged")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.writes

    @property
    def steps(self) -> tuple[Step, ...]:
        """The writes as digests, sorted."""
        return tuple(sorted(Step.of(action, self.seal) for action in self.writes))

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of everything that the plan writes: the same for two plans that write the same.

        It covers kinds, keys (a create's is the one asked for), names, and the old and new value of each field, but no
        signing secret. What the plan leaves alone is not part of it.
        """
        return fingerprint(self.steps)

    @property
    def diff_markdown(self) -> str:
        """The plan as Markdown with a diff, see :meth:`to_markdown`."""
        return self.to_markdown()

    @property
    def summary(self) -> str:
        """``Plan: 1 to create, 2 to update, 0 to delete, 5 unchanged.``, and how many cannot be read, if any."""
        counts = self._counts()
        unreadable = f", {len(self.unreadable)} left alone (cannot be read)" if self.unreadable else ""
        kept = f", {len(self.kept)} kept" if self.kept else ""
        return (
            f"Plan: {counts['create']} to create, {counts['update']} to update, {counts['delete']} to delete, "
            f"{counts['unchanged']} unchanged{kept}{unreadable}."
        )

    def to_dict(self, max_actions: int | None = None) -> dict[str, Any]:
        """Plain JSON: ``{"summary", "counts": {"create", "update", "delete", "unchanged", "undeclared"}, "actions":
        [...], "actions_left_out"}``. Unchanged webhooks are counted, not listed. If webhooks cannot be read, the counts
        have ``unreadable``, and ``unreadable`` lists them: ``[{"name", "key", "is_declared", "oddities"}]``. If there
        are warnings, ``warnings`` lists them. If webhooks are protected, the counts have ``kept``, and ``kept`` lists
        them: ``[{"kind", "name", "key", "why"}]``.

        :param max_actions: how many writes, and how many unreadable webhooks, to list, from 0; None: all.
        """
        writes = self.writes
        listed_writes = _weightiest(self, max_actions)
        counts = {**self._counts(), "undeclared": len(self.undeclared)}
        plain: dict[str, Any] = {
            "summary": self.summary,
            "counts": counts,
            "actions": [action.to_dict() for action in listed_writes],
            "actions_left_out": len(writes) - len(listed_writes),
        }
        if self.warnings:
            plain["warnings"] = list(_first(self.warnings, max_actions))
        if self.kept:
            counts["kept"] = len(self.kept)
            plain["kept"] = [kept.to_dict() for kept in _first(self.kept, max_actions)]
        if self.unreadable:
            counts["unreadable"] = len(self.unreadable)
            plain["unreadable"] = [left.to_dict() for left in _first(self.unreadable, max_actions)]
        return plain

    def render(self, max_actions: int | None = None) -> str:
        """The plan as text, in the style of ``terraform plan``, without secrets.

        :param max_actions: how many writes to show, from 0; None: all.
        """
        return "\n".join(_plan_lines(self, max_actions))

    def to_markdown(self, max_actions: int = 100, *, log_url: str | None = None) -> str:
        """The plan as Markdown: the summary, and a diff of each write with its fields' old and new values.

        What a webhook is called cannot leave the block of code that it stands in.

        :param max_actions: how many writes to show, from 0. If they are long, some 20,000 characters are shown, and of
            the rest their first lines. What is said of webhooks that are left alone takes as much at most.
        :param log_url: where all of it is shown, for the line that says how much is left out.
        """
        return "\n".join(_markdown_lines(self, max_actions, log_url))

    def _of_kind(self, kind: Kind) -> tuple[Action, ...]:
        return tuple(action for action in self.actions if action.kind == kind)

    def _counts(self) -> dict[str, int]:
        counted = Counter(action.kind for action in self.actions)
        return {kind: counted[kind] for kind in ORDER}


def _first(items: Sequence[_Item], most: int | None) -> Sequence[_Item]:
    return items if most is None else items[: max(most, 0)]


def _by_weight(plan: Plan) -> tuple[Action, ...]:
    """The writes, first those that cannot be taken back: they are never cut off for the rest."""
    return (*plan.deletes, *plan.updates, *plan.creates)


def _weightiest(plan: Plan, most: int | None) -> Sequence[Action]:
    """The writes of most weight, in the order in which they are written."""
    chosen = set(map(id, _first(_by_weight(plan), most)))
    return [action for action in plan.writes if id(action) in chosen]


def _plan_lines(plan: Plan, max_actions: int | None) -> Iterator[str]:
    writes = plan.writes
    shown = _weightiest(plan, max_actions)
    yield plan.summary
    for action in shown:
        yield ""
        yield from action_lines(action)
    if left_out := len(writes) - len(shown):
        yield from ("", f"  ... and {counted(left_out, 'more action')}.")
    kept = _first(plan.kept, max_actions)
    for one in kept:
        yield from ("", kept_line(one))
    if left_out := len(plan.kept) - len(kept):
        yield from ("", f"  ... and {counted(left_out, 'more webhook')} that are kept.")
    unreadable = _first(plan.unreadable, max_actions)
    for left in unreadable:
        yield ""
        yield from unreadable_lines(left)
    if left_out := len(plan.unreadable) - len(unreadable):
        yield from ("", f"  ... and {counted(left_out, 'more webhook')} that cannot be read.")
    for warning in _first(plan.warnings, max_actions):
        yield from ("", f"  Warning: {warning}")
    if plan.undeclared:
        yield from ("", f"  {_undeclared_line(plan)}")


def _markdown_lines(plan: Plan, max_actions: int, log_url: str | None) -> Iterator[str]:
    yield f"**{plan.summary}**"
    writes = _by_weight(plan)
    blocks = [list(diff_lines(action)) for action in _first(writes, max_actions)]
    whole = _fitting(["\n".join(block) for block in blocks])
    titles = [block[0] for block in blocks[whole:]]  # long webhooks hide others' fields, and not the others
    titles = titles[: _fitting(titles)]
    if blocks:
        lines = [*(line for block in blocks[:whole] for line in block), *titles]
        yield from ("", *_fenced("\n".join(lines), "diff"))
    where = f": [the log]({log_url}) shows more" if log_url else ""
    if titles:
        yield from ("", f"Of the last {counted(len(titles), 'action')} above, fields are left out{where}.")
    if left_out := len(writes) - whole - len(titles):
        yield from ("", f"... and {counted(left_out, 'more action')}{where}.")
    notes = list(_notes(plan))
    shown = notes[: _fitting(notes)]
    if left_out := len(notes) - len(shown):
        shown.append(f"... and {counted(left_out, 'more line')} like these.")
    if notes:
        yield from ("", *_fenced("\n".join(shown), "text"))


def _notes(plan: Plan) -> Iterator[str]:
    """What the plan leaves alone, and its warnings."""
    yield from (f"Warning: {warning}" for warning in plan.warnings)
    if plan.undeclared:
        yield _undeclared_line(plan)
    yield from (kept_line(one).strip() for one in plan.kept)
    for left in plan.unreadable:
        yield from (line.strip() for line in unreadable_lines(left))


def _fitting(texts: Sequence[str]) -> int:
    """How many of the texts there is room for."""
    return sum(size <= _LONGEST_PART for size in accumulate(map(len, texts)))


def _fenced(text: str, language: str) -> list[str]:
    """The text as a block of code that nothing within it can end."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text, fence]


def _undeclared_line(plan: Plan) -> str:
    webhooks = [f"{named(webhook.name)} ({visible_start(webhook.key, 60)})" for webhook in plan.undeclared[:5]]
    number = len(plan.undeclared)
    verb = "is not declared and stays as it is" if number == 1 else "are not declared and stay as they are"
    why = "reconcile did not make it" if number == 1 else "reconcile did not make them"
    return (
        f"{counted(number, 'webhook')} {verb} ({why if plan.prune == 'owned' else 'prune is off'}): "
        f"{listed(webhooks, most=5, total=number)}."
    )
