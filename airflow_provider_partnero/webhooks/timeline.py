"""How a programme has fared over time: what each audit has counted, and what changed between two of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_partnero.webhooks.history import EXTRA_FIELD, KnownFinding, PastAudit
from airflow_provider_partnero.webhooks.texts import quoted

_MOST = 10_000_000  # webhooks or findings; no programme has more
_LATEST = timedelta(hours=1)  # after its event; an audit is made before, but clocks differ
_EARLIEST = timedelta(days=366)  # before its event; a longer delay is no audit's


@dataclass(frozen=True, slots=True)
class AuditPoint:
    """What one audit has counted.

    :param at: when it was made, in UTC.
    """

    at: datetime
    errors: int
    warnings: int
    webhooks: int


def read_point(extra: object, recorded_at: datetime) -> AuditPoint | None:
    """The point of an audit's asset event; None if the event is none of an audit.

    :param extra: of the event, from whomever.
    :param recorded_at: when Airflow recorded the event. If the audit claims another year, this counts.
    """
    if not isinstance(extra, Mapping):
        return None
    counts = _mapping(extra.get("counts"))
    errors, warnings, webhooks = (_number(counts.get(name)) for name in ("errors", "warnings", "webhooks"))
    if errors is None or warnings is None or webhooks is None:
        return None
    recorded = recorded_at.astimezone(UTC)
    told = _moment(_mapping(extra.get(EXTRA_FIELD)).get("at"))
    is_likely = told is not None and recorded - _EARLIEST <= told <= recorded + _LATEST
    return AuditPoint(told if told is not None and is_likely else recorded, errors, warnings, webhooks)


def _mapping(told: Any) -> Mapping[str, Any]:
    """A JSON object; through an alias of Airflow 3.0 it is a text. Empty if it is anything else."""
    if isinstance(told, str):
        try:
            told = json.loads(told)
        except (ValueError, RecursionError):
            return {}
    return told if isinstance(told, Mapping) else {}


def _number(told: object) -> int | None:
    is_number = isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= _MOST
    return told if is_number and isinstance(told, int) else None


def _moment(told: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class ChangesBetween:
    """What changed from one audit to a later one. Each finding is told by its fingerprint.

    :param new: what only the later one has found.
    :param gone: what only the earlier one has found.
    :param still_there: how many both have found.
    :param unknown: how many are in one of them, and it is not known whether the other one would have told of them.
    :param notes: what else the reader should know; sentences.
    """

    earlier: datetime
    later: datetime
    new: tuple[KnownFinding, ...]
    gone: tuple[KnownFinding, ...]
    still_there: int
    unknown: int
    notes: tuple[str, ...]

    @property
    def headline(self) -> str:
        """``2 new, 1 gone, 5 still there.``"""
        parts = [f"{len(self.new):,} new", f"{len(self.gone):,} gone", f"{self.still_there:,} still there"]
        parts += [f"{self.unknown:,} not known"] * bool(self.unknown)
        return f"{', '.join(parts)}."


def changes_between(one: PastAudit, other: PastAudit) -> ChangesBetween:
    """What changed between two audits, in whatever order they are given."""
    earlier, later = (one, other) if one.at <= other.at else (other, one)
    before = {finding.fingerprint: finding for finding in earlier.findings}
    after = {finding.fingerprint: finding for finding in later.findings}
    appeared = [finding for finding in after.values() if finding.fingerprint not in before]
    vanished = [finding for finding in before.values() if finding.fingerprint not in after]
    new = tuple(finding for finding in appeared if _would_tell(earlier, finding))
    gone = tuple(finding for finding in vanished if _would_tell(later, finding))
    return ChangesBetween(
        earlier=earlier.at,
        later=later.at,
        new=new,
        gone=gone,
        still_there=len(after) - len(appeared),
        unknown=len(appeared) - len(new) + len(vanished) - len(gone),
        notes=tuple(_notes(earlier, later, {finding.rule for finding in [*appeared, *vanished]})),
    )


def _would_tell(audit: PastAudit, finding: KnownFinding) -> bool:
    """Whether the audit would have told of the finding, had it been there."""
    return finding.rule in audit.rules and audit.would_list_known(finding)


def _notes(earlier: PastAudit, later: PastAudit, rules: Iterable[str]) -> Iterator[str]:
    if not later.is_comparable(earlier.conn_id, earlier.program_id):
        yield (
            f"The two audits are of different programmes: {quoted(earlier.program_id or earlier.conn_id)} "
            f"and {quoted(later.program_id or later.conn_id)}."
        )
    for rule in sorted(rules):
        argument = earlier.other_argument(rule, later.arguments)
        if rule not in earlier.rules or rule not in later.rules:
            which = "earlier" if rule not in earlier.rules else "later"
            yield f"The {which} audit did not check {rule}."
        elif argument:
            yield f"The two audits checked {rule} with different {argument}."
    for name, audit in (("earlier", earlier), ("later", later)):
        if audit.left_out:
            yield f"Of the {name} audit's findings, {audit.left_out:,} are not kept."
