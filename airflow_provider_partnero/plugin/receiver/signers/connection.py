"""The programme behind an Airflow connection, as the receiver needs it: who signs its deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_partnero.airflow_compat import AirflowNotFoundException, BaseHook
from airflow_provider_partnero.api.arguments import checked_key
from airflow_provider_partnero.api.client import PartneroClient
from airflow_provider_partnero.api.errors import PartneroNotFoundError
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.hooks.connection import SigningSecret, settings_of, signing_secrets_of

_CONNECT_SECONDS = 0.7
_ANSWER_SECONDS = 1.2


@dataclass(frozen=True, slots=True)
class Programme:
    """What a connection says; equal when nothing has changed, and when another connection says the same.

    :param signing_secrets: those in the connection's extra; when there are any, Partnero is never asked.
    """

    conn_id: str = field(compare=False)
    token: Secret
    base_url: str
    verify: bool | str
    signing_secrets: tuple[SigningSecret, ...] = field(repr=False)

    def secret_of(self, webhook_key: str) -> Secret | None:
        """Ask Partnero for a webhook's secret; None when there is no such webhook. Takes at most 2 seconds.

        :raises PartneroError: there was no usable answer.
        :raises ValueError: the connection has no token.
        """
        if not _can_be_a_key(webhook_key):
            return None
        if not self.token:
            raise ValueError(f"connection {self.conn_id!r} has neither an API token nor signing_secrets")
        client = PartneroClient(
            self.token,
            self.base_url,
            timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS),
            max_attempts=1,
            verify=self.verify,
        )
        with client:
            try:
                signature = client.get_webhook(webhook_key).signature
            except PartneroNotFoundError:
                return None
        return Secret(signature) if signature else None


def _can_be_a_key(text: str) -> bool:
    try:
        return bool(checked_key(text))
    except ValueError:
        return False


def load_programme(conn_id: str) -> Programme | None:
    """The programme of a connection; None when there is no connection of type ``partnero`` by this name.

    :raises ValueError: the connection has a field that is not allowed.
    :raises Exception: Airflow's database does not answer.
    """
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        _check_absent(conn_id)
        return None
    if connection.conn_type != "partnero":
        return None
    settings = settings_of(connection)
    return Programme(
        conn_id=conn_id,
        token=Secret((connection.password or "").strip()),
        base_url=settings.base_url,
        verify=settings.verify,
        signing_secrets=signing_secrets_of(connection),
    )


def _check_absent(conn_id: str) -> None:
    """Airflow says "not found" as well when its database is out."""
    from airflow.models import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        if session.scalar(select(Connection.id).where(Connection.conn_id == conn_id)) is not None:
            raise LookupError("Airflow's database has it, but Airflow could not read it")
