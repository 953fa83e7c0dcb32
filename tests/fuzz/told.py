"""What a report file or a task's output tells, by whomever it was written: past audits, approved plans, places."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from airflow_provider_partnero.webhooks.approvals import ApprovedPlan
from airflow_provider_partnero.webhooks.audit import audit
from airflow_provider_partnero.webhooks.comparison import compare
from airflow_provider_partnero.webhooks.fingerprints import fingerprint
from airflow_provider_partnero.webhooks.history import PastAudit, UnreadableAuditError, past_audit_of
from airflow_provider_partnero.webhooks.report import SUFFIXES, render_report
from airflow_provider_partnero.webhooks.report.embedded import past_audit_in
from airflow_provider_partnero.webhooks.report.whereabouts import ReportWhereabouts
from tests.fuzz.reports import CONN_ID, NOW, check_markup

_LONGEST_WORDS = 1_000  # characters of an error
_LONGEST_REPORT = 200_000


def check(data: bytes) -> None:
    """Read a text as a report of each form, as an approved plan, and its JSON as what a task has told."""
    text = data.decode(errors="replace")
    for suffix in SUFFIXES:
        try:
            past = past_audit_in(text, suffix)
        except UnreadableAuditError:
            continue
        _check_past(past)
    _check_approved(text)
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        return
    _check_approved(plain)
    _check_place(plain)
    with suppress(UnreadableAuditError):
        _check_past(past_audit_of(plain))


def _check_past(past: PastAudit) -> None:
    """It comes back as it is, and a report that compares with it shows its texts as text."""
    assert PastAudit.from_dict(json.loads(json.dumps(past.to_dict()))) == past, "a past audit comes back changed"
    report = audit(())
    comparison = compare(report, [past], at=NOW, conn_id=CONN_ID)
    for suffix in SUFFIXES:
        text = render_report(
            report, suffix=suffix, title="Audit", generated_at=NOW, conn_id=CONN_ID, comparison=comparison
        )
        assert len(text) <= _LONGEST_REPORT, f"{len(text)} characters of a report about no webhook"
        text.encode()
        if suffix == ".html":
            check_markup(text)


def _check_approved(value: Any) -> None:
    try:
        approved = ApprovedPlan.of(value)
    except ValueError as error:
        _check_words(str(error))
        return
    assert approved.steps is None or fingerprint(approved.steps) == approved.fingerprint, "a plan that was changed"


def _check_place(plain: Any) -> None:
    try:
        place = ReportWhereabouts.from_plain(plain)
    except ValueError as error:
        _check_words(str(error))
        return
    assert place.path.isprintable()
    assert place.suffix in SUFFIXES


def _check_words(words: str) -> None:
    assert len(words) <= _LONGEST_WORDS, f"{len(words)} characters of an error"
    assert words.isprintable(), repr(words)
