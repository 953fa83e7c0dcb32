"""A plan in a file, between the one who proposes it and the one who applies it. It holds no secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.commands.plan_arguments import PlanArguments
from airflow_provider_partnero.webhooks.approvals import ApprovedPlan
from airflow_provider_partnero.webhooks.fingerprints import packed
from airflow_provider_partnero.webhooks.texts import visible

if TYPE_CHECKING:
    from airflow_provider_partnero.api import Program
    from airflow_provider_partnero.webhooks.plans import Plan

_VERSION = 1
_FIELDS = {"version", "declaration", "options", "program", "fingerprint", "steps", "diff_markdown"}


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What ``plan --out`` saved.

    :param declaration: the path of the declaration file, as it was given.
    :param arguments: how the plan was made.
    :param approved: the plan, with the id of the programme that it was made for.
    """

    declaration: str
    arguments: PlanArguments
    approved: ApprovedPlan

    @classmethod
    def parse(cls, text: str, path: str) -> SavedPlan | None:
        """The plan in the text of a file; None if that is something else, such as a declaration.

        :raises ValueError: it is a plan that cannot be used.
        """
        try:
            plain = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(plain, dict) or not {"fingerprint", "steps"} & {*plain}:
            return None
        if plain.get("version") != _VERSION or not {*plain} >= _FIELDS or not isinstance(plain["declaration"], str):
            raise ValueError(f"{path}: is not a plan that this version saved; make it again with plan --out")
        try:
            arguments, approved = PlanArguments.from_json(plain["options"]), ApprovedPlan.of(plain, argument="plan")
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        return cls(plain["declaration"], arguments, approved)

    def check_program(self, program: Program | None) -> None:
        """Refuse to apply it to another programme: there, the same webhooks may be missing.

        :raises ValueError: it was made for another one, or for one that Partnero does not tell now.
        """
        planned, here = self.approved.program_id, visible(program.public_id) if program else ""
        if planned and here != planned:
            known = f"this token is for {here}" if here else "Partnero does not tell which one this is"
            raise ValueError(f"the plan was made for the programme {planned}, and {known}: nothing was written")


def saved(plan: Plan, declaration: str, arguments: PlanArguments, program: Program | None) -> str:
    """The text of the file for a plan.

    :param declaration: the path of the declaration file.
    """
    plain: dict[str, Any] = {
        "version": _VERSION,
        "declaration": declaration,
        "options": arguments.to_json(),
        "program": program and program.to_dict(),
        "fingerprint": plan.fingerprint,
        "steps": packed(plan.steps),
        "diff_markdown": plan.diff_markdown,
    }
    return json.dumps(plain, indent=2) + "\n"
