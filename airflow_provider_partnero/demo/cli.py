"""``partnero-demo``: the provider at work on a real Airflow against the sandbox; it leaves nothing running."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.demo.airflow import (
    AirflowProcess,
    DemoError,
    airflow_environment,
    dags_folder,
)
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME

if TYPE_CHECKING:
    from airflow_provider_partnero.sandbox import Sandbox

_TOKEN = "demo-token-of-the-sandbox"  # noqa: S105 - of a Partnero that lives as long as the demo
_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_ACTIVATION_DELAY = 2.0  # seconds until a new webhook is active, so that there is something to wait for


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when all went well, 1 when a DAG failed, 2 when the demo could not run, 130 after Ctrl-C."""
    options = _options(arguments)
    _end_by_signals()
    try:
        if importlib.util.find_spec("airflow") is None:
            raise DemoError("Airflow is not installed here: pip install 'apache-airflow>=3.0'")
        folder = _folder()
        with _sandbox(options.sandbox_port) as sandbox:
            sandbox.put_webhooks(list(BROKEN_PROGRAMME))
            sandbox.set_activation_delay(_ACTIVATION_DELAY)
            environment = airflow_environment(folder, sandbox.connection_json)
            if not options.ui:
                return _show_runs(environment, folder, sandbox)
            from airflow_provider_partnero.demo.pages import show_ui

            show_ui(_free(options.port, "--port"), environment, sandbox)
    except DemoError as error:
        print(f"partnero-demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\npartnero-demo: stopped; nothing is left running.", file=sys.stderr)
        return 130


def _end_by_signals() -> None:
    """Whatever asks the demo to end, it ends through every context manager, so that nothing stays behind."""
    # A shell that starts the demo in its background has SIGINT ignored, nohup SIGHUP: only the latter means it.
    is_kept = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    for ending in (signal.SIGINT, signal.SIGTERM, *(() if is_kept else (signal.SIGHUP,))):
        signal.signal(ending, signal.default_int_handler)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="partnero-demo",
        description="Run the example DAGs on a real Airflow against a local Partnero, and show what happened.",
    )
    parser.add_argument("--ui", action="store_true", help="start Airflow with its web page instead, until Ctrl-C")
    parser.add_argument("--port", type=int, default=8080, help="with --ui: port of Airflow's web page (default: 8080)")
    parser.add_argument("--sandbox-port", type=int, default=0, help="port of the local Partnero (default: a free one)")
    return parser.parse_args(arguments)


def _folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="partnero-demo-"))
    except OSError as error:
        raise DemoError(f"no temporary folder can be made ({error}); set TMPDIR to one with space") from None


@contextmanager
def _sandbox(port: int) -> Iterator[Sandbox]:
    from airflow_provider_partnero.sandbox import Sandbox

    with Sandbox(token=_TOKEN, port=_free(port, "--sandbox-port")) as sandbox:
        yield sandbox


def _free(port: int, option: str) -> int:
    """The port, after a look whether somebody else has it; a free one for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise DemoError(f"port {port} cannot be had ({error}); choose another with {option}") from None
        return int(probe.getsockname()[1])


def _show_runs(environment: dict[str, str], folder: Path, sandbox: Sandbox) -> int:
    log, page = folder / "airflow.log", folder / "audit.html"
    print(f"A local Partnero answers at {sandbox.base_url}: {len(BROKEN_PROGRAMME)} webhooks, not all of them well.")
    with AirflowProcess(environment | {"AIRFLOW_VAR_PARTNERO_REPORT_PATH": str(page)}, log) as airflow:
        _step("A fresh Airflow home with its own SQLite database", airflow, "db", "migrate")
        if version("apache-airflow").startswith("3.0."):
            _step("The example DAGs, read and stored", airflow, "dags", "reserialize")
            airflow.activate_assets()
        good = _run_dag(airflow, "partnero_webhook_audit")
        _print_report(airflow.returned("partnero_webhook_audit", "audit"))

        print(
            "\nThe file partnero_webhooks_as_code.yaml says what there must be. Plan it, apply it, audit again:", end=""
        )
        good &= _mend(airflow)

        print("\nSomebody switches a webhook off and adds another, by hand. The same DAG finds and mends it:", end="")
        _drift(sandbox)
        good &= _mend(airflow)

        kept = len(sandbox.webhooks())
        good &= _run_dag(airflow, "partnero_webhook_lifecycle")
        good &= _run_dag(airflow, "partnero_webhooks_mapped")
    print(f"\nThe last two created webhooks and left {len(sandbox.webhooks()) - kept} of them behind at Partnero.")
    _print_next_steps(folder, log, page)
    return 0 if good else 1


def _mend(airflow: AirflowProcess) -> bool:
    good = _run_dag(airflow, "partnero_webhooks_as_code", "--conf", '{"approve": "yes"}')
    plan = airflow.returned("partnero_webhooks_as_code", "plan")
    if plan:
        print(f"    {plan['plan']['summary']}")
        for action in plan["plan"]["actions"]:
            changes = ", ".join(f"{c['field']}: {c['old']} -> {c['new']}" for c in action.get("changes", []))
            print(f"      {_SIGNS[action['kind']]} {action['name']}{f'  ({changes})' if changes else ''}")
    _print_report(airflow.returned("partnero_webhooks_as_code", "audit"))
    return good


def _drift(sandbox: Sandbox) -> None:
    finance = next(webhook for webhook in sandbox.webhooks() if webhook["name"] == "Finance: commissions")
    unknown = {"name": "who made this?", "url": "https://collector.example.net/x", "events": ["customer.created"]}
    sandbox.put_webhooks([finance | {"is_active": False}, unknown])


def _step(words: str, airflow: AirflowProcess, *command: str) -> None:
    print(f"{words} ...", end=" ", flush=True)
    done = airflow(*command)
    if done["failure"]:
        raise DemoError(f"airflow {' '.join(command)} failed: {done['failure']}; its log: {airflow.log}")
    print(f"{done['seconds']:.0f} s")


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
    from rich.table import Table
    from rich.text import Text

    counts = report["counts"]
    table = Table(
        title=f"Audit: {counts['errors']} errors, {counts['warnings']} warnings in {counts['webhooks']} webhooks",
        title_justify="left",
    )
    for heading in ("rule", "severity", "webhook", "finding"):
        table.add_column(heading, overflow="fold")
    for finding in report["findings"]:
        style = "bold red" if finding["severity"] == "error" else "yellow"
        table.add_row(
            finding["rule"], Text(finding["severity"], style), Text(finding["name"] or ""), Text(finding["words"])
        )
    Console().print(table)


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
