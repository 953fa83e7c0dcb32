"""What OpenLineage's provider gets from an audit, and from our assets."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.openlineage.extractors.base import DefaultExtractor
from airflow.providers.openlineage.utils.utils import translate_airflow_asset

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.assets import partnero_audit_asset, partnero_event_asset
from airflow_provider_partnero.operators.audit_facet import FACET
from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.sandbox import Sandbox
from tests.conftest import MakeContext

URL_SECRET = "urlsecret55xyz"
INSECURE = {
    "key": "insecure",
    "name": "Nobody's business",
    "url": f"http://hooks.acme.example/{URL_SECRET}",
    "events": ["partner.created"],
    "signature": "sgn-never-to-be-seen",
}


def _facets(operator: PartneroAuditWebhooksOperator) -> dict[str, Any]:
    lineage: Any = DefaultExtractor(operator).extract_on_failure(None)
    return dict(lineage.run_facets) if lineage else {}


def test_an_audit_that_fails_its_task_tells_its_numbers_and_nothing_of_a_webhook(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.put_webhooks([INSECURE])
    operator = PartneroAuditWebhooksOperator(task_id="audit", fail_on="error")
    with pytest.raises(AirflowFailException):
        operator.execute(make_context())

    facet = _facets(operator)[FACET]

    assert (facet.webhooks, facet.errors, facet.findingsByRule["PW002"]) == (1, 1, 1)
    told = str(facet)
    assert not [text for text in (URL_SECRET, "acme", "business", "sgn-", "insecure") if text in told]


def test_an_audit_that_could_not_read_the_webhooks_tells_no_numbers(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.fault(status=401, times=9)
    operator = PartneroAuditWebhooksOperator(task_id="audit")
    with pytest.raises(AirflowFailException):
        operator.execute(make_context())
    assert _facets(operator) == {}


@pytest.mark.parametrize("conn_id", ["partnero_default", "shop#2", "team/shop", "a:b", "Übersee"])
def test_each_asset_of_ours_is_a_dataset_of_its_own(conn_id: str) -> None:
    assets = [partnero_audit_asset(conn_id), partnero_event_asset("transaction.created", conn_id)]
    datasets = [translate_airflow_asset(asset, None) for asset in assets]
    assert [dataset and dataset.name for dataset in datasets] == ["audit", "transaction.created"]
    assert len({dataset and dataset.namespace for dataset in datasets}) == 1
    other: Any = translate_airflow_asset(partnero_audit_asset("another"), None)
    assert datasets[0]
    assert datasets[0].namespace != other.namespace
