"""An audit's report as SARIF 2.1.0, which code hosts show beside the lines of a declaration file.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html. What
GitHub makes of it: https://docs.github.com/code-security/reference/code-scanning/sarif-files/sarif-support.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from inspect import getdoc
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_partnero import __version__
from airflow_provider_partnero.api.quoting import shortened
from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.rules.base import Rule
from airflow_provider_partnero.webhooks.texts import counted, program_label, quoted, visible, visible_start

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport
    from airflow_provider_partnero.webhooks.comparison import Comparison
    from airflow_provider_partnero.webhooks.report.locations import DeclarationPlaces

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_INFORMATION = "https://developers.partnero.com/"
_MOST_RESULTS = 25_000  # of a run; GitHub refuses a file with more
_MOST_PACKED = 9_000_000  # bytes after gzip; GitHub refuses more than 10 MB
_LONGEST = 1_000  # characters of a message
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}
_ROOT = "%SRCROOT%"
_INDEXES = {rule.id: index for index, rule in enumerate(RULES)}


def render_sarif(
    report: AuditReport, *, places: DeclarationPlaces | None = None, comparison: Comparison | None = None
) -> str:
    """One run with every rule and a result for each finding, the worst first. It holds no secret.

    A result points to the line that declares its webhook, or to the file's first line if nothing does. It keeps its
    fingerprint for as long as the audit finds the same thing, wherever the line moves. At most 25,000 results are
    written, and as many as fit into 9 MB after gzip; a notification of the run says how many were left out.

    :param places: the declaration file's lines (:func:`.locations.declaration_places`); None: there is no file, and
        results only name their webhooks. GitHub does not show these.
    :param comparison: this audit beside an earlier one; if that tells of every finding whether it is new, so does each
        result (``baselineState``), and since when it is there.
    """
    known = comparison if comparison and comparison.previous and not comparison.unknown else None
    results = list(_fitting(_results(report, places, known)))
    run = {
        "tool": {"driver": _driver()},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, left_out=len(report.findings) - len(results))],
        "results": results,
    }
    if places:
        run["originalUriBaseIds"] = {_ROOT: {"description": {"text": "The root of the repository."}}}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def level_of(severity: Severity) -> str:
    """SARIF's word for a severity; ``"note"`` for whatever is neither an error nor a warning."""
    return _LEVELS.get(severity, "note")


def _driver() -> dict[str, Any]:
    return {
        "name": "airflow-provider-partnero",
        "version": __version__,
        "informationUri": _INFORMATION,
        "rules": [_descriptor(rule) for rule in RULES],
    }


def _descriptor(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in re.findall("[A-Za-z]+", rule.title)),
        "shortDescription": {"text": _literal(rule.title)},
        "fullDescription": {"text": _literal(" ".join((getdoc(rule.check) or rule.title).split()))},
        "help": {"text": _literal(rule.remedy)},
        "defaultConfiguration": {"level": level_of(rule.severity)},
    }


def _invocation(report: AuditReport, left_out: int) -> dict[str, Any]:
    """What was not checked, and what is not shown."""
    skipped = [rule.id for rule in RULES if rule.id not in report.rules]
    invocation: dict[str, Any] = {
        "executionSuccessful": True,
        "ruleConfigurationOverrides": [
            {"descriptor": {"id": rule, "index": _INDEXES[rule]}, "configuration": {"enabled": False}}
            for rule in skipped
        ],
    }
    if left_out:
        words = f"{counted(left_out, 'finding')} of {len(report.findings):,} left out, the least bad: no room for more."
        invocation["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": words}}]
    return invocation


def _results(
    report: AuditReport, places: DeclarationPlaces | None, comparison: Comparison | None
) -> Iterator[dict[str, Any]]:
    uri = _artifact(places.path) if places else {}
    seen: Counter[str] = Counter()
    for finding in report.findings:
        identity = finding.fingerprint
        seen[identity] += 1
        yield {
            "ruleId": finding.rule,
            "ruleIndex": _INDEXES[finding.rule],
            "level": level_of(finding.severity),
            "message": {"text": _literal(shortened(_words(finding), _LONGEST))},
            "locations": [{**_physical(finding, places, uri), **_logical(finding, report)}],
            # GitHub reads this name only. Its own value, a hash of the line, is one for all findings of a line.
            "partialFingerprints": {"primaryLocationLineHash": f"{identity}:{seen[identity]}"},
            **_history(finding, comparison),
        }


def _history(finding: Finding, comparison: Comparison | None) -> dict[str, Any]:
    if comparison is None:
        return {}
    first = comparison.since[finding.fingerprint].isoformat(timespec="seconds").removesuffix("+00:00")
    return {
        "baselineState": "new" if comparison.is_new(finding) else "unchanged",
        "provenance": {"firstDetectionTimeUtc": f"{first}Z"},
    }


def _fitting(results: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The first results, as many as GitHub takes."""
    packer, size = zlib.compressobj(level=1), 0
    for number, result in enumerate(results):
        size += len(packer.compress(json.dumps(result).encode()))
        if number == _MOST_RESULTS or size > _MOST_PACKED:
            return
        yield result


def _words(finding: Finding) -> str:
    words = visible(finding.words)
    if finding.name is None:
        return words
    key = "" if finding.key is None else f" (key {visible_start(finding.key, 60)})"
    return f"Webhook {quoted(finding.name)}{key}: {words}"


def _literal(text: str) -> str:
    """The text as a message in which nothing is a placeholder or a link."""
    if "](" in text:
        for special in ("\\", "[", "]"):
            text = text.replace(special, f"\\{special}")
    return text.replace("{", "{{").replace("}", "}}")


def _artifact(path: str) -> dict[str, str]:
    pure = PurePosixPath(path)
    return (
        {"uri": pure.as_uri()}
        if pure.is_absolute()
        else {"uri": quote(str(pure), errors="surrogateescape"), "uriBaseId": _ROOT}
    )


def _physical(finding: Finding, places: DeclarationPlaces | None, uri: dict[str, str]) -> dict[str, Any]:
    if places is None:
        return {}
    place = places.place_of(finding)
    region = {"startLine": place.line, "startColumn": place.column, "endLine": place.line}
    return {"physicalLocation": {"artifactLocation": uri, "region": region}}


def _logical(finding: Finding, report: AuditReport) -> dict[str, Any]:
    if finding.name is None:
        program = program_label(report.program) if report.program else ""
        return {"logicalLocations": [{"name": program or "programme", "kind": "programme"}]}
    name = {"name": visible_start(finding.name, 200) or "(no name)", "kind": "webhook"}
    key = {} if finding.key is None else {"fullyQualifiedName": visible_start(finding.key, 200)}
    return {"logicalLocations": [{**name, **key}]}
