"""What OpenLineage learns of an audit. Its provider asks for it, where it is installed; nothing else imports this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.openlineage.extractors import OperatorLineage
from attrs import define
from openlineage.client.facet_v2 import RunFacet

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport
    from airflow_provider_partnero.webhooks.comparison import Comparison

FACET = "partneroAudit"
"""The facet's name in the events that OpenLineage's provider emits."""


@define
class PartneroAuditRunFacet(RunFacet):
    """The numbers of an audit. It holds no name, address or secret of a webhook.

    :param connection: the id of the audited connection.
    :param findingsByRule: the number of findings of each rule that has any, by the rule's id.
    :param newFindings: findings that the audit before did not have.
    :param goneFindings: findings that it had, and that are no more.
    """

    connection: str
    webhooks: int
    active: int
    errors: int
    warnings: int
    findingsByRule: dict[str, int]  # noqa: N815 - as OpenLineage's own facets are spelt
    newFindings: int  # noqa: N815
    goneFindings: int  # noqa: N815


def audit_lineage(conn_id: str, report: AuditReport, comparison: Comparison) -> OperatorLineage[Any, Any]:
    """The audit's facet. OpenLineage takes inputs and outputs from the task's inlets and outlets."""
    counts, changes = report.counts, comparison.to_dict(max_gone=0)
    facet = PartneroAuditRunFacet(
        connection=conn_id,
        webhooks=counts["webhooks"],
        active=counts["active"],
        errors=counts["errors"],
        warnings=counts["warnings"],
        findingsByRule=dict(counts["by_rule"]),
        newFindings=changes["new"],
        goneFindings=changes["gone"],
    )
    return OperatorLineage(run_facets={FACET: facet})
