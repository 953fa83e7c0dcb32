"""What ``partnero-demo`` does and says in the terminal: audit, plan and apply, drift, and the other examples."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.demo.airflow import AirflowProcess, dags_folder
from airflow_provider_partnero.demo.preparation import prepare
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME, let_drift
from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.table import findings_table

if TYPE_CHECKING:
    from airflow_provider_partnero.sandbox import Sandbox

_STYLES = {"error": "bold red", "warning": "yellow"}  # of a line that begins with that word
_SIGNS = {"create": "+", "update": "~", "delete": "-"}


def tell_story(environment: dict[str, str], folder: Path, sandbox: Sandbox) -> bool:
    """Run the example DAGs on a fresh Airflow, and print what happens; returns whether all of them succeeded.

    :param environment: see :func:`airflow_environment`.
    :param folder: where the log and the report go.
    :param sandbox: the Partnero of the story; see :func:`run_partnero`.
    :raises DemoError: Airflow does not get as far as running DAGs.
    """
    log, page = folder / "airflow.log", folder / "audit.html"
    print(f"A local Partnero answers at {sandbox.base_url}: {len(BROKEN_PROGRAMME)} webhooks, some of them broken.")
    with AirflowProcess(environment | {"AIRFLOW_VAR_PARTNERO_REPORT_PATH": str(page)}, log) as airflow:
        prepare(airflow)
        good = _run_dag(airflow, "partnero_webhook_audit")
        _print_report(airflow.returned("partnero_webhook_audit", "audit"))

        print("\npartnero_webhooks_as_code.yaml declares the webhooks. Plan the changes, deletions among them:", end="")
        good &= _reconcile(airflow, prune="true")

        print("\nSomebody switches a webhook off and adds another, by hand. Plan to delete only our own:", end="")
        let_drift(sandbox)
        good &= _reconcile(airflow, prune="owned")

        kept = len(sandbox.webhooks())
        good &= _run_dag(airflow, "partnero_webhook_lifecycle")
        good &= _run_dag(airflow, "partnero_webhooks_mapped")
    print(f"\nThe last two created webhooks and left {len(sandbox.webhooks()) - kept} of them behind at Partnero.")
    _print_next_steps(folder, log, page)
    return good


def _reconcile(airflow: AirflowProcess, *, prune: str) -> bool:
    """Plan; then start the DAG again with the plan's fingerprint, as somebody would who approves it."""
    dag_id = "partnero_webhooks_as_code"
    if not _run_dag(airflow, dag_id, "--conf", json.dumps({"approve": "no", "prune": prune})):
        return False
    planned = airflow.returned(dag_id, "plan")
    print(f"    {planned['plan']['summary']}")
    for action in planned["plan"]["actions"]:
        changes = ", ".join(f"{c['field']}: {c['old']} -> {c['new']}" for c in action.get("changes", []))
        print(f"      {_SIGNS[action['kind']]} {action['name']}{f'  ({changes})' if changes else ''}")
    print(f"\nApprove this plan, {planned['fingerprint'][:12]}..., and nothing else:", end="")
    good = _run_dag(airflow, dag_id, "--conf", json.dumps({"approve": planned["fingerprint"], "prune": prune}))
    _print_report(airflow.returned(dag_id, "audit"))
    return good


def _run_dag(airflow: AirflowProcess, dag_id: str, *options: str) -> bool:
    print(f"\nDAG {dag_id} ...", end=" ", flush=True)
    done = airflow("dags", "test", dag_id, *options)
    print(f"{'failed' if done['failure'] else 'success'}, {done['seconds']:.0f} s")
    for task_id, state, map_index in airflow.tasks(dag_id):
        index = f"[{map_index}]" if map_index >= 0 else ""
        print(f"    {state or 'none':<9} {task_id}{index}")
    if done["failure"]:
        print(f"    {done['failure']}")
    return not done["failure"]


def _print_report(report: dict[str, Any] | None) -> None:
    if report is None:
        print("    The audit returned no report; Airflow's log tells why.")
        return
    if not report["findings"]:
        print(f"    Audit: nothing to complain about in {report['counts']['webhooks']} webhooks.")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    print("Audit: ", end="")
    for line in findings_table(report["counts"], [_finding(told) for told in report["findings"]]).splitlines():
        console.print(Text(line, _STYLES.get(line.partition(" ")[0], "")), soft_wrap=True)


def _finding(told: dict[str, Any]) -> Finding:
    return Finding(told["rule"], Severity(told["severity"]), told["key"], told["name"], told["words"])


def _print_next_steps(folder: Path, log: Path, page: Path) -> None:
    home, dags = shlex.quote(str(folder / "airflow")), shlex.quote(str(dags_folder()))
    print(
        f"""
Try it with your own programme: the same DAGs run unchanged, only the connection differs
(in a checkout, put `uv run` before `airflow` and `partnero-demo`, as you did now).
    export AIRFLOW_CONN_PARTNERO_DEFAULT='{{"conn_type": "partnero", "password": "YOUR-API-TOKEN"}}'
    export AIRFLOW_HOME={home}
    export AIRFLOW__CORE__DAGS_FOLDER={dags} AIRFLOW__CORE__LOAD_EXAMPLES=False
    AIRFLOW__CORE__TEST_CONNECTION=Enabled airflow connections test partnero_default
    airflow dags test partnero_webhook_audit      # reads only
See it in Airflow's own pages:  partnero-demo --ui

The first audit as a page: {page}
The example DAGs:          {dags_folder()}
Airflow's log of this:     {log}
All files of this demo:    {folder} (delete it when you like)"""
    )
