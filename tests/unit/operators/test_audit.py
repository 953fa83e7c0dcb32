"""The audit operator: what it promises beyond the audit itself; the rules have their own tests."""

from __future__ import annotations

import json
import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from airflow.sdk import DAG, Asset, ObjectStoragePath
from airflow.sdk.io import attach

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.errors import PartneroServerError
from airflow_provider_partnero.assets import partnero_audit_alias, partnero_audit_asset
from airflow_provider_partnero.operators import report_files
from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.sandbox import Sandbox
from tests.conftest import MakeContext

SECRET = "sgn-9Kq2-never-to-be-seen"
URL_SECRET = "urlsecret55xyz"
URL = "https://hooks.acme.example/partnero"


def live(key: str, **others: Any) -> dict[str, Any]:
    return {"key": key, "name": f"Name {key}", "url": f"{URL}/{key}", "signature": f"{SECRET}-{key}"} | others


INSECURE = live("insecure", url="http://hooks.acme.example/insecure")  # PW002, an error
SWITCHED_OFF = live("off", is_active=False)  # PW001, a warning


def operator(**options: Any) -> PartneroAuditWebhooksOperator:
    return PartneroAuditWebhooksOperator(task_id="audit", **options)


def audit(make_context: MakeContext, **options: Any) -> dict[str, Any]:
    report: dict[str, Any] = operator(**{"fail_on": "never", **options}).execute(make_context())
    return report


def rules(report: dict[str, Any]) -> dict[str, int]:
    by_rule: dict[str, int] = report["counts"]["by_rule"]
    return by_rule


def test_a_sound_programme_has_no_findings(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.put_webhooks([live("a"), live("b", events=["customer.created"])])
    assert audit(make_context, fail_on="warning") == {
        "counts": {
            "webhooks": 2,
            "active": 2,
            "inactive": 0,
            "findings": 0,
            "errors": 0,
            "warnings": 0,
            "by_rule": {},
        },
        "findings": [],
        "findings_left_out": 0,
        "changes": {
            "previous_audit": None,
            "new": 0,
            "gone": 0,
            "still_there": 0,
            "unknown": 0,
            "no_longer_checked": 0,
            "notes": ["This is the first audit that is known."],
            "gone_findings": [],
        },
    }


def test_each_finding_says_rule_severity_webhook_and_words(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.put_webhooks([live("a"), INSECURE, SWITCHED_OFF])
    report = audit(make_context)
    assert [(one["rule"], one["severity"], one["key"], one["name"]) for one in report["findings"]] == [
        ("PW002", "error", "insecure", "Name insecure"),
        ("PW001", "warning", "off", "Name off"),
    ]
    fields = {"rule", "severity", "key", "name", "words", "fingerprint", "since", "is_new"}
    assert all(one["words"] and set(one) == fields for one in report["findings"])
    assert (report["counts"]["errors"], report["counts"]["warnings"]) == (1, 1)
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize(
    ("webhooks", "failing"),
    [([], set()), ([SWITCHED_OFF], {"warning"}), ([INSECURE], {"warning", "error"})],
    ids=["clean", "warning", "error"],
)
@pytest.mark.parametrize("fail_on", ["error", "warning", "never"])
def test_it_fails_on_a_finding_of_the_severity_or_worse(
    sandbox: Sandbox, make_context: MakeContext, webhooks: list[dict[str, Any]], failing: set[str], fail_on: str
) -> None:
    sandbox.put_webhooks([live("fine"), *webhooks])
    if fail_on in failing:
        with pytest.raises(AirflowFailException, match=rf"fail_on='{fail_on}'"):
            audit(make_context, fail_on=fail_on)
    else:
        assert audit(make_context, fail_on=fail_on)["counts"]["webhooks"] == 1 + len(webhooks)


def test_a_failing_audit_writes_its_report_and_logs_its_findings_first(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.put_webhooks([INSECURE])
    path = tmp_path / "report.json"
    told = r"^the audit found 1 error and 0 warnings in 1 webhook \(fail_on='error'\); the log lists them\. "
    with pytest.raises(AirflowFailException, match=told):
        audit(make_context, fail_on="error", report_path=str(path))
    assert json.loads(path.read_text())["counts"]["errors"] == 1
    assert "PW002" in capsys.readouterr().out


@pytest.mark.parametrize("ignore", [["PW002"], "PW002", "['PW002']", "PW002,PW001", ("PW001", "PW002")])
def test_an_ignored_rule_is_not_checked(sandbox: Sandbox, make_context: MakeContext, ignore: Any) -> None:
    sandbox.put_webhooks([INSECURE])
    assert rules(audit(make_context)) == {"PW002": 1}
    assert rules(audit(make_context, ignore=ignore)) == {}


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("allowed_hosts", ["hooks.acme.example"], None),
        ("allowed_hosts", "*.acme.example", None),
        ("allowed_hosts", ["acme.example"], "PW005"),
        ("required_events", ["partner.created"], None),
        ("required_events", "partner.created,lead.submitted", "PW006"),
        ("declared", [{"name": "Name a", "url": f"{URL}/a", "events": ["partner.created"]}], None),
        ("declared", [], "PW008"),
        ("declared", [{"name": "Name a", "url": URL, "events": ["partner.created"]}], "PW010"),
    ],
)
def test_each_option_leads_to_its_own_findings_only(
    sandbox: Sandbox, make_context: MakeContext, option: str, value: Any, rule: str | None
) -> None:
    sandbox.put_webhooks([live("a")])
    assert list(rules(audit(make_context, **{option: value}))) == ([rule] if rule else [])


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_the_declaration_may_be_a_file_with_templates(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, suffix: str, absolute: bool, native: bool
) -> None:
    sandbox.put_webhooks([live("a"), live("b")])
    declaration = [
        {"name": f"Name {key}", "url": f"{{{{ url }}}}/{key}", "events": ["partner.created"]} for key in "abc"
    ]
    path = tmp_path / f"declared{suffix}"
    path.write_text(json.dumps({"webhooks": declaration}, indent="\t" if suffix == ".json" else 1))
    with DAG("audits", schedule=None, render_template_as_native_obj=native) as dag:
        dag.fileloc = str(tmp_path / "audits.py")
        made = operator(fail_on="never", declared=str(path) if absolute else path.name)
    made.resolve_template_files()
    context = make_context() | {"url": URL}
    made.render_template_fields(context)
    assert rules(made.execute(context)) == {"PW009": 1}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"fail_on": "errors"}, "fail_on='errors': must be one of 'error', 'warning', 'never'"),
        ({"fail_on": ""}, "fail_on='': must be"),
        ({"fail_on": None}, "fail_on=None: must be"),
        ({"report_path": "s3://bucket/report.pdf"}, "report.pdf': must end in one of .json, .md, .html"),
        ({"report_path": "report"}, "report_path='report': must"),
        ({"declared": [{"name": "A"}]}, "webhooks[0]: url and events missing"),
        ({"declared": "nothing: here"}, "unknown field beside 'webhooks' 'nothing'"),
    ],
)
def test_a_wrong_argument_fails_before_anything_is_sent(
    sandbox: Sandbox, make_context: MakeContext, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(AirflowFailException, match=re.escape(words)):
        audit(make_context, **wrong)
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ignore": ["PW999"]}, "'PW999'"),
        ({"ignore": 5}, "ignore=5"),
        ({"allowed_hosts": ["https://x.example/"]}, "allowed_hosts"),
        ({"allowed_hosts": ["hooks.*"]}, "allowed_hosts"),
        ({"allowed_hosts": "None"}, "allowed_hosts='None'"),
        ({"allowed_hosts": ["None"]}, "allowed_hosts=['None']"),
        ({"allowed_hosts": " "}, "allowed_hosts=' '"),
        ({"required_events": [""]}, "required_events"),
        ({"declared": [{"name": "A", "url": URL, "events": ["a.b"]}] * 2}, '2 declared webhooks have the name "A"'),
    ],
)
def test_arguments_that_the_rules_refuse_fail_before_anything_is_sent(
    sandbox: Sandbox, make_context: MakeContext, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(AirflowFailException, match=re.escape(words)):
        audit(make_context, **wrong)
    assert sandbox.requests() == []


@pytest.mark.parametrize("suffix", [".json", ".md", ".html"])
@pytest.mark.parametrize("where", ["{folder}/new/report", "file://{folder}/new/report", "memory://{name}/new/report"])
def test_the_whole_report_is_written_to_every_kind_of_storage(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, where: str, suffix: str
) -> None:
    sandbox.put_webhooks([live(f"key{number:03d}", url="http://hooks.acme.example/") for number in range(150)])
    path = where.format(folder=tmp_path, name=tmp_path.name) + suffix
    for _ in range(2):  # the second replaces the first
        report = audit(make_context, report_path=path, ignore=["PW004"])
    written = ObjectStoragePath(path).read_text(encoding="utf-8")
    assert (len(report["findings"]), report["findings_left_out"]) == (100, 50)
    assert all(f"key{number:03d}" in written for number in range(150))
    assert written.lstrip()[0] == {".json": "{", ".md": "#", ".html": "<"}[suffix]
    assert SECRET not in written


@pytest.mark.large
def test_ten_thousand_webhooks_leave_a_small_xcom_with_complete_counts(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path
) -> None:
    sandbox.put_webhooks({"key": f"k{number}", "url": f"http://h{number}.example/"} for number in range(10_000))
    report = audit(make_context, report_path=str(tmp_path / "r.json"))
    assert rules(report)["PW002"] == 10_000
    assert (len(report["findings"]), report["findings_left_out"]) == (100, report["counts"]["findings"] - 100)
    assert len(json.dumps(report)) < 65_000
    assert len(json.loads((tmp_path / "r.json").read_text())["findings"]) == report["counts"]["findings"]


def test_a_storage_that_only_allows_writing_gets_the_report(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path
) -> None:
    memory: Any = import_module("fsspec.implementations.memory")  # comes with Airflow, without types

    class WriteOnly(memory.MemoryFileSystem):  # type: ignore[misc]
        def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
            raise PermissionError(f"CreateBucket for {path}: access denied")

    attach("memory", conn_id="write_only", fs=WriteOnly())
    path = f"memory://write_only@{tmp_path.name}/report.json"
    audit(make_context, report_path=path)
    assert ObjectStoragePath(path).exists()


@pytest.mark.parametrize("empty", ["", None])
def test_without_a_path_nothing_is_written(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    audit(make_context, report_path=empty)
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_fails_the_task_and_emits_nothing(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    context = make_context()
    with pytest.raises(OSError, match="file"):
        operator(report_path=str(tmp_path / "file" / "report.json")).execute(context)
    assert dict(context["outlet_events"]) == {}


def test_whoever_has_the_last_report_open_reads_it_to_its_end(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    with path.open(encoding="utf-8") as reader:
        audit(make_context, report_path=str(path))
        assert reader.read() == "old"
    assert json.loads(path.read_text(encoding="utf-8"))["counts"]["webhooks"] == 0
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_a_report_is_written_where_no_second_file_can_be_made(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: str, _text: str) -> None:
        raise PermissionError("a read-only folder")

    monkeypatch.setattr(report_files, "replace_file", refuse)
    path = tmp_path / "report.json"
    audit(make_context, report_path=str(path))
    assert json.loads(path.read_text(encoding="utf-8"))["counts"]["webhooks"] == 0


def test_a_report_is_not_written_into_a_pipe(sandbox: Sandbox, make_context: MakeContext, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "report.json")
    with pytest.raises(AirflowFailException, match="is a pipe or a device, and not a file"):
        audit(make_context, report_path=str(tmp_path / "report.json"))


class TestAsset:
    def test_the_event_has_the_counts_and_a_fingerprint_for_each_finding(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.put_webhooks([INSECURE, SWITCHED_OFF])
        context = make_context()
        made = operator(fail_on="never")
        report = made.execute(context)
        assert made.outlets == [partnero_audit_asset("partnero_default")]
        [(asset, event)] = context["outlet_events"].items()
        assert asset == partnero_audit_asset("partnero_default")
        assert event.extra["counts"] == report["counts"]
        assert [len(fingerprint) for fingerprint in event.extra["findings"]] == [12, 12]
        assert SECRET not in json.dumps(event.extra)

    def test_fingerprints_are_the_same_in_every_audit_that_finds_the_same(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        def fingerprints() -> set[str]:
            context = make_context()
            operator(fail_on="never").execute(context)
            [event] = context["outlet_events"].values()
            return set(event.extra["findings"])

        sandbox.put_webhooks([INSECURE])
        first = fingerprints()
        sandbox.put_webhooks([SWITCHED_OFF])
        second = fingerprints()
        assert first < second
        assert len(second) == 2

    def test_the_event_has_a_bounded_size_and_complete_counts(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.put_webhooks([live(f"k{number}", is_active=False) for number in range(120)])
        context = make_context()
        operator().execute(context)
        [event] = context["outlet_events"].values()
        assert len(event.extra["findings"]) == 100
        assert event.extra["counts"]["by_rule"] == {"PW001": 120}

    def test_other_outlets_stay(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        other = Asset("partnero_page")
        made = operator(outlets=[other])
        made.execute(make_context())
        assert made.outlets == [other, partnero_audit_asset("partnero_default")]

    @pytest.mark.parametrize("conn_id", ["{{ var.value.conn }}", "{% if a %}b{% endif %}", "prod_{{ ds }}"])
    def test_a_templated_connection_has_the_alias_as_its_outlet(self, conn_id: str) -> None:
        assert operator(partnero_conn_id=conn_id).outlets == [partnero_audit_alias()]

    def test_an_audit_with_a_templated_connection_emits_on_its_programmes_asset(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        made = operator(partnero_conn_id="{{ conn }}")
        context = make_context() | {"conn": "partnero_default"}
        made.render_template_fields(context)
        assert made.execute(context)["counts"]["webhooks"] == 0
        [(alias, emitted)] = context["outlet_events"].items()
        assert alias == partnero_audit_alias()
        assert list(emitted.through_alias) == [partnero_audit_asset("partnero_default")]
        assert emitted.through_alias[partnero_audit_asset("partnero_default")]["counts"]["webhooks"] == 0

    def test_a_mapped_audit_emits_through_the_alias_and_only_once(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        # The constructor of a mapped task runs in the task: Airflow has not seen the outlet that it adds.
        for given in ([], [partnero_audit_alias()]):
            context = make_context(map_index=0)
            made = operator(outlets=given)
            made.execute(context)
            assert made.outlets == [partnero_audit_alias()]
            assert list(context["outlet_events"]) == [partnero_audit_alias()]

    def test_a_mapped_audit_runs(self, sandbox: Sandbox, airflow: Any) -> None:
        with DAG("audits_mapped", schedule=None) as dag:
            PartneroAuditWebhooksOperator.partial(task_id="audit").expand(partnero_conn_id=["partnero_default"] * 2)
        assert [one.state for one in airflow.run(dag)["audit"]] == ["success", "success"]


def test_an_outage_is_left_to_airflows_retries(one_attempt: Sandbox, make_context: MakeContext) -> None:
    one_attempt.fault(status=503)
    with pytest.raises(PartneroServerError):
        audit(make_context)


def test_a_refused_token_fails_at_once(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = json.loads(sandbox.connection_json) | {"password": "wrong"}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(wrong))
    with pytest.raises(AirflowFailException, match="401"):
        audit(make_context)


@pytest.mark.parametrize("suffix", [".json", ".md", ".html"])
def test_no_secret_is_in_log_xcom_event_exception_or_report(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    url = f"http://user:{URL_SECRET}@hooks.acme.example/?token={URL_SECRET}"
    shared = {"signature": SECRET}
    sandbox.put_webhooks([live("a", url=url, **shared), live("b", url=url, **shared), live("c", signature="s3cr")])
    declared = [{"name": "Name a", "url": url.replace("http:", "https:"), "events": ["partner.created"]}]
    path = tmp_path / f"report{suffix}"
    context = make_context()
    options: dict[str, Any] = {"declared": declared, "report_path": str(path)}
    report = operator(fail_on="never", **options).execute(context)
    with pytest.raises(AirflowFailException) as failed:
        operator(fail_on="error", **options).execute(make_context())
    assert {"PW012", "PW013", "PW010"} & set(rules(report))
    [event] = context["outlet_events"].values()
    shown = f"{report}{event.extra}{failed.value!r}{path.read_text()}{capsys.readouterr().out}"
    assert "Name a" in shown
    assert [secret for secret in (SECRET, "s3cr", URL_SECRET, quote(URL_SECRET)) if secret in shown] == []


@pytest.mark.parametrize(
    ("base_url", "page"),
    [
        ("https://example.com/airflow/", "https://example.com/airflow/partnero/page/partnero_default/health"),
        ("", None),
        ("/airflow", None),
    ],
)
def test_the_log_says_where_to_look_if_airflow_knows_its_address(
    base_url: str,
    page: str | None,
    sandbox: Sandbox,
    make_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    sandbox.put_webhooks([live("a")])
    audit(make_context)
    assert re.findall(r"Look at it: (\S+)", capsys.readouterr().out) == ([page] if page else [])
