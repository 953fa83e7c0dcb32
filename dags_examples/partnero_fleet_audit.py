"""Check the webhooks of many programmes every day, and report on all of them together."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, Param, Variable, task

from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator, PartneroFleetReportOperator

with DAG(
    dag_id="partnero_fleet_audit",
    description="Audit the webhooks of all Partnero programmes every day, in one report",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["partnero", "example"],
    params={
        "connections": Param(
            [],
            type="array",
            items={"type": "string"},
            description="Connections of the programmes; if there are none, the Variable partnero_fleet names them",
        )
    },
    doc_md="""
    ### Are the webhooks of all our programmes in order?

    A token belongs to one programme, so there is one connection for each. `audit` is mapped over them: a refused token
    makes one of its tasks red and leaves the others alone. *Clear* that task once the token is right, and only this
    programme is audited again.

    `report` runs when all of them are over. It says what was found where, and what two programmes have in common: a URL
    or a signing secret. It is red if a programme could not be audited, and says why in that programme's row; so the run
    is red, too, and your `on_failure_callback` notifies people once, not once for each programme. Use
    `fail_on="error"` if findings should fail it as well.

    Each audit is an event on its programme's asset: `schedule=partnero_audit_asset("programme_b")` starts a DAG.
    """,
):

    @task
    def connections(params: dict) -> list[str]:
        """The programmes: the run's own, or those of the Variable, such as ["programme_a", "programme_b"]."""
        return params["connections"] or Variable.get(
            "partnero_fleet", default=["partnero_default"], deserialize_json=True
        )

    fleet = connections()
    audit = PartneroAuditWebhooksOperator.partial(
        task_id="audit",
        map_index_template="{{ task.partnero_conn_id }}",
        fleet=fleet,
        fail_on="never",
    ).expand(partnero_conn_id=fleet)

    PartneroFleetReportOperator(
        task_id="report",
        audits=audit.output,
        fleet=fleet,
        fail_on="never",
        # Where to write the report, such as a path or s3://...; a list writes several, such as a page and JSON.
        report_path="{{ var.value.get('partnero_fleet_report_path', '') }}",
    )
