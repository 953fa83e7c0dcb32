"""The audit operator against the sandbox: its report, its page, its asset event, and when it fails the task."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.assets import partnero_audit_asset
from airflow_provider_partnero.demo_programme import BROKEN_PROGRAMME
from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.sandbox import Sandbox
from tests.conftest import MakeContext


@pytest.fixture(autouse=True)
def _broken(sandbox: Sandbox) -> None:
    sandbox.put_webhooks(BROKEN_PROGRAMME)


def _audit(**options: Any) -> PartneroAuditWebhooksOperator:
    return PartneroAuditWebhooksOperator(**{"task_id": "audit", "fail_on": "never", **options})


def test_the_report_is_plain_json_with_counts_and_findings(make_context: MakeContext) -> None:
    report = _audit().execute(make_context())
    assert json.loads(json.dumps(report)) == report
    assert (report["counts"]["webhooks"], report["counts"]["errors"], report["counts"]["warnings"]) == (8, 2, 3)
    assert {frozenset(finding) for finding in report["findings"]} == {
        frozenset({"rule", "severity", "key", "name", "words"})
    }
    assert report["findings_left_out"] == 0


@pytest.mark.parametrize(
    ("options", "fails"),
    [
        ({"fail_on": "never"}, False),
        ({"fail_on": "error"}, True),
        ({"fail_on": "error", "ignore": ["PW002", "PW004"]}, False),
        ({"fail_on": "warning", "ignore": "PW002, PW004"}, True),
        ({"fail_on": "warning", "ignore": ["PW001", "PW002", "PW003", "PW004", "PW012"]}, False),
    ],
)
def test_the_task_fails_at_once_on_findings_as_bad_as_asked(
    make_context: MakeContext, options: dict[str, Any], fails: bool
) -> None:
    if not fails:
        _audit(**options).execute(make_context())
        return
    with pytest.raises(AirflowFailException, match="the audit found"):
        _audit(**options).execute(make_context())


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"allowed_hosts": ["*.acme.example"]}, "PW005"),
        ({"required_events": "partner.deleted"}, "PW006"),
        ({"declared": [{"name": "New", "url": "https://n.acme.example/", "events": ["partner.created"]}]}, "PW009"),
        ({"declared": []}, "PW008"),
    ],
)
def test_the_optional_rules_come_with_their_arguments(
    make_context: MakeContext, options: dict[str, Any], rule: str
) -> None:
    assert rule not in _audit().execute(make_context())["counts"]["by_rule"]
    assert rule in _audit(**options).execute(make_context())["counts"]["by_rule"]


def test_a_declaration_may_be_a_file(make_context: MakeContext, tmp_path: Path) -> None:
    path = tmp_path / "declared.yaml"
    path.write_text("- {name: 'CRM: partners', url: 'https://elsewhere.example/', events: [partner.created]}")
    assert _audit(declared=str(path)).execute(make_context())["counts"]["by_rule"]["PW010"] == 1


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize(("suffix", "begins"), [(".json", "{"), (".md", "#"), (".html", "<!doctype html>")])
def test_the_report_is_written_as_its_suffix_says(
    make_context: MakeContext, tmp_path: Path, scheme: str, suffix: str, begins: str
) -> None:
    path = tmp_path / "new" / f"report{suffix}"
    _audit(report_path=f"{scheme}{path}").execute(make_context())
    assert path.read_text(encoding="utf-8").lstrip().lower().startswith(begins)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"fail_on": "errors"}, "fail_on='errors': allowed are"),
        ({"report_path": "/tmp/x.pdf"}, r"report_path='/tmp/x\.pdf': allowed"),
    ],
)
def test_a_wrong_argument_fails_at_once_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, wrong: dict[str, Any], words: str
) -> None:
    sandbox.clear_requests()
    with pytest.raises(AirflowFailException, match=words):
        _audit(**wrong).execute(make_context())
    assert sandbox.requests() == []


def test_an_unknown_rule_is_refused_by_name(make_context: MakeContext) -> None:
    with pytest.raises(AirflowFailException, match="PW999"):
        _audit(ignore=["PW999"]).execute(make_context())


def test_the_audits_asset_event_holds_counts_and_fingerprints(make_context: MakeContext) -> None:
    context = make_context()
    operator = _audit()
    report = operator.execute(context)
    assert operator.outlets == [partnero_audit_asset("partnero_default")]
    extra = context["outlet_events"][partnero_audit_asset("partnero_default")].extra
    assert extra["counts"] == report["counts"]
    assert len(extra["findings"]) == len(set(extra["findings"])) == 5
    assert json.loads(json.dumps(extra)) == extra


def test_a_connection_that_is_templated_has_no_asset(make_context: MakeContext) -> None:
    operator = _audit(partnero_conn_id="{{ 'partnero_default' }}")
    operator.render_template_fields({})
    assert operator.outlets == []
    assert operator.execute(make_context())["counts"]["webhooks"] == 8


def test_ten_thousand_webhooks_leave_a_small_xcom_and_whole_counts(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path
) -> None:
    sandbox.reset()
    sandbox.put_webhooks({"key": f"k{number}", "url": f"http://h{number}.example/"} for number in range(10_000))
    context = make_context()
    report = _audit(report_path=str(tmp_path / "r.json")).execute(context)
    assert report["counts"]["by_rule"]["PW002"] == 10_000
    assert (len(report["findings"]), report["findings_left_out"]) == (100, report["counts"]["findings"] - 100)
    assert len(json.dumps(report)) < 65_000
    assert len(json.loads((tmp_path / "r.json").read_text())["findings"]) == report["counts"]["findings"]


def test_no_signing_secret_is_in_log_report_or_event(
    make_context: MakeContext, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG, logger="airflow.task")
    context = make_context()
    report = _audit(report_path=str(tmp_path / "r.html")).execute(context)
    shown = f"{report}{context['outlet_events']}{(tmp_path / 'r.html').read_text()}" + "".join(
        record.getMessage() for record in caplog.records if "airflow" in record.name
    )
    assert "PW002" in shown
    assert "sEcR" not in shown
