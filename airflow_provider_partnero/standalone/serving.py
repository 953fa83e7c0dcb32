"""Runs the receiver on uvicorn."""

from __future__ import annotations

import os
import resource
import sys

import uvicorn

from airflow_provider_partnero.airflow_compat import read_as_server
from airflow_provider_partnero.plugin.receiver.settings import receiver_settings
from airflow_provider_partnero.standalone.prompt_senders import PromptProtocol
from airflow_provider_partnero.standalone.readiness import NotReadyError, check_database
from airflow_provider_partnero.webhooks.destinations import RECEIVER_PATH

_PACKAGE = "airflow_provider_partnero.standalone"
_LARGEST_HEADERS = 16 * 1024  # bytes of a request's headers
_IDLE = 5  # seconds between two requests of a connection
_TO_FINISH = 5  # seconds for the deliveries under way when SIGTERM comes; one takes 2 at most
_MOST_FILES = 65_536


def serve(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; the deliveries under way are answered first.

    A database that does not answer yet is no reason to end: ``/readyz`` says so until it does.

    :param host: address to listen at.
    :param port: 1 to 65,535.
    :param workers: processes; one that dies is started again.
    :raises ValueError: an option of Airflow's configuration is wrong, or a table is missing.
    """
    os.environ["AIRFLOW__PARTNERO__RECEIVER_ENABLED"] = "True"
    read_as_server()
    receiver_settings()
    try:
        check_database()
    except NotReadyError as error:
        if error.hop != "database":
            raise
        sys.stderr.write(f"partnero-receiver: {error}; it starts nevertheless, and /readyz says so\n")
    _allow_connections()
    shown = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"partnero-receiver: http://{shown}:{port}{RECEIVER_PATH}<connection id>\n")
    uvicorn.run(
        f"{_PACKAGE}.app:new_standalone_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        http=PromptProtocol,  # not its name, which the uvicorn of Airflow 3.0 takes for one of its own
        ws="none",
        lifespan="off",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_TO_FINISH,
        h11_max_incomplete_event_size=_LARGEST_HEADERS,
    )


def _allow_connections() -> None:
    """Each connection is an open file, and the usual limit of 1,024 would be reached by idle ones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
