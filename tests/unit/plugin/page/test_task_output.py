"""The plan that a task returned, on the page: of a dry run, of what was written, and of whatever an XCom may hold."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from airflow.sdk import DAG
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.operators.partnero import PartneroReconcileWebhooksOperator
from airflow_provider_partnero.plugin.page import task_output
from airflow_provider_partnero.plugin.page.task_output import TaskPlace, plan_of
from airflow_provider_partnero.sandbox import Sandbox
from tests.e2e.programme import webhook
from tests.unit.conftest import Airflow

from .site import Site
from .test_report import run_id_of, write_xcom
from .test_routes import text_of

NEW = {"name": "<b>New</b>", "url": "https://new.example/x?token=a8Kq2LmZ0pRt5Vw9", "events": ["partner.created"]}
CHANGED = {"name": "Name other0", "url": "https://changed.example/x", "events": ["partner.created"]}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)
PLANS = st.fixed_dictionaries(
    {
        "plan": st.fixed_dictionaries(
            {"summary": JSON | st.text()},
            optional={
                "actions": JSON
                | st.lists(
                    st.fixed_dictionaries(
                        {"kind": st.sampled_from(["create", "update", "delete", "explode"]) | JSON},
                        optional={"name": JSON, "key": JSON, "changes": JSON | st.lists(JSON), "url": JSON},
                    )
                    | JSON
                )
            },
        )
        | JSON
    },
    optional={"diff_markdown": JSON | st.text(), "fingerprint": JSON | st.text()},
)


@pytest.fixture
def reconciled(airflow: Airflow, partnero_sandbox: Sandbox) -> dict[str, str]:
    """The query of a DAG's run with the tasks ``plan``, a dry run, and ``apply``."""
    partnero_sandbox.put_webhooks([webhook("other0", url="https://old.example/y")])
    with DAG("plan_on_page", schedule=None, start_date=datetime(2026, 1, 1), catchup=False) as dag:
        plan = PartneroReconcileWebhooksOperator(task_id="plan", webhooks=[NEW, CHANGED], dry_run=True)
        plan >> PartneroReconcileWebhooksOperator(task_id="apply", webhooks=[NEW, CHANGED])
    done = airflow.run(dag)
    assert {run.state for runs in done.values() for run in runs} == {"success"}
    return {"dag_id": dag.dag_id, "run_id": run_id_of(dag.dag_id), "map_index": "-1"}


@pytest.mark.parametrize("task_id", ["plan", "apply"])
def test_the_plan_of_a_task_is_shown_whether_it_was_written_or_not(
    site: Site, reconciled: dict[str, str], task_id: str
) -> None:
    answer = site.view(f"plan?{urlencode(reconciled | {'task_id': task_id})}")
    shown = text_of(answer)
    assert "Plan: 1 to create, 1 to update, 0 to delete, 0 unchanged" in shown
    assert "<b>New</b>" in shown
    assert "https://changed.example/x" in shown
    assert "Fingerprint:" in shown
    assert "<b>New" not in answer.text
    assert "a8Kq2LmZ0pRt5Vw9" not in answer.text


def test_a_task_that_returned_no_plan_says_so_and_the_form_is_there(site: Site, reconciled: dict[str, str]) -> None:
    for returned in (None, "text", {"plan": 7}, [1]):
        query = reconciled | {"task_id": "plan"}
        write_xcom(query, returned, "return_value")
        answer = site.view(f"plan?{urlencode(query)}")
        assert "This task has returned no plan." in text_of(answer)
        assert "<textarea" in answer.text


def test_an_xcom_beyond_a_size_is_not_read(
    site: Site, reconciled: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = reconciled | {"task_id": "plan"}
    write_xcom(query, {"plan": {"summary": "Plan: large", "filler": "x" * 5_000}}, "return_value")
    assert "Plan: large" in text_of(site.view(f"plan?{urlencode(query)}"))
    monkeypatch.setattr(task_output, "_LARGEST_XCOM", 5_000)
    assert "This task has returned no plan." in text_of(site.view(f"plan?{urlencode(query)}"))


@given(PLANS | JSON)
def test_whatever_a_task_returned_is_a_plan_of_bounded_size_or_none(returned: Any) -> None:
    found = plan_of(json.loads(json.dumps(returned)))
    if found is None:
        return
    assert len(found.lines) <= 5_000
    assert max([0, *(len(line.words) for line in found.lines)]) < 500
    assert len(found.summary) < 500
    assert all(line.words.isprintable() for line in found.lines)


def test_a_huge_plan_is_cut() -> None:
    changes = [{"field": "f" * 9_000, "old": "o" * 9_000, "new": ["n"] * 9_000}] * 5_000
    action = {"kind": "update", "name": "x" * 9_000, "key": "k", "changes": changes}
    found = plan_of({"plan": {"summary": "s" * 9_000, "actions": [action] * 5_000}})
    assert found
    assert len(found.lines) == 100 * 21
    assert sum(len(line.words) for line in found.lines) < 2_000_000


@pytest.mark.parametrize("map_index", ["-1", "0", "17", ""])
def test_a_query_names_a_task_instance(map_index: str) -> None:
    query = {"dag_id": "d", "run_id": "manual__2026-11-26T06:00:00+00:00", "task_id": "g.t", "map_index": map_index}
    assert TaskPlace.of(query) == TaskPlace("d", query["run_id"], "g.t", int(map_index or -1))
