"""Buttons on a task's page that lead to Partnero's page in this Airflow.

Airflow asks for a link in the task's own process when the task has ended, whatever became of it, and keeps it in an
XCom. So an operator notes what a link needs as soon as it is there. Nothing here raises: Airflow 3.0 would break off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink

from airflow_provider_partnero.airflow_compat import conf
from airflow_provider_partnero.operators.arguments import is_final
from airflow_provider_partnero.webhooks.page_paths import View, page_path

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

NO_LINK = ""  # the button is not shown


class PartneroPageLink(BaseOperatorLink):
    """Whether the programme is well: the page of the task's connection."""

    name = "Partnero page"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """The address, without scheme and host."""
        return _address(operator, "health")


class PartneroReportLink(BaseOperatorLink):
    """The report that an audit has written, also if the audit then failed the task."""

    name = "Partnero report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address, without scheme and host; empty if no report was written."""
        return _address(operator, "report", **_query(ti_key)) if getattr(operator, "has_report", False) else NO_LINK


class PartneroPlanLink(BaseOperatorLink):
    """The plan that a reconciliation has returned."""

    name = "Partnero plan"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address, without scheme and host; empty if no plan was returned."""
        return _address(operator, "plan", **_query(ti_key)) if getattr(operator, "has_plan", False) else NO_LINK


class PartneroWebhookLink(BaseOperatorLink):
    """The webhook that the task has made or waits for."""

    name = "Partnero webhook"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """The address, without scheme and host; empty as long as there is no such webhook."""
        key = getattr(operator, "linked_key", None)
        return _address(operator, "webhooks", key=key) if isinstance(key, str) and is_final(key) else NO_LINK


def page_url(partnero_conn_id: str) -> str:
    """The page of a connection, for a log; empty if ``[api] base_url`` does not tell where Airflow is."""
    base = conf.get("api", "base_url", fallback=None) or ""
    return f"{base.rstrip('/')}{page_path(partnero_conn_id)}" if base.startswith(("http://", "https://")) else ""


def _address(operator: Any, view: View, **query: str) -> str:
    """A view of the task's connection; empty if the task failed before its connection was known."""
    conn_id = getattr(operator, "partnero_conn_id", None)
    if not isinstance(conn_id, str) or not conn_id or not is_final(conn_id):
        return NO_LINK
    try:
        return f"{_base_path()}{page_path(conn_id, view, **query)}"
    except ValueError:  # no URL can hold half of a surrogate pair
        return NO_LINK


def _base_path() -> str:
    """The path below which Airflow is, without a slash at its end.

    Of ``[api] base_url``, only the path is used. People may reach Airflow by another host than workers know.
    """
    try:
        return urlsplit(conf.get("api", "base_url", fallback=None) or "").path.rstrip("/")
    except ValueError:
        return ""


def _query(ti_key: Any) -> dict[str, str]:
    map_index = ti_key.map_index
    return {
        "dag_id": ti_key.dag_id,
        "run_id": ti_key.run_id,
        "task_id": ti_key.task_id,
        "map_index": str(-1 if map_index is None else map_index),
    }
