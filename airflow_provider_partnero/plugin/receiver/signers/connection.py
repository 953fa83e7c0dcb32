"""What one Airflow connection says about who may sign deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from airflow_provider_partnero.airflow_compat import AirflowNotFoundException, BaseHook
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.hooks.absence import check_absent
from airflow_provider_partnero.hooks.connection import SigningSecret, settings_of, signing_secrets_of, store_of
from airflow_provider_partnero.plugin.receiver.fresh import GoneError
from airflow_provider_partnero.webhooks.delivery import Store


@dataclass(frozen=True, slots=True)
class SigningConnection:
    """Where a connection's secrets are: in its extra, or at Partnero.

    :param signing_secrets: those in the connection's extra; when there are any, Partnero is never asked.
    :param timeout: seconds to connect to Partnero, and to wait for its answer.
    :param store: how much is kept of a delivery to this connection; None: as Airflow's configuration says.
    """

    conn_id: str
    token: Secret
    base_url: str
    verify: bool | str
    signing_secrets: tuple[SigningSecret, ...] = field(repr=False)
    timeout: tuple[float, float] = (3.0, 5.0)
    store: Store | None = None

    @property
    def programme(self) -> tuple[str, Secret, bool | str]:
        """What leads to the programme; the same for connections that differ only in what is done with deliveries."""
        return self.base_url, self.token, self.verify

    def secrets_of(self, webhook_key: str | None) -> Sequence[tuple[str | None, Secret]]:
        """(webhook key, secret) of those in the extra that may have signed.

        :param webhook_key: the webhook that a delivery names; None: not known yet, so all of them.
        """
        return tuple(
            (item.webhook_key, item.secret)
            for item in self.signing_secrets
            if webhook_key is None or item.webhook_key in {None, webhook_key}
        )


def read_connection(conn_id: str) -> SigningConnection:
    """Read a connection from Airflow.

    :raises GoneError: there is no connection of type ``partnero`` by this name.
    :raises ValueError: the connection has a field that is not allowed.
    :raises LookupError: Airflow cannot read it. What Airflow says may show the connection, so it is not repeated.
    """
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        check_absent(conn_id)
        raise GoneError("Airflow has no connection by this name") from None
    except Exception as error:  # noqa: BLE001 - any backend's
        raise LookupError(f"Airflow cannot read it ({type(error).__name__})") from None
    if connection.conn_type != "partnero":
        raise GoneError("its type is not partnero")
    settings = settings_of(connection)
    return SigningConnection(
        conn_id=conn_id,
        token=Secret((connection.password or "").strip()),
        base_url=settings.base_url,
        verify=settings.verify,
        signing_secrets=signing_secrets_of(connection),
        store=store_of(connection),
    )
