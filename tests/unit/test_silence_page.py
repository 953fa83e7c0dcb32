"""The page about silence: its snippets are DAGs that Airflow takes, and what it quotes is what the audit says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk import DAG

from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.webhooks.audit import audit
from airflow_provider_partnero.webhooks.protection import receiver_url
from tests.unit.webhooks.builders import expected, webhook

PAGE = (Path(__file__).parents[2] / "airflow_provider_partnero" / "docs" / "silence.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_snippets_of_the_page_are_dags() -> None:
    whole, mapped = SNIPPETS
    with DAG("page", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        exec(mapped, {"PartneroAuditWebhooksOperator": PartneroAuditWebhooksOperator})
    assert dag.task_ids == ["audit"]
    names: dict[str, object] = {}
    exec(whole, names)
    zone: object = names["berlin"]
    assert str(zone) == "Europe/Berlin"


def test_the_finding_of_the_page_is_what_the_audit_says() -> None:
    last = datetime(2026, 11, 25, 9, 55, tzinfo=UTC)
    live = webhook(events=("transaction.created",), url=receiver_url("https://airflow.example.com", "shop"))
    overdue = expected(last=last, now=last + timedelta(hours=26, minutes=5), is_overdue=True)
    [finding] = audit([live], expect_events=[overdue]).findings
    assert finding.words in " ".join(PAGE.split())


@pytest.mark.parametrize("expression", ["0 0-6 * * *", "* * L * *"])
def test_what_the_page_says_is_refused_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="quiet_hours"):
        PartneroAuditWebhooksOperator(task_id="audit", quiet_hours=[expression])
