"""A new signing secret for a webhook: a second webhook, its secret into a Variable, then the first one goes."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, Param, Variable, task

from airflow_provider_partnero.operators.keys import derived_key
from airflow_provider_partnero.operators.partnero import (
    PartneroCreateWebhookOperator,
    PartneroDeleteWebhookOperator,
    PartneroGetWebhookOperator,
    PartneroUpdateWebhookOperator,
)
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor

OLD = "{{ params.webhook_key }}"
NEW = "{{ ti.xcom_pull(task_ids='create')['key'] }}"
NAME = "{{ ti.xcom_pull(task_ids='old')['name'].removesuffix(' (old secret)') }}"

with DAG(
    dag_id="partnero_rotate_signing_secret",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    params={
        "webhook_key": Param("crmCustomers", type="string", minLength=1, description="the webhook to rotate"),
        "variable": Param("partnero_signing_secret", type="string", description="the Variable that holds its secret"),
    },
    user_defined_macros={"derived_key": derived_key},
    tags=["partnero", "example"],
    doc_md="""
    ### Rotate a signing secret

    Partnero has no call that changes a webhook's secret, so a new webhook takes the old one's place. Both deliver
    until `delete_old`: let the receiver accept either secret meanwhile. The secret goes from Partnero into the Variable
    within one task, and nowhere else: not into XCom, not into a log.

    Safe to rerun from anywhere: the new webhook's key is derived from the old one's, so there is no third (unless
    Partnero should ignore keys that it is given). The old one is renamed first: were both alike, a create whose answer
    was lost could take the old one for the new, and `delete_old` would delete the only one.
    """,
):
    old = PartneroGetWebhookOperator(task_id="old", webhook_key=OLD)
    rename_old = PartneroUpdateWebhookOperator(task_id="rename_old", webhook_key=OLD, name=f"{NAME} (old secret)")
    create = PartneroCreateWebhookOperator(
        task_id="create",
        name=NAME,
        url="{{ ti.xcom_pull(task_ids='old')['url'] }}",
        events="{{ ti.xcom_pull(task_ids='old')['events'] }}",
        webhook_key="{{ derived_key('rotated', params.webhook_key) }}",
    )
    wait_until_active = PartneroWebhookActiveSensor(
        task_id="wait_until_active", webhook_key=NEW, deferrable=True, poke_interval=1, timeout=600
    )

    @task
    def hand_over(webhook: dict, params: dict) -> None:
        """Partnero -> Variable, without showing it to anybody."""
        from airflow_provider_partnero.hooks.partnero import PartneroHook

        Variable.set(params["variable"], PartneroHook().get_webhook(webhook["key"]).signature)

    delete_old = PartneroDeleteWebhookOperator(task_id="delete_old", webhook_key=OLD)

    old >> rename_old >> create >> wait_until_active >> hand_over(create.output) >> delete_old
