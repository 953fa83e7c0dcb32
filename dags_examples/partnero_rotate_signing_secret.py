"""Rotate a signing secret: create a second webhook, hand its secret over, delete the first webhook."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, Param

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
    description="Replace a Partnero webhook by one with a new signing secret",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    params={
        "webhook_key": Param("crmCustomers", type="string", minLength=1, description="the webhook to rotate"),
        "variable": Param(
            "partnero_signing_secret",
            type="string",
            pattern="^[A-Za-z0-9_.:-]*secret[A-Za-z0-9_.:-]*$",  # so that Airflow hides its value
            description="the Variable that holds its secret; its name has 'secret' in it",
        ),
    },
    user_defined_macros={"derived_key": derived_key},
    tags=["partnero", "example"],
    doc_md="""
    ### Rotate a signing secret

    Partnero's API cannot change a webhook's secret, so a new webhook replaces the old one. `create` hands the new
    secret straight to the Variable; it appears in no XCom and no log. Both deliver until `delete_old` runs; until then
    the receiver must accept either secret.

    Every task may run again, and `create` hands the secret over again. The new webhook's key is derived from the old
    one's, so there is never a third webhook (unless Partnero ignores the keys that it is given). The old webhook is
    renamed first. Otherwise `create` could mistake it for the new one when an answer is lost, and `delete_old` would
    delete the only webhook. The new webhook is active, so do not rotate one that was switched off on purpose.
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
        secret_to="variable:{{ params.variable }}",  # noqa: S106 - a place; or a function, "package.module.function"
    )
    wait_until_active = PartneroWebhookActiveSensor(
        task_id="wait_until_active", webhook_key=NEW, deferrable=True, poke_interval=1, timeout=600
    )
    delete_old = PartneroDeleteWebhookOperator(task_id="delete_old", webhook_key=OLD)

    old >> rename_old >> create >> wait_until_active >> delete_old
