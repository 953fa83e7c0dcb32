"""The links of a task: where they lead, for each kind of end that a task can have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.sdk import DAG
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.operators.links import (
    PartneroPageLink,
    PartneroPlanLink,
    PartneroReportLink,
    PartneroWebhookLink,
)
from airflow_provider_partnero.operators.partnero import (
    PartneroAuditWebhooksOperator,
    PartneroCreateWebhookOperator,
    PartneroReconcileWebhooksOperator,
)
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from airflow_provider_partnero.webhooks.page_paths import View, page_path
from airflow_provider_partnero.webhooks.report.whereabouts import XCOM_KEY
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow

DEMO: dict[str, Any] = {"name": "Demo", "url": "https://receiver.example/demo", "events": ["partner.created"]}
INSECURE = {**DEMO, "key": "insecure", "url": "http://receiver.example/demo"}
ALL_LINKS = (PartneroPageLink(), PartneroPlanLink(), PartneroReportLink(), PartneroWebhookLink())


def _dag(name: str) -> DAG:
    return DAG(f"unit_links_{name}", schedule=None, start_date=datetime(2026, 1, 1), catchup=False)


def _shown(dag_id: str) -> dict[tuple[str, int], dict[str, str | None]]:
    """The links that Airflow's API gives for each task instance of the DAG's only run."""
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        stored = SerializedDagModel.get(dag_id, session=session)
        assert stored is not None
        instances = session.scalars(select(TaskInstance).where(TaskInstance.dag_id == dag_id)).all()
        found = {}
        for ti in instances:
            task = stored.dag.get_task(ti.task_id)
            found[ti.task_id, ti.map_index] = {name: task.get_extra_links(ti, name) for name in task.extra_links}
        return found


def _xcoms(dag_id: str, key: str) -> dict[tuple[str, int], Any]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rows = session.scalars(select(XComModel).where(XComModel.dag_id == dag_id, XComModel.key == key)).all()
        return {(row.task_id, row.map_index): XComModel.deserialize_value(row) for row in rows}


def _query(link: str | None) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(link or "").query).items()}


def test_each_task_has_a_link_to_what_it_is_about(airflow: Airflow, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.put_webhooks([{**DEMO, "key": "there"}])
    path = str(tmp_path / "report.html")
    with _dag("all") as dag:
        PartneroAuditWebhooksOperator(task_id="audit", report_path=path, fail_on="never")
        PartneroReconcileWebhooksOperator(task_id="plan", webhooks=[DEMO], dry_run=True)
        PartneroCreateWebhookOperator(task_id="create", **{**DEMO, "name": "New"})
        PartneroWebhookActiveSensor(task_id="wait", webhook_key="{{ 'there' }}", deferrable=False)
    done = airflow.run(dag)
    assert {run.state for runs in done.values() for run in runs} == {"success"}

    shown = _shown(dag.dag_id)

    audit, plan = shown["audit", -1], shown["plan", -1]
    assert audit["Partnero page"] == page_path("partnero_default", "health")
    view: View
    for link, view, task in ((audit["Partnero report"], "report", "audit"), (plan["Partnero plan"], "plan", "plan")):
        assert urlsplit(link or "").path == page_path("partnero_default", view)
        query = _query(link)
        assert query.pop("run_id").startswith("manual__")
        assert query == {"dag_id": dag.dag_id, "task_id": task, "map_index": "-1"}
    key = done["create"][0].returned["key"]
    assert shown["create", -1] == {"Partnero webhook": page_path("partnero_default", "webhooks", key=key)}
    assert shown["wait", -1] == {"Partnero webhook": page_path("partnero_default", "webhooks", key="there")}
    [told] = _xcoms(dag.dag_id, XCOM_KEY).values()
    assert told == {"conn_id": "partnero_default", "path": path, "at": told["at"]}
    assert datetime.fromisoformat(told["at"]).tzinfo is not None


def test_an_audit_that_fails_its_task_has_told_where_its_report_is(
    airflow: Airflow, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.put_webhooks([INSECURE])
    path = str(tmp_path / "report.md")
    with _dag("failed") as dag:
        PartneroAuditWebhooksOperator(task_id="audit", report_path=path, fail_on="error")
    assert airflow.run(dag)["audit"][0].state == "failed"

    [told] = _xcoms(dag.dag_id, XCOM_KEY).values()
    assert told == {"conn_id": "partnero_default", "path": path, "at": told["at"]}
    assert datetime.fromisoformat(told["at"]).tzinfo is not None
    assert urlsplit(_shown(dag.dag_id)["audit", -1]["Partnero report"] or "").path.endswith("/report")


def test_a_task_without_report_plan_or_webhook_has_no_link_to_one(
    airflow: Airflow, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.put_webhooks([{**DEMO, "key": "there"}])
    sandbox.fault(status=401, times=99)
    with _dag("nothing") as dag:
        PartneroAuditWebhooksOperator(task_id="audit", report_path=str(tmp_path / "report.md"))
        PartneroReconcileWebhooksOperator(task_id="plan", webhooks=[DEMO])
        PartneroCreateWebhookOperator(task_id="create", webhook_key="mine", **DEMO)
        PartneroAuditWebhooksOperator(task_id="nowhere", partnero_conn_id="{{ no_such_name.at_all }}")
    done = airflow.run(dag)
    assert {run.state for runs in done.values() for run in runs} == {"failed"}

    assert _shown(dag.dag_id) == {
        ("audit", -1): {"Partnero page": page_path("partnero_default", "health"), "Partnero report": ""},
        ("plan", -1): {"Partnero plan": ""},
        ("create", -1): {"Partnero webhook": ""},
        ("nowhere", -1): {"Partnero page": "", "Partnero report": ""},
    }


def test_mapped_tasks_have_links_of_their_own(airflow: Airflow, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.put_webhooks([{**DEMO, "key": "k0"}, {**DEMO, "key": "k1", "name": "Other"}])
    with _dag("mapped") as dag:
        PartneroAuditWebhooksOperator.partial(task_id="audit", fail_on="never").expand(
            report_path=[str(tmp_path / f"{n}.json") for n in range(2)]
        )
        PartneroReconcileWebhooksOperator.partial(task_id="plan", dry_run=True).expand(webhooks=[[DEMO], []])
        PartneroWebhookActiveSensor.partial(task_id="wait", deferrable=False).expand(webhook_key=["k0", "k1"])
    airflow.run(dag)

    shown = _shown(dag.dag_id)

    for task, name in (("audit", "Partnero report"), ("plan", "Partnero plan")):
        assert [_query(shown[task, n][name])["map_index"] for n in range(2)] == ["0", "1"]
    assert [_query(shown["wait", n]["Partnero webhook"]) for n in range(2)] == [{"key": "k0"}, {"key": "k1"}]


@pytest.mark.parametrize(
    ("base_url", "below"),
    [
        ("", ""),
        ("http://localhost:8080", ""),
        ("https://example.com/", ""),
        ("https://example.com/data/airflow/", "/data/airflow"),
        ("http://[broken", ""),
    ],
)
def test_a_link_keeps_the_path_of_base_url_and_leaves_the_host_to_the_browser(
    base_url: str, below: str, monkeypatch: pytest.MonkeyPatch, make_context: MakeContext
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    operator = PartneroAuditWebhooksOperator(task_id="audit")
    link = PartneroPageLink().get_link(operator, ti_key=make_context()["ti"])
    assert link == below + page_path("partnero_default", "health")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | st.text(st.characters(exclude_categories=())) | st.integers() | st.booleans()
            for name in ("partnero_conn_id", "linked_key", "has_report", "has_plan")
        },
    )
)
def test_no_link_ever_raises_since_airflow_3_0_would_break_off(operator: Mapping[str, Any]) -> None:
    ti = SimpleNamespace(dag_id="d/?&", run_id="manual__2026-11-26T06:00:00+00:00", task_id="g.t", map_index=None)
    for link in ALL_LINKS:
        told = link.get_link(SimpleNamespace(**operator), ti_key=ti)  # type: ignore[arg-type]
        assert told == "" or told.startswith("/partnero/page/")
        assert told.isascii()


def test_airflow_lists_every_link_class_of_ours() -> None:
    from airflow.providers_manager import ProvidersManager

    manager: Any = ProvidersManager()  # type: ignore[no-untyped-call]
    ours = [name for name in manager.extra_links_class_names if "partnero" in name]
    assert ours == sorted(f"{type(link).__module__}.{type(link).__name__}" for link in ALL_LINKS)
