"""The command line of ``partnero-demo``. Whatever ends it, nothing is left running."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import socket
import sys
import tempfile
from pathlib import Path

from airflow_provider_partnero.demo.airflow import DemoError, airflow_environment
from airflow_provider_partnero.demo.programme import run_partnero


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; returns 0, or 1 if a DAG failed, 2 if the demo could not run, 130 after Ctrl-C."""
    options = _parse(arguments)
    _turn_signals_into_interrupts()
    try:
        return _run(options)
    except DemoError as error:
        print(f"partnero-demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\npartnero-demo: stopped; nothing is left running.", file=sys.stderr)
        return 130


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="partnero-demo",
        description="Run the example DAGs on a real Airflow against a local Partnero, and show what happened.",
    )
    parser.add_argument("--ui", action="store_true", help="start Airflow with its web page instead, until Ctrl-C")
    parser.add_argument("--port", type=int, default=8080, help="with --ui: port of Airflow's web page (default: 8080)")
    parser.add_argument("--sandbox-port", type=int, default=0, help="port of the local Partnero (default: a free one)")
    return parser.parse_args(arguments)


def _turn_signals_into_interrupts() -> None:
    """Make every signal that ends the demo leave its ``with`` blocks, which end what they started."""
    # An ignored SIGHUP comes from nohup and stays ignored. An ignored SIGINT comes from a shell that starts the demo
    # in the background, and does not mean that the demo should survive one.
    survives_hangup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    for ending in (signal.SIGINT, signal.SIGTERM, *(() if survives_hangup else (signal.SIGHUP,))):
        signal.signal(ending, signal.default_int_handler)


def _run(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("airflow") is None:
        raise DemoError("Airflow is not installed here: pip install 'apache-airflow>=3.0'")
    folder = _make_folder()
    with run_partnero(_checked_port(options.sandbox_port, "--sandbox-port")) as sandbox:
        environment = airflow_environment(folder, sandbox.connection_json)
        if options.ui:
            from airflow_provider_partnero.demo.web_ui import show_ui

            show_ui(_checked_port(options.port, "--port"), environment, sandbox)
        from airflow_provider_partnero.demo.story import tell_story

        return 0 if tell_story(environment, folder, sandbox) else 1


def _make_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="partnero-demo-"))
    except OSError as error:
        raise DemoError(f"no temporary folder can be made ({error}); set TMPDIR to one with space") from None


def _checked_port(port: int, option: str) -> int:
    """The port, or a free one for 0.

    :raises DemoError: the port is taken, or not a port; the message names the option.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise DemoError(f"port {port} cannot be had ({error}); choose another with {option}") from None
        return int(probe.getsockname()[1])
