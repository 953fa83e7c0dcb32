"""What an audit hands on to the report of its fleet, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.airflow_compat import AirflowNotFoundException, AirflowTaskTimeout
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.hooks.advice import advice_on
from airflow_provider_partnero.operators.arguments import as_texts

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.api import Webhook
    from airflow_provider_partnero.hooks.partnero import PartneroHook
    from airflow_provider_partnero.webhooks.audit import AuditReport
    from airflow_provider_partnero.webhooks.seals import FleetSeal

FLEET = "fleet"  # under this name it is in what the audit returns


def as_fleet(value: Iterable[str] | str | None, *, argument: str = "fleet") -> tuple[str, ...]:
    """The connections of a fleet; none if it is not given.

    :raises ValueError: it is not a list of connection ids.
    """
    if value is None:
        return ()
    conn_ids = tuple(text.strip() if isinstance(text, str) else text for text in as_texts(value, argument=argument))
    for conn_id in conn_ids:
        if not isinstance(conn_id, str) or conn_id in {"", "None"}:
            raise ValueError(f"{argument}: {short_repr(conn_id)} given; must be the id of a connection")
    return conn_ids


class FleetMembership:
    """An audit's part in its fleet; does nothing if there is no fleet.

    :param fleet: the connections of the fleet.
    :param conn_id: the audit's own.
    :param context: of the task.
    """

    def __init__(self, fleet: Sequence[str], conn_id: str, context: Context) -> None:
        self._fleet = fleet
        self._conn_id = conn_id
        self._ti: Any = context["ti"]
        self._handed_on: dict[str, Any] = {}

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Tell the fleet's report of an error. It is raised again, so that the task fails where it belongs.

        A task that fails returns nothing; so what it would have returned is pushed before.
        """
        try:
            yield
        except (Exception, AirflowTaskTimeout) as error:
            if self._fleet:
                self._ti.xcom_push(key="return_value", value=self._handed_on or self._failed(error))
            raise

    def check_connection(self) -> None:
        """Refuse a connection that is not there or of another type, before its password is sent anywhere.

        :raises ValueError: says what to do.
        """
        if not self._fleet:
            return
        from airflow_provider_partnero.hooks.partnero import PartneroHook

        try:
            connection = PartneroHook.get_connection(self._conn_id)
        except AirflowNotFoundException:
            raise ValueError(
                f"connection {self._conn_id!r} does not exist: add it, or take it out of the fleet"
            ) from None
        if connection.conn_type != PartneroHook.conn_type:
            raise ValueError(
                f"connection {self._conn_id!r} is of type {short_repr(connection.conn_type)}: must be 'partnero'"
            )

    def hand_on(self, report: AuditReport, webhooks: Iterable[Webhook], hook: PartneroHook) -> dict[str, Any]:
        """What the task returns beside its report: ``{"fleet": {...}}`` without secrets; nothing without a fleet."""
        if not self._fleet:
            return {}
        from airflow_provider_partnero.webhooks.handover import Handover

        handover = Handover.of(self._conn_id, report, webhooks, self._seal(), hook.get_conn())
        self._handed_on = {FLEET: handover.to_dict()}
        return self._handed_on

    def _failed(self, error: Exception | AirflowTaskTimeout) -> dict[str, Any]:
        from airflow_provider_partnero.webhooks.handover import Handover

        if isinstance(error, AirflowTaskTimeout):
            words = "Its audit took longer than its execution_timeout."
        else:
            words = advice_on(error, self._conn_id) or type(error).__name__
        return {FLEET: Handover(self._conn_id, words).to_dict()}

    def _seal(self) -> FleetSeal:
        """The seal of all audits of the run, made of the first token of the fleet: each of its tasks can read it."""
        from airflow_provider_partnero.hooks.partnero import PartneroHook
        from airflow_provider_partnero.webhooks.seals import FleetSeal

        for conn_id in (*self._fleet, self._conn_id):
            try:
                if PartneroHook.get_connection(conn_id).conn_type == PartneroHook.conn_type:
                    secret = PartneroHook(conn_id).get_conn().seal("fleet")
                    return FleetSeal.of(secret, f"{self._ti.dag_id}\n{self._ti.run_id}")
            except (AirflowNotFoundException, ValueError):
                continue  # its own audit says so
        raise ValueError(f"fleet={short_repr(self._fleet)}: no connection of it has a token")
