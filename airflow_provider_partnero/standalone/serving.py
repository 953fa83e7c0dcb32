"""Runs the receiver on uvicorn."""

from __future__ import annotations

import os
import resource
import socket
import sys
from contextlib import suppress
from inspect import signature
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

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
_WAITING = 2_048  # connections that no worker has accepted yet


def serve(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; the deliveries under way are answered first.

    A database that does not answer yet is no reason to end: ``/readyz`` says so until it does.

    :param host: address to listen at.
    :param port: 1 to 65,535.
    :param workers: processes; one that dies is started again.
    :raises ValueError: an option of Airflow's configuration is wrong, a table is missing, or the address is taken.
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
    with _listening(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        sys.stderr.write(f"partnero-receiver: http://{shown}:{port}{RECEIVER_PATH}<connection id>\n")
        with suppress(KeyboardInterrupt):
            _run(listener, workers)


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens already: two that are only bound may share a port, and one of them is never asked.

    :raises ValueError: the address cannot be had.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has just ended holds nobody up
    try:
        listener.bind((host, port))
        listener.listen(_WAITING)
    except OSError as error:
        listener.close()
        raise ValueError(f"--host {host} --port {port}: cannot be had: {error.strerror or error}") from None
    listener.set_inheritable(True)
    return listener


def _run(listener: socket.socket, workers: int) -> None:
    config = uvicorn.Config(
        f"{_PACKAGE}.app:new_standalone_app",
        factory=True,
        workers=workers,
        backlog=_WAITING,
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
    server = uvicorn.Server(config)
    if workers == 1:
        server.run([listener])
        return
    supervised: Any = Multiprocess
    takes_target = "target" in signature(supervised).parameters  # of the older ones
    supervised(config, sockets=[listener], **({"target": server.run} if takes_target else {})).run()


def _allow_connections() -> None:
    """Each connection is an open file, and the usual limit of 1,024 would be reached by idle ones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
