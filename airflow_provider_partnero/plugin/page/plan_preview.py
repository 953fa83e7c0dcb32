"""The view Plan: what a declaration would change at Partnero. Nothing is written from here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs

from airflow_provider_partnero.plugin.page.snapshot import read_live
from airflow_provider_partnero.webhooks.offers import made_for
from airflow_provider_partnero.webhooks.ownership import declared_keys, under_declared_keys, under_live_keys
from airflow_provider_partnero.webhooks.protection import Protection
from airflow_provider_partnero.webhooks.reconcile import plan
from airflow_provider_partnero.webhooks.spec_files import parse_specs
from airflow_provider_partnero.webhooks.texts import visible_start

if TYPE_CHECKING:
    from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection
    from airflow_provider_partnero.webhooks.plans import Prune

LARGEST_FORM = 1_048_576  # bytes
_MOST_ACTIONS = 200
_MOST_LINES = 5_000
_LONGEST_LINE = 400
_PRUNES: Mapping[str, Prune] = {"": False, "owned": "owned", "all": True}
_TEMPLATE = re.compile(r"\{\{|\{%")
_KINDS: Mapping[str, Literal["added", "changed", "removed"]] = {"+": "added", "!": "changed", "-": "removed"}
SAMPLE = """\
webhooks:
  - name: CRM
    url: https://crm.acme.example/partnero
    events: [partner.created, partner.updated]
"""
_FENCE = re.compile(r"`{3,}[a-z]*")


@dataclass(frozen=True, slots=True)
class PlanForm:
    """What somebody has filled in.

    :param declaration: the text of a declaration, YAML or JSON.
    :param prune: ``""``, ``"owned"`` or ``"all"``.
    """

    declaration: str = ""
    prune: str = ""

    @classmethod
    def of(cls, body: bytes) -> PlanForm:
        """The form in the body of a request.

        :raises ValueError: it is no form in UTF-8; the message says what is allowed.
        """
        try:
            fields = parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10)
        except ValueError:
            raise ValueError("the declaration must be a text in UTF-8") from None
        prune = fields.get("prune", [""])[0]
        if prune not in _PRUNES:
            raise ValueError("prune: must be empty, owned or all")
        return cls(fields.get("declaration", [""])[0], prune)


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a plan's diff.

    :param kind: ``"added"``, ``"changed"`` or ``"removed"``; empty for a line that says something else.
    """

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class PlanShown:
    """A plan as the view shows it.

    :param fingerprint: what an approval is bound to; empty if it is not told.
    """

    summary: str
    lines: tuple[DiffLine, ...]
    fingerprint: str = ""

    @classmethod
    def of_markdown(cls, summary: str, markdown: str, fingerprint: str = "") -> PlanShown:
        """The plan of the Markdown that an approval shows."""
        _, *rest = markdown.splitlines()[: _MOST_LINES + 1] or [""]
        lines = [
            DiffLine(_KINDS.get(line[:1], ""), visible_start(line, _LONGEST_LINE)) for line in rest if _is_said(line)
        ]
        return cls(visible_start(summary, _LONGEST_LINE), tuple(lines), visible_start(fingerprint, 64))

    @classmethod
    def of_task(cls, returned: object) -> PlanShown | None:
        """The plan that a reconcile task returned; None if it is none."""
        if not isinstance(returned, Mapping):
            return None
        inner: Any = returned.get("plan")
        summary = inner.get("summary") if isinstance(inner, Mapping) else None
        markdown, fingerprint = returned.get("diff_markdown"), returned.get("fingerprint")
        if not isinstance(summary, str) or not isinstance(markdown, str):
            return None
        return cls.of_markdown(summary, markdown, fingerprint if isinstance(fingerprint, str) else "")


def _is_said(line: str) -> bool:
    return bool(line.strip()) and _FENCE.fullmatch(line.strip()) is None


def preview(connection: SigningConnection, form: PlanForm) -> PlanShown:
    """What the declaration would change now; reads the webhooks from Partnero.

    :raises ValueError: it is no declaration, or cannot be planned; the message says why.
    :raises PartneroError: there was no usable answer in time.
    """
    specs = under_declared_keys(connection.conn_id, parse_specs(_checked(form.declaration), suffix=_suffix(form)))
    webhooks, program = read_live(connection)
    found = plan(
        under_live_keys(connection.conn_id, specs, webhooks),
        webhooks,
        prune=_PRUNES[form.prune],
        is_owned=lambda webhook: webhook.key in declared_keys(connection.conn_id, webhook.name),
        protection=Protection((), connection.conn_id),
    )
    found = made_for(found, program) if found.creates or found.updates else found
    return PlanShown.of_markdown(found.summary, found.to_markdown(_MOST_ACTIONS))


def _checked(text: str) -> str:
    if not text.strip():
        raise ValueError("the declaration is empty: paste one, or choose a file")
    if _TEMPLATE.search(text):
        raise ValueError(
            "the declaration holds a template, which only a task of Airflow renders: paste what it renders to"
        )
    return text


def _suffix(form: PlanForm) -> str:
    try:
        json.loads(form.declaration.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return ".yaml"
    return ".json"
