"""An approved plan, and whether a plan made later writes nothing else."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.webhooks.actions import Action
from airflow_provider_partnero.webhooks.fingerprints import Step, fingerprint, gone, made, packed, unpacked
from airflow_provider_partnero.webhooks.plans import Plan
from airflow_provider_partnero.webhooks.texts import padded, visible

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


_WIDTH = 78  # columns of each of two texts side by side
_MOST_ROWS = 400


class DriftError(ValueError):
    """What would be written now is not what was approved."""


@dataclass(frozen=True, slots=True)
class ApprovedPlan:
    """A plan that somebody agreed to.

    :param fingerprint: of the plan.
    :param steps: its writes, as digests; None if only the fingerprint is known.
    :param text: the plan for people; empty if only the fingerprint is known.
    :param program_id: Partnero's id of the programme that it was made for; empty if that is not known.
    """

    fingerprint: str
    steps: tuple[Step, ...] | None = None
    text: str = ""
    program_id: str = ""

    @classmethod
    def of(cls, value: object, *, argument: str = "plan") -> ApprovedPlan:
        """The plan in an argument: a fingerprint, or what a dry run returned, also as text.

        :raises ValueError: it is neither, or was changed since.
        """
        parsed = _parsed(value) if isinstance(value, str) else value
        if isinstance(parsed, str) and _FINGERPRINT.fullmatch(parsed.strip()):
            return cls(parsed.strip())
        if not isinstance(parsed, Mapping):
            raise ValueError(
                f"{argument}={short_repr(value)}: must be a plan's fingerprint (64 hex digits), or what a task with "
                "dry_run=True returned"
            )
        return cls._of_mapping(parsed, argument)

    @classmethod
    def _of_mapping(cls, outcome: Mapping[str, Any], argument: str) -> ApprovedPlan:
        digest, steps = outcome.get("fingerprint"), outcome.get("steps")
        text = outcome.get("diff_markdown", "")
        if not isinstance(digest, str) or not isinstance(steps, str) or not isinstance(text, str):
            raise ValueError(f"{argument}={short_repr(outcome)}: has no fingerprint and steps, so it is no plan")
        try:
            parsed = unpacked(steps)
        except ValueError:
            parsed = None
        if parsed is None or fingerprint(parsed) != digest:
            raise ValueError(f"{argument}: its steps are not those of its fingerprint {short_repr(digest)}")
        return cls(digest, parsed, text, _id_in(outcome.get("program")))

    def writes(self, plan: Plan, live: Iterable[Webhook], *, may_be_begun: bool) -> tuple[Action, ...]:
        """The writes of a plan made now, if it is this one.

        :param plan: made now.
        :param live: the webhooks that it was made of.
        :param may_be_begun: an earlier try may have done a part of this plan. Then the plan may be the rest of it: all
            its steps are among these, and of the others each has its effect. A webhook that an earlier try wrote and
            that is not active yet is left to become so.
        :raises DriftError: it is not; the message says why, and shows both plans side by side. Or it was made for
            another programme: the same webhooks may be missing there.
        """
        if self.program_id and (here := _shown_id(plan.program)) not in {"", self.program_id}:
            raise DriftError(
                f"the plan was made for the programme {self.program_id}, and this is {here}: nothing was written"
            )
        if plan.fingerprint == self.fingerprint:
            return plan.writes
        if not may_be_begun:
            raise self._drift("what it would write has changed since it was approved", plan)
        if self.steps is None:
            words = (
                "a fingerprint alone does not tell what an earlier try did of it, so give plan= what the task with "
                "dry_run=True returned"
            )
            raise self._drift(words, plan)
        left = Counter(self.steps)
        effects = {step.effect for step in self.steps}
        writes = []
        for action in plan.writes:
            step = Step.of(action, plan.seal)
            if left[step]:
                left[step] -= 1
                writes.append(action)
            elif not (action.is_pending and effects & _effects_of(action, plan)):
                raise self._drift("it holds writes that were not approved", plan)
        if not _are_done(+left, plan, live):
            raise self._drift("it leaves out writes that were approved and are not done", plan)
        return tuple(writes)

    def _drift(self, why: str, plan: Plan) -> DriftError:
        approved = self.text or f"known by its fingerprint only: {self.fingerprint}"
        now = f"{plan.to_markdown()}\nfingerprint {plan.fingerprint}"
        return DriftError(
            f"the plan is not the approved one, and nothing was written: {why}. Plan again, and have that approved.\n"
            + beside("approved", approved, "now", now)
        )


def beside(left_title: str, left: str, right_title: str, right: str) -> str:
    """Two texts side by side; lines that both have stand on one line, those that differ are marked with ``|``."""
    ours, theirs = _wrapped(left), _wrapped(right)
    rows = [f"  {left_title.ljust(_WIDTH)}   {right_title}"]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        mark = " " if tag == "equal" else "|"
        pairs = zip_longest(ours[i1:i2], theirs[j1:j2], fillvalue="")
        rows += [f"{mark} {padded(one, _WIDTH)} {mark} {other}".rstrip() for one, other in pairs]
    if len(rows) > _MOST_ROWS:
        rows[_MOST_ROWS:] = [f"  ... and {len(rows) - _MOST_ROWS:,} more lines"]
    return "\n".join(rows)


def _wrapped(text: str) -> list[str]:
    lines = text.split("\n")[:_MOST_ROWS]
    return [line[at : at + _WIDTH] for line in lines for at in range(0, max(len(line), 1), _WIDTH)]


def to_approve(plan: Plan) -> dict[str, Any]:
    """What :meth:`ApprovedPlan.of` reads besides the fingerprint, as plain JSON."""
    return {"steps": packed(plan.steps), "program": {"public_id": _shown_id(plan.program)}}


def _shown_id(program: Program | None) -> str:
    return visible(program.public_id) if program else ""


def _id_in(program: object) -> str:
    public_id = program.get("public_id") if isinstance(program, Mapping) else None
    return visible(public_id) if isinstance(public_id, str) else ""


def _effects_of(action: Action, plan: Plan) -> set[str]:
    return {made(action.spec, key, plan.seal) for key in (None, action.key)} if action.spec else set()


def _are_done(steps: Iterable[Step], plan: Plan, live: Iterable[Webhook]) -> bool:
    written = [action for action in plan.actions if action.kind == "unchanged" or action.is_pending]
    there = {effect for action in written for effect in _effects_of(action, plan)}
    not_gone = {gone(webhook.key) for webhook in live}
    return all(step.effect not in not_gone if step.is_delete else step.effect in there for step in steps)


def _parsed(text: str) -> object:
    """The plan in what a template rendered: JSON, or a Python literal."""
    if not text.lstrip().startswith("{"):
        return text
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return text
