"""``python -m airflow_provider_partnero.sandbox``: a sandbox in its own process, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import ipaddress
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

try:
    from airflow_provider_partnero.sandbox.postman import DEFAULT_BACKOFF
    from airflow_provider_partnero.sandbox.profiles import CHOICES, Profile
    from airflow_provider_partnero.sandbox.server import Sandbox
except ModuleNotFoundError as missing:
    sys.exit(
        f"error: the sandbox needs {missing.name}, which is not installed here. Airflow brings it along; without "
        "Airflow: pip install fastapi uvicorn httpx jinja2"
    )

_ENDINGS = {signal.SIGINT, signal.SIGTERM}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox; returns the exit code: 0 after a signal, 1 if it could not start."""
    asked = _parser().parse_args(arguments)
    # Threads inherit what is blocked. So no thread gets these signals, and sigwait below does.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    sandbox = Sandbox(asked.token, profile=asked.profile, host=asked.host, port=asked.port)
    try:
        sandbox.start()
    except OSError as error:
        print(f"error: {error.strerror}", file=sys.stderr)
        return 1
    try:
        sandbox.seed(asked.seed)
        sandbox.set_activation_delay(asked.activation_delay)
        sandbox.set_latency(asked.latency)
        sandbox.set_delivery_backoff(asked.delivery_backoff)
        print(greeting(sandbox, asked.profile), flush=True)
        if not _is_loopback(asked.host):
            print(
                f"warning: {asked.host} is not loopback; everybody who can reach it controls the sandbox, because"
                " /_sandbox needs no token and delivers events to any address",
                file=sys.stderr,
                flush=True,
            )
        signal.sigwait(_ENDINGS)
    finally:
        sandbox.stop()
    return 0


def greeting(sandbox: Sandbox, profile: Profile) -> str:
    """What is printed at the start: the addresses, and what to paste into Airflow."""
    add = f"airflow connections add partnero_default --conn-type partnero --conn-password {shlex.quote(sandbox.token)}"
    switches = ",".join(f"{name}={value}" for name, value in asdict(profile).items())
    return f"""Partnero sandbox
  API      {sandbox.base_url}   (token: {sandbox.token})
  docs     {sandbox.root_url}/docs
  control  {sandbox.root_url}/_sandbox   (described in the docs)
  profile  {switches}

Connect Airflow with one of
  export AIRFLOW_CONN_PARTNERO_DEFAULT={shlex.quote(sandbox.connection_json)}
  export AIRFLOW_CONN_PARTNERO_DEFAULT={shlex.quote(sandbox.connection_uri)}
  {add} --conn-host {sandbox.base_url}

Ctrl-C ends it."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_partnero.sandbox",
        description="A local Partnero, with faults on demand.",
        epilog="switches of the profile, with their defaults:\n" + _switches(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", type=_text, default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8765, help="0 for a free one (default: %(default)s)")
    parser.add_argument("--token", type=_text, default="demo", help="API token to accept (default: %(default)s)")
    parser.add_argument(
        "--profile",
        type=_profile,
        default=Profile(),
        metavar="NAME=VALUE,...",
        help="behaviour where Partnero's documentation leaves a choice, such as taken_key=409,list_form=data",
    )
    parser.add_argument("--seed", type=_count, default=0, metavar="N", help="webhooks to start with (default: 0)")
    for name, default, words in (
        ("--activation-delay", 0.0, "how long new webhooks show as inactive"),
        ("--latency", 0.0, "how long every request of the API waits"),
        (
            "--delivery-backoff",
            DEFAULT_BACKOFF,
            "wait before a delivery's second attempt; ten times as long before the third",
        ),
    ):
        parser.add_argument(
            name, type=_seconds, default=default, metavar="SECONDS", help=f"{words} (default: {default:g})"
        )
    return parser


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is blank")
    return text


def _profile(text: str) -> Profile:
    try:
        return Profile.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _switches() -> str:
    lines = []
    for name, default in asdict(Profile()).items():
        others = [str(choice) for choice in CHOICES.get(name, (default, "any number from 10")) if choice != default]
        lines.append(f"  {name}={default}  (or {', '.join(others)})")
    return "\n".join(lines)


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; allowed: 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of webhooks; allowed: 0 to 1000000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; allowed: 0 to 86400 seconds")
    return seconds


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    sys.exit(main())
