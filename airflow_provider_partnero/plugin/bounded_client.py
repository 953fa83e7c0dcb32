"""A client for a server: whatever Partnero does, its work ends in time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_partnero.api.client import PartneroClient
from airflow_provider_partnero.api.errors import PartneroError

if TYPE_CHECKING:
    from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection


@contextmanager
def bounded_client(connection: SigningConnection, seconds: float) -> Iterator[PartneroClient]:
    """A client of a connection, which is broken off after so many seconds.

    :raises PartneroError: it was broken off, or what was asked of it failed.
    :raises ValueError: the connection has no token.
    """
    if not connection.token:
        raise ValueError("the connection has neither an API token nor signing_secrets")
    with (
        PartneroClient(
            connection.token,
            connection.base_url,
            timeout=connection.timeout,
            max_attempts=2,
            max_wait=1.0,
            deadline=seconds,
            page_concurrency=4,
            verify=connection.verify,
        ) as client,
        _ending(client, seconds),
    ):
        yield client


@contextmanager
def _ending(client: PartneroClient, seconds: float) -> Iterator[None]:
    """Break off what the client does after so many seconds."""

    def end() -> None:
        is_over.set()
        client.abandon()

    is_over = threading.Event()
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except PartneroError as error:
        if is_over.is_set():
            raise PartneroError(f"the list of webhooks was not read within {seconds:g} s") from error
        raise
    finally:
        timer.cancel()
