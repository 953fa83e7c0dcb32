"""The example DAGs on a whole Airflow, as their readers would run them."""

from __future__ import annotations

import shutil
from pathlib import Path

from airflow_provider_partnero.demo.airflow import dags_folder
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.sandbox import Profile
from airflow_provider_partnero.sandbox.deliveries import sealed
from tests.e2e.cluster import Cluster
from tests.e2e.deliveries import deliver_to

SWITCH, HEARS, CODE, DRIFT = (
    "partnero_event_driven_switch",
    "partnero_event_driven",
    "partnero_webhooks_as_code",
    "partnero_drift_watch",
)
# What nothing but a click starts; the others have a schedule or an approval.
ALONE = (
    "partnero_webhook_audit",
    "partnero_fleet_audit",
    "partnero_silence_alarm",
    "partnero_webhook_lifecycle",
    "partnero_webhooks_mapped",
    "partnero_rotate_signing_secret",
)
ALL = {*ALONE, SWITCH, HEARS, CODE, DRIFT}
RECEIVING = {"AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True"}
_ROTATED = "crmCustomers"


def copy_examples(folder: Path) -> Path:
    """A folder with the examples as they stand, but that the watch looks every 2 seconds instead of 5 minutes."""
    shutil.copytree(dags_folder(), folder)
    watch = folder / f"{DRIFT}.py"
    text = watch.read_text("utf-8")
    assert text.count("poke_interval=300") == 1
    watch.write_text(text.replace("poke_interval=300", "poke_interval=2"), "utf-8")
    return folder


def put_programme(cluster: Cluster) -> None:
    """The one webhook that the examples expect."""
    cluster.sandbox.put_webhooks([one for one in BROKEN_PROGRAMME if one["key"] == _ROTATED])


def run_all(cluster: Cluster) -> None:
    """Run every example to its end; each must succeed.

    :param cluster: with :data:`RECEIVING`, the folder of :func:`copy_examples` and :func:`put_programme`.
    """
    runs = {dag_id: cluster.trigger(dag_id) for dag_id in (*ALONE, CODE)}
    _approve(cluster, runs[CODE])
    for dag_id, run_id in runs.items():
        cluster.succeed(dag_id, run_id)

    # Not before: its webhook is not https here, which the audit of the others would not pass.
    cluster.succeed(SWITCH, cluster.trigger(SWITCH, on=True))
    [mine] = [one for one in cluster.sandbox.webhooks() if one["url"].startswith(cluster.address)]
    [told] = sealed("transaction.created", {"key": "told-1"}, [mine], Profile())
    deliver_to(cluster.address, told)
    cluster.wait_for(lambda: _has_succeeded(cluster, HEARS), "the DAG that hears the transaction")
    cluster.succeed(SWITCH, cluster.trigger(SWITCH, on=False))

    # Each of the others changed webhooks.
    cluster.wait_for(lambda: _has_succeeded(cluster, DRIFT), "the DAG that hears of drift")
    assert cluster.rows("select dag_id from dag_run where state = 'failed'") == []
    assert {dag_id for (dag_id,) in cluster.rows("select distinct dag_id from dag_run where state = 'success'")} >= ALL


def _has_succeeded(cluster: Cluster, dag_id: str) -> bool:
    return bool(cluster.rows("select 1 from dag_run where dag_id = ? and state = 'success'", dag_id))


def _approve(cluster: Cluster, run_id: str) -> None:
    cluster.wait_for(lambda: cluster.state(CODE, run_id, "ask_a_human") == "awaiting_input", "the question")
    cluster.wait_until_heard(CODE, run_id, "ask_a_human")
    path = f"/api/v2/dags/{CODE}/dagRuns/{run_id}/taskInstances/ask_a_human/-1/hitlDetails"
    cluster.api("PATCH", path, chosen_options=["Approve"], params_input={})
