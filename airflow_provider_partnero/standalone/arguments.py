"""The command line of ``partnero-receiver``. It imports nothing of Airflow's until it is known what to do."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import redirect_stdout

from airflow_provider_partnero.drain.loop import DrainResult
from airflow_provider_partnero.drain.storage import checked_source

OK = 0
ERROR = 1
SET_ASIDE = 2
STOPPED = 130  # by Ctrl-C, as shells say it

_SERVE = """\
Receive Partnero's deliveries at /partnero/webhooks/<connection id>, apart from Airflow's API server.

It needs Airflow's configuration (AIRFLOW_HOME or AIRFLOW__DATABASE__SQL_ALCHEMY_CONN, and the Fernet key) and its
database, and no other part of Airflow. Starting it switches the receiver on, whatever [partnero] receiver_enabled
says. /healthz says that the process is alive, /readyz whether it can record deliveries now."""
_DRAIN = """\
Take raw deliveries out of a folder of an object storage, as if Partnero had just sent them.

What the receiver takes is deleted. What it refuses, and what is no delivery, goes to the folder "refused" with its
reason beside it. What it cannot take now is left where it is, for the next time."""
_DRAIN_CODES = """\
exit codes: 0 all is taken, or nothing was there; 2 something was set aside; 1 something was left, or nothing could be
done"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes, or drain once; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "drain":
            return _drain(options.source, as_json=options.json)
        from airflow_provider_partnero.standalone.serving import serve

        serve(options.host, options.port, options.workers)
    except ValueError as error:
        sys.stderr.write(f"partnero-receiver: error: {error}\n")
        return ERROR
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    return OK


def _drain(source: str, *, as_json: bool) -> int:
    output = sys.stdout

    def report(result: DrainResult) -> None:
        output.write(f"{json.dumps(result.as_dict()) if as_json else result}\n")
        output.flush()

    with redirect_stdout(sys.stderr):  # Airflow's log, which may go to stdout, is no part of the result
        from airflow_provider_partnero.standalone.drain_once import drain_once

        result = drain_once(source, report)
    if result.left:
        return ERROR
    return SET_ASIDE if result.set_aside else OK


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "partnero-receiver",
        usage="%(prog)s [-h] [--host HOST] [--port PORT] [--workers WORKERS]\n       %(prog)s drain [-h] [--json] URL",
        description=_SERVE,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8090, help="(default: %(default)s)")
    parser.add_argument("--workers", type=_workers, default=1, help="processes, 1 to 64 (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", metavar="drain", prog="partnero-receiver")
    drain = commands.add_parser(
        "drain",
        help="take raw deliveries out of an object storage, once",
        description=_DRAIN,
        epilog=_DRAIN_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    drain.add_argument("source", type=_source, metavar="URL", help="such as s3://aws_default@bucket/deliveries")
    drain.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _port(text: str) -> int:
    return _whole_number(text, 1, 65_535)


def _workers(text: str) -> int:
    return _whole_number(text, 1, 64)


def _whole_number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and least <= int(text[:20]) <= most):
        raise ArgumentTypeError(f"{text[:40]!r}: must be a whole number from {least} to {most:,}")
    return int(text)


def _source(text: str) -> str:
    try:
        return checked_source(text, argument="URL")
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
