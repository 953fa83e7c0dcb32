"""What one Airflow connection says about who may sign deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_partnero.airflow_compat import AirflowNotFoundException, BaseHook
from airflow_provider_partnero.api.arguments import checked_key
from airflow_provider_partnero.api.client import PartneroClient
from airflow_provider_partnero.api.errors import PartneroNotFoundError
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.hooks.connection import SigningSecret, settings_of, signing_secrets_of


@dataclass(frozen=True, slots=True)
class SigningConnection:
    """Where a connection's secrets are: in its extra, or at Partnero.

    Two are equal when they say the same, whatever their names.

    :param signing_secrets: those in the connection's extra; when there are any, Partnero is never asked.
    :param timeout: seconds to connect to Partnero, and to wait for its answer.
    """

    conn_id: str = field(compare=False)
    token: Secret
    base_url: str
    verify: bool | str
    signing_secrets: tuple[SigningSecret, ...] = field(repr=False)
    timeout: tuple[float, float] = (0.7, 1.2)

    def secret_of(self, webhook_key: str) -> Secret | None:
        """Ask Partnero for a webhook's secret, in one request.

        :returns: None when there is no such webhook, or it has no secret.
        :raises PartneroError: there was no usable answer within ``timeout``.
        :raises ValueError: the connection has no token.
        """
        if not _can_be_a_key(webhook_key):
            return None
        if not self.token:
            raise ValueError(f"connection {self.conn_id!r} has neither an API token nor signing_secrets")
        with PartneroClient(
            self.token, self.base_url, timeout=self.timeout, max_attempts=1, verify=self.verify
        ) as client:
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


def read_connection(conn_id: str) -> SigningConnection | None:
    """Read a connection from Airflow; None when there is none of type ``partnero`` by this name.

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
    return SigningConnection(
        conn_id=conn_id,
        token=Secret((connection.password or "").strip()),
        base_url=settings.base_url,
        verify=settings.verify,
        signing_secrets=signing_secrets_of(connection),
    )


def _check_absent(conn_id: str) -> None:
    """Ask the database itself: Airflow says "not found" as well when its database is out."""
    from airflow.models import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        if session.scalar(select(Connection.id).where(Connection.conn_id == conn_id)) is not None:
            raise LookupError("Airflow's database has it, but Airflow could not read it")
