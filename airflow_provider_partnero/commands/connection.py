"""Which programme a command is about: that of PARTNERO_TOKEN, or that of an Airflow connection."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.arguments import CALL_SECONDS, PARTNERO_URL
from airflow_provider_partnero.api.errors import (
    PartneroAuthenticationError,
    PartneroConnectionError,
    PartneroError,
    PartneroNotFoundError,
    PartneroResponseError,
)

if TYPE_CHECKING:
    from airflow_provider_partnero.api import PartneroClient, Program, Webhook

TOKEN = "PARTNERO_TOKEN"  # noqa: S105 - the variable's name
_WHERE_TOKENS_ARE = "Partnero shows it under Integration > API"


@dataclass(frozen=True, slots=True)
class CommandConnection:
    """The webhooks of one programme, as a reconciliation wants them.

    :param partnero_conn_id: the Airflow connection, or what stands for its name in derived keys.
    :param client: reads and writes.
    :param is_airflows: whether the token is that of the Airflow connection.
    """

    partnero_conn_id: str
    client: PartneroClient
    is_airflows: bool

    def get_conn(self) -> PartneroClient:
        """The client."""
        return self.client

    def iter_webhooks(self, *, consistent: bool) -> Iterator[Webhook]:
        """All webhooks, see :meth:`PartneroClient.iter_webhooks`."""
        return self.client.iter_webhooks(consistent=consistent)

    def find_program(self) -> Program | None:
        """The programme; None if Partnero does not tell."""
        try:
            return self.client.get_program()
        except PartneroError:
            return None

    def advice_on(self, error: PartneroError) -> str:
        """An error, and what to do if the token or the address is to blame."""
        if self.is_airflows:
            from airflow_provider_partnero.hooks.advice import advice_on

            return advice_on(error, self.partnero_conn_id)
        return _advice_on(error)


@contextmanager
def connected(
    options: Namespace, *, deadline: float = CALL_SECONDS, attempts: int | None = None
) -> Iterator[CommandConnection]:
    """The connection that a command's arguments and the environment ask for.

    :param deadline: seconds that one call may take.
    :param attempts: of each request; None: as usual.
    :raises ValueError: there is neither a token nor a connection, or one that is not allowed.
    :raises PartneroError: from what is done within, with what to do.
    """
    connection = _connection(options, deadline, attempts)
    with connection.client:
        try:
            yield connection
        except PartneroError as error:
            advice = connection.advice_on(error)
            if advice == str(error):
                raise
            raise PartneroError(advice) from error


def has_airflow() -> bool:
    """Whether Airflow is installed here."""
    found = find_spec("airflow")
    return found is not None and found.origin is not None


def _connection(options: Namespace, deadline: float, attempts: int | None) -> CommandConnection:
    from airflow_provider_partnero.api.client import PartneroClient

    token = os.environ.get(TOKEN)
    if token is None and has_airflow():
        return CommandConnection(options.conn_id, _airflows_client(options, deadline, attempts), is_airflows=True)
    if token is None or not token.strip():
        raise ValueError(f"no API token: {_how_to_set(token)}")
    bounds: dict[str, Any] = {"deadline": deadline, **({} if attempts is None else {"max_attempts": attempts})}
    try:
        client = PartneroClient(token.strip(), options.base_url or PARTNERO_URL, **bounds)
    except ValueError as error:
        words = str(error).replace("base_url", "--base-url", 1).replace("token ", f"{TOKEN} ", 1)
        raise ValueError(words) from None
    return CommandConnection(options.conn_id, client, is_airflows=False)


def _how_to_set(token: str | None) -> str:
    set_it = f"set the environment variable {TOKEN} to the programme's token ({_WHERE_TOKENS_ARE})"
    if token is not None and has_airflow():
        return f"{TOKEN} is empty. Either {set_it}, or unset it to use the Airflow connection of --conn-id"
    if token is not None:
        return f"{TOKEN} is empty: {set_it}"
    return f"{set_it}. Where Airflow is installed, an Airflow connection does as well (--conn-id)"


def _airflows_client(options: Namespace, deadline: float, attempts: int | None) -> PartneroClient:
    if options.base_url is not None:
        raise ValueError(
            f"--base-url goes with {TOKEN}, which is not set: the Airflow connection {options.conn_id!r} has a field "
            "'Base URL'"
        )
    from airflow_provider_partnero.airflow_compat import AirflowNotFoundException, read_as_server

    read_as_server()
    from airflow_provider_partnero.hooks.absence import check_absent
    from airflow_provider_partnero.hooks.partnero import PartneroHook

    try:
        return PartneroHook(options.conn_id, deadline=deadline, max_attempts=attempts).get_conn()
    except AirflowNotFoundException:
        try:
            check_absent(options.conn_id)
        except LookupError as error:
            raise ValueError(f"the Airflow connection {options.conn_id!r} cannot be read: {error}") from None
        raise ValueError(
            f"there is no Airflow connection {options.conn_id!r}: add it (airflow connections add {options.conn_id} "
            f"--conn-type partnero --conn-password ...), name another with --conn-id, or set {TOKEN}"
        ) from None


def _advice_on(error: PartneroError) -> str:
    if isinstance(error, PartneroAuthenticationError):
        return f"Partnero refuses the token ({error}). Set {TOKEN} to this programme's API token: {_WHERE_TOKENS_ARE}."
    if isinstance(error, PartneroConnectionError):
        return f"No answer ({error}). Check --base-url, and the network, proxy and firewall of this machine."
    is_no_list = isinstance(error, PartneroNotFoundError) and error.path == "/webhooks"
    if is_no_list or isinstance(error, PartneroResponseError):
        return (
            f"This does not look like Partnero's API ({error}). Leave --base-url out for Partnero itself; otherwise it "
            "ends with /v1."
        )
    return str(error)
