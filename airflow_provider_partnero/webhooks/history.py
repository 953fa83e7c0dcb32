"""What an audit leaves for the next one: its findings in little space, without their words and without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_provider_partnero.webhooks.findings import Finding
from airflow_provider_partnero.webhooks.rules import RULES_BY_ID
from airflow_provider_partnero.webhooks.rules.declared import undeclared
from airflow_provider_partnero.webhooks.texts import visible_start

EXTRA_FIELD = "for_next_audit"
"""Field of an audit's asset event that holds what later audits need to know of it."""

_FAILED_AUDIT = "partnero_audit"

_VERSION = 1  # of the plain form; a reader of another version starts anew
_MOST_READ = 100_000  # findings; many more than any audit writes
_MOST_LEFT_OUT = 1_000_000_000  # so that no file makes a report long
_LONGEST_RULE = 12
_LONGEST_KEY = 40
_LONGEST_NAME = 40
_LONGEST_ID = 120  # of a connection or a programme
_LONGEST_ARGUMENT = 20


class UnreadableAuditError(Exception):
    """What an earlier audit left cannot be read. The message says why, such as "it is damaged", and quotes nothing."""


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """A finding as later audits know it, without its words.

    :param fingerprint: :attr:`Finding.fingerprint`.
    :param key: the webhook's key, visible and shortened; None if the finding is not about one webhook.
    :param name: the webhook's name, visible and shortened; the event, if the finding is about an event only.
    :param since: the first audit that found it; with a time zone.
    """

    fingerprint: str
    rule: str
    key: str | None
    name: str | None
    since: datetime

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: ``{"fingerprint", "rule", "key", "name", "since"}``."""
        return {
            "fingerprint": self.fingerprint,
            "rule": self.rule,
            "key": self.key,
            "name": self.name,
            "since": written(self.since),
        }


@dataclass(frozen=True, slots=True)
class PastAudit:
    """An earlier audit, as far as the next one needs it.

    :param at: when it was made; with a time zone.
    :param conn_id: the connection, visible and shortened.
    :param program_id: Partnero's id of the programme; empty if it is not known.
    :param rules: ids of the rules that were checked.
    :param findings: in the order of the report, which has errors first.
    :param left_out: how many further findings it had.
    :param arguments: a digest for each argument that decides what is wrong (:attr:`AuditReport.arguments`).
    """

    at: datetime
    conn_id: str
    program_id: str
    rules: frozenset[str]
    findings: tuple[KnownFinding, ...]
    left_out: int = 0
    arguments: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON in little space: a finding takes some 70 bytes. It holds no secret.

        ``{"version", "at", "conn_id", "program_id", "rules", "moments": [iso], "findings": [[fingerprint, rule, key,
        name, index of the moment]], "left_out", "arguments": {name: digest}}``.
        """
        moments = {moment: index for index, moment in enumerate(dict.fromkeys(one.since for one in self.findings))}
        return {
            "version": _VERSION,
            "at": written(self.at),
            "conn_id": self.conn_id,
            "program_id": self.program_id,
            "rules": sorted(self.rules),
            "moments": [written(moment) for moment in moments],
            "findings": [[one.fingerprint, one.rule, one.key, one.name, moments[one.since]] for one in self.findings],
            "left_out": self.left_out,
            "arguments": dict(self.arguments),
        }

    @classmethod
    def from_dict(cls, plain: object) -> PastAudit:
        """The audit of a plain form.

        :raises UnreadableAuditError: it is not one, whatever it is.
        """
        if not isinstance(plain, Mapping) or plain.get("version") != _VERSION:
            raise UnreadableAuditError("it is of another version")
        try:
            moments = [_read_moment(moment) for moment in plain["moments"]]
            return cls(
                at=_read_moment(plain["at"]),
                conn_id=_read_text(plain["conn_id"], _LONGEST_ID),
                program_id=_read_text(plain["program_id"], _LONGEST_ID),
                rules=frozenset(_read_text(rule, _LONGEST_RULE) for rule in plain["rules"]),
                findings=tuple(_read_finding(row, moments) for row in plain["findings"][:_MOST_READ]),
                left_out=min(max(0, int(plain["left_out"])), _MOST_LEFT_OUT),
                arguments={
                    _read_text(name, _LONGEST_ARGUMENT): _read_text(digest, 12)
                    for name, digest in plain.get("arguments", {}).items()  # there is none in reports of before
                },
            )
        except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise UnreadableAuditError("it is damaged") from error

    @property
    def undeclared(self) -> frozenset[str] | None:
        """Keys of the webhooks that it found undeclared; None if it compared with no declaration, or tells not all."""
        if undeclared.id not in self.rules or self.left_out:
            return None
        return frozenset(known.key for known in self.findings if known.rule == undeclared.id and known.key)

    def is_comparable(self, conn_id: str, program_id: str) -> bool:
        """Whether it was made of this connection and, as far as both are known, of this programme."""
        same_program = not program_id or not self.program_id or shown_id(program_id) == self.program_id
        return self.conn_id == shown_id(conn_id) and same_program

    def other_argument(self, rule: str, arguments: Mapping[str, str]) -> str | None:
        """The argument because of which it judged the rule by something else than these; None if it did not.

        What it does not tell counts as the same.
        """
        known = RULES_BY_ID.get(rule)
        name = known.needs if known else None
        if name is None or name not in self.arguments:
            return None
        return name if self.arguments[name] != arguments.get(name) else None

    def would_list(self, finding: Finding) -> bool:
        """Whether the audit would have this finding among its own, had it found it. It lists errors first, by rule."""
        return self._would_list(finding.severity.place, finding.rule)

    def would_list_known(self, finding: KnownFinding) -> bool:
        """The same of a finding that another audit had."""
        return self._would_list(_place(finding.rule), finding.rule)

    def _would_list(self, severity: int, rule: str) -> bool:
        if not self.left_out:
            return True
        last = self.findings[-1].rule if self.findings else ""
        return (severity, rule) < (_place(last), last)


def _place(rule: str) -> int:
    """The place of the rule's severity; of a rule that this version does not know, the first."""
    known = RULES_BY_ID.get(rule)
    return known.severity.place if known else 0


def failed_audit_key(conn_id: str) -> str:
    """The XCom in which an audit that fails its task leaves what would have been its asset event's extra.

    :param conn_id: the connection of the audited programme.
    """
    return f"{_FAILED_AUDIT}/{conn_id}"


def past_audit_of(extra: object) -> PastAudit:
    """What an audit's asset event tells of it.

    :param extra: of the event, from whomever.
    :raises UnreadableAuditError: nothing.
    """
    told = extra.get(EXTRA_FIELD) if isinstance(extra, Mapping) else None
    try:  # through an alias of Airflow 3.0 it is a text
        return PastAudit.from_dict(json.loads(told) if isinstance(told, str) else told)
    except (ValueError, RecursionError) as error:
        raise UnreadableAuditError("it is damaged") from error


def known_finding(finding: Finding, since: datetime) -> KnownFinding:
    """The finding without its words. One that is about no webhook has its subject, such as an event, as name."""
    name = finding.subject if finding.key is None and finding.name is None else finding.name
    return KnownFinding(
        fingerprint=finding.fingerprint,
        rule=finding.rule,
        key=None if finding.key is None else visible_key(finding.key),
        name=visible_start(name, _LONGEST_NAME) if name is not None else None,
        since=since,
    )


def visible_key(key: str) -> str:
    """A webhook's key as a known finding has it."""
    return visible_start(key, _LONGEST_KEY)


def shown_id(text: str) -> str:
    """The id of a connection or a programme as a past audit has it."""
    return visible_start(text, _LONGEST_ID)


def written(moment: datetime) -> str:
    """The moment in UTC, to the second: ``2026-11-25T06:00:00+00:00``."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _read_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment.astimezone(UTC)


def _read_text(text: object, longest: int) -> str:
    if not isinstance(text, str):
        raise TypeError("not a text")
    return visible_start(text, longest)


def _read_finding(row: Sequence[Any], moments: Sequence[datetime]) -> KnownFinding:
    fingerprint, rule, key, name, place = row
    if isinstance(place, bool) or not 0 <= place < len(moments):
        raise ValueError("a moment that is not there")
    return KnownFinding(
        fingerprint=_read_text(fingerprint, 12),
        rule=_read_text(rule, _LONGEST_RULE),
        key=None if key is None else _read_text(key, _LONGEST_KEY),
        name=None if name is None else _read_text(name, _LONGEST_NAME),
        since=moments[place],
    )
