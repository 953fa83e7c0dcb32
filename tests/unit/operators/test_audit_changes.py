"""What an audit says has changed since the last one, and where it finds the last one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, ObjectStoragePath
from airflow.sdk.io import attach

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.operators import audit as audit_module
from airflow_provider_partnero.operators import past_audits as past_audits_module
from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.sandbox import Sandbox
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow

SUFFIXES = [".json", ".md", ".html"]
FIRST = datetime(2026, 11, 23, 6, tzinfo=UTC)
SECRET = "sgn-9Kq2-never-to-be-seen"
FIRST_KNOWN = "This is the first audit that is known."

Audit = Callable[..., dict[str, Any]]


def live(key: str, **others: Any) -> dict[str, Any]:
    url = f"https://hooks.acme.example/{key}"
    return {"key": key, "name": f"Name {key}", "url": url, "signature": f"{SECRET}-{key}"} | others


INSECURE = live("insecure", url="http://hooks.acme.example/insecure")  # PW002, an error
SWITCHED_OFF = live("off", is_active=False)  # PW001, a warning


@pytest.fixture
def audit(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """Audits; each is a day after the one before."""
    days = iter(range(100))
    monkeypatch.setattr(
        PartneroAuditWebhooksOperator, "now", staticmethod(lambda: FIRST + timedelta(days=next(days), seconds=0.5))
    )

    def run(path: Any = None, **options: Any) -> dict[str, Any]:
        made = PartneroAuditWebhooksOperator(
            task_id="audit", **{"fail_on": "never", "report_path": path and str(path), **options}
        )
        returned: dict[str, Any] = made.execute(make_context())
        return returned

    return run


def numbers(report: dict[str, Any]) -> tuple[int, int, int]:
    return tuple(report["changes"][what] for what in ("new", "gone", "still_there"))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("where", ["{folder}/new/report", "file://{folder}/report", "memory://{name}/report"])
def test_the_report_that_is_about_to_be_replaced_says_what_the_last_audit_found(
    sandbox: Sandbox, audit: Audit, tmp_path: Path, where: str, suffix: str
) -> None:
    path = where.format(folder=tmp_path, name=tmp_path.name) + suffix
    sandbox.put_webhooks([INSECURE, live("a")])
    assert audit(path)["changes"]["notes"] == [FIRST_KNOWN]
    sandbox.put_webhooks([INSECURE, SWITCHED_OFF])
    second = audit(path)
    assert numbers(second) == (1, 0, 1)
    assert [(one["rule"], one["is_new"], one["since"][:10]) for one in second["findings"]] == [
        ("PW002", False, "2026-11-23"),
        ("PW001", True, "2026-11-24"),
    ]
    sandbox.delete_webhook("insecure")
    third = audit(path)
    assert numbers(third) == (0, 1, 1)
    [gone] = third["changes"]["gone_findings"]
    assert (gone["rule"], gone["key"], gone["name"], gone["since"]) == (
        "PW002",
        "insecure",
        "Name insecure",
        "2026-11-23T06:00:00+00:00",
    )
    assert third["findings"][0]["since"] == "2026-11-24T06:00:00+00:00", "since when outlives one audit"
    text = ObjectStoragePath(path).read_text()
    assert "insecure" in text
    assert SECRET not in text


def test_an_audit_that_fails_is_the_last_audit_of_the_next_one(sandbox: Sandbox, audit: Audit, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    sandbox.put_webhooks([INSECURE])
    with pytest.raises(AirflowFailException, match="No earlier audit"):
        audit(path, fail_on="error")
    with pytest.raises(AirflowFailException, match="Since the audit of 2026-11-23 06:00 UTC: 0 new, 0 gone, 1 still"):
        audit(path, fail_on="error")


def test_the_log_says_what_changed(
    sandbox: Sandbox, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.put_webhooks([INSECURE])
    audit(tmp_path / "report.md")
    sandbox.put_webhooks([INSECURE | {"url": "https://hooks.acme.example/"}, SWITCHED_OFF])
    audit(tmp_path / "report.md")
    assert "Since the audit of 2026-11-23 06:00 UTC: 1 new, 1 gone, 0 still there." in capsys.readouterr().out


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it "),
        (b"\xff\xfe\x00", "it is damaged"),
        (b"{", "it "),
        (b"[" * 100_000, "it "),
        (b'{"for_next_audit": {"version": 1}}', "it "),
        (b'<!-- partnero-audit: {"version":1} -->\n<meta name="partnero-audit" content=\'{"version":1}\'>', "it is da"),
        (b"<!-- partnero-audit: { -->\n<meta name=\"partnero-audit\" content='{'>", "it is damaged"),
        (b'{"for_next_audit": {"version": 99}}', "it "),
        (b" " * 200_001, "it is larger than 200,000 bytes"),
    ],
    ids=range(9),
)
def test_a_report_that_cannot_be_read_fails_nothing_is_told_and_is_replaced(
    sandbox: Sandbox,
    audit: Audit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    content: bytes,
    words: str,
) -> None:
    monkeypatch.setattr(past_audits_module, "LARGEST_READ", 200_000)
    sandbox.put_webhooks([INSECURE])
    path = tmp_path / f"report{suffix}"
    path.write_bytes(content)
    report = audit(path)
    [note] = report["changes"]["notes"]
    assert note.startswith(f"The last report could not be read: {words}")
    assert note in path.read_text().replace("&#39;", "'")
    assert report["changes"]["previous_audit"] is None
    assert numbers(audit(path)) == (0, 0, 1)


def test_a_pipe_or_a_device_is_not_read(
    sandbox: Sandbox, audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_module, "write_report", lambda *_: None)
    sandbox.put_webhooks([INSECURE])
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "device.json").symlink_to("/dev/zero")
    for name in ("pipe.json", "device.json"):
        report = audit(tmp_path / name)
        assert report["changes"]["notes"] == ["The last report could not be read: it is not a file."]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_report_of_another_connection_or_programme_is_not_compared_with(
    sandbox: Sandbox, audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"report{suffix}"
    sandbox.put_webhooks([INSECURE])
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", sandbox.connection_json)
    audit(path, partnero_conn_id="other")
    report = audit(path)
    assert report["changes"]["notes"] == ['The last audit that is known is of another connection, "other".']
    sandbox.set_program("Another", "another-id")
    report = audit(path)
    [note] = report["changes"]["notes"]
    assert "of another programme" in note
    assert numbers(report) == (0, 0, 0)
    assert numbers(audit(path)) == (0, 0, 1)


@pytest.mark.parametrize("refusal", [PermissionError, ValueError, RuntimeError])
def test_a_storage_that_refuses_to_be_read_is_told_by_the_kind_of_its_error_only(
    sandbox: Sandbox, audit: Audit, tmp_path: Path, refusal: type[Exception]
) -> None:
    memory: Any = import_module("fsspec.implementations.memory")  # comes with Airflow, without types

    class WriteOnly(memory.MemoryFileSystem):  # type: ignore[misc]
        def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
            if "r" in mode:
                raise refusal("denied for key AKIA-TOP-SECRET")
            return super()._open(path, mode, **kwargs)

    attach("memory", conn_id=f"no_{refusal.__name__}", fs=WriteOnly())
    path = f"memory://no_{refusal.__name__}@{tmp_path.name}/report.json"
    for _ in range(2):
        report = audit(path)
        assert report["changes"]["notes"] == [f"The last report could not be read: {refusal.__name__}."]


def test_an_audit_that_looked_at_less_in_between_does_not_hide_since_when_a_finding_is_there(
    sandbox: Sandbox, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(audit_module, "emit_audit", lambda *given: kept.insert(0, SimpleNamespace(extra=given[-1])))
    monkeypatch.setattr(past_audits_module, "latest_asset_events", lambda _asset, most: kept[:most])
    sandbox.put_webhooks([SWITCHED_OFF])
    audit()
    audit(ignore=["PW001"])
    changes = audit()
    assert numbers(changes) == (0, 0, 1)
    assert changes["findings"][0]["since"] == "2026-11-23T06:00:00+00:00"


def test_an_event_stays_small_whatever_is_wrong(sandbox: Sandbox, make_context: MakeContext) -> None:
    name = "\U0001f600" * 300
    sandbox.put_webhooks([live(f"k{number:011d}" * 9, name=name, is_active=False) for number in range(150)])
    context = make_context()
    PartneroAuditWebhooksOperator(task_id="audit").execute(context)
    [event] = context["outlet_events"].values()
    kept = event.extra["for_next_audit"]
    assert (len(kept["findings"]), kept["left_out"]) == (100, 50)
    assert len(json.dumps(event.extra)) < 70_000
    assert len(json.dumps(event.extra, ensure_ascii=False).encode()) < 32_000


def test_what_an_audit_returns_stays_small_whatever_the_names(sandbox: Sandbox, audit: Audit, tmp_path: Path) -> None:
    name = "\u202e" * 2_000
    sandbox.put_webhooks([live(f"k{number:03d}", name=name, is_active=False) for number in range(150)])
    audit(tmp_path / "report.json")
    sandbox.put_webhooks([])
    assert len(json.dumps(audit(tmp_path / "report.json"))) < 70_000
    sandbox.put_webhooks([live(f"k{number:03d}", name=name, is_active=False) for number in range(150)])
    assert len(json.dumps(audit())) < 70_000


class TestEvents:
    """On a real Airflow, whose API server the task asks for the asset's last events."""

    def dag(self, name: str, **options: Any) -> DAG:
        with DAG(name, schedule=None) as dag:
            PartneroAuditWebhooksOperator(task_id="audit", **{"fail_on": "never", **options})
        return dag

    def test_an_audit_without_a_report_compares_with_the_last_event_of_its_asset(
        self, airflow: Airflow, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_EVENTFUL", sandbox.connection_json)
        sandbox.put_webhooks([INSECURE])
        dag = self.dag("audits_by_event", partnero_conn_id="eventful")
        [first] = airflow.run(dag)["audit"]
        assert first.returned["changes"]["notes"] == [FIRST_KNOWN]
        sandbox.put_webhooks([INSECURE | {"url": "https://hooks.acme.example/"}, SWITCHED_OFF])
        [second] = airflow.run(dag)["audit"]
        assert second.state == "success"
        assert numbers(second.returned) == (1, 1, 0)
        [third] = airflow.run(dag)["audit"]
        assert numbers(third.returned) == (0, 0, 1)

    def test_mapped_audits_compare_each_with_its_own_last_one(
        self, airflow: Airflow, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for conn_id in ("MAPPED_A", "MAPPED_B"):
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id}", sandbox.connection_json)
        sandbox.put_webhooks([INSECURE])
        with DAG("audits_by_event_mapped", schedule=None) as dag:
            PartneroAuditWebhooksOperator.partial(task_id="audit", fail_on="never").expand(
                partnero_conn_id=["mapped_a", "mapped_b"]
            )
        airflow.run(dag)
        sandbox.put_webhooks([SWITCHED_OFF])
        assert [numbers(one.returned) for one in airflow.run(dag)["audit"]] == [(1, 0, 1), (1, 0, 1)]

    def test_an_event_that_somebody_emitted_by_hand_is_passed_over(
        self, airflow: Airflow, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from airflow.assets.manager import asset_manager
        from airflow.models.asset import AssetModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        monkeypatch.setenv("AIRFLOW_CONN_BY_HAND", sandbox.connection_json)
        sandbox.put_webhooks([INSECURE])
        dag = self.dag("audits_by_hand", partnero_conn_id="by_hand")
        airflow.run(dag)
        with create_session() as session:
            [asset] = session.scalars(select(AssetModel).where(AssetModel.uri == "partnero://by_hand/audit"))
            for extra in ({}, {"from_rest_api": True}):
                asset_manager.register_asset_change(asset=asset, extra=extra, session=session)
        [second] = airflow.run(dag)["audit"]
        assert numbers(second.returned) == (0, 0, 1)
