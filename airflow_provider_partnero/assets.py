"""The Airflow assets that stand for what happens at Partnero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.webhooks.delivery import PROBE_EVENT, PartneroDelivery

if TYPE_CHECKING:
    from airflow.sdk import Asset, AssetAlias
    from openlineage.client.event_v2 import Dataset

_RESERVED = frozenset({"audit", PROBE_EVENT})  # they stand for something else, or for nothing


def partnero_event_asset(event: str, partnero_conn_id: str = "partnero_default") -> Asset:
    """The asset for one kind of event in one programme; the receiver emits an asset event for each delivery.

    ``schedule=partnero_event_asset("transaction.created")`` starts a DAG for them. Its tasks read what was delivered
    with :func:`partnero_deliveries`.

    :param event: such as ``transaction.created``, or a :class:`~airflow_provider_partnero.api.WebhookEvent`.
    :param partnero_conn_id: connection of type ``partnero``: the one in the receiver's URL.
    :raises ValueError: ``event`` is not an event name.
    """
    from airflow.sdk import Asset

    return Asset(event_asset_uri(event, partnero_conn_id))


def event_asset_uri(event: str, partnero_conn_id: str) -> str:
    """The URI of :func:`partnero_event_asset`.

    :raises ValueError: ``event`` is not an event name.
    """
    check_event(event)
    return f"partnero://{quote(partnero_conn_id, safe='')}/{quote(str(event), safe='')}"


def check_event(event: str) -> None:
    """Refuse what no asset can stand for.

    :raises ValueError: ``event`` is not an event name.
    """
    if not isinstance(event, str) or not event.strip() or event in _RESERVED:
        raise ValueError(f"event={short_repr(event)}: must be an event name such as 'transaction.created'")


def partnero_deliveries(
    triggering_asset_events: Mapping[Any, Iterable[Any]], event: str | None = None
) -> list[PartneroDelivery]:
    """Partnero's deliveries among the asset events that started a run: oldest first, each delivery once.

    Skips the events of other assets, and events on Partnero's assets that the receiver did not emit.

    :param triggering_asset_events: from the task's context.
    :param event: only deliveries of this event.
    """
    asset_events = [asset_event for of_asset in triggering_asset_events.values() for asset_event in of_asset]
    deliveries: dict[str, PartneroDelivery] = {}
    for asset_event in sorted(asset_events, key=lambda asset_event: asset_event.timestamp):
        try:
            delivery = PartneroDelivery.from_extra(asset_event.extra or {})
        except ValueError:
            continue
        if event is None or delivery.event == event:
            deliveries.setdefault(delivery.delivery_id, delivery)
    return list(deliveries.values())


def partnero_audit_asset(partnero_conn_id: str = "partnero_default") -> Asset:
    """The asset for the audits of one programme; ``PartneroAuditWebhooksOperator`` emits an event when one succeeds.

    The event's ``extra`` holds ``{"counts": {...}, "findings": [fingerprints], "for_next_audit": {...}}``; the last is
    what the next audit compares with. ``schedule=`` on this asset starts a DAG after each audit, and Airflow's own
    database keeps the history.

    :param partnero_conn_id: connection of type ``partnero``.
    """
    from airflow.sdk import Asset

    return Asset(audit_asset_uri(partnero_conn_id))


def audit_asset_uri(partnero_conn_id: str) -> str:
    """The URI of :func:`partnero_audit_asset`."""
    # Airflow allows "#", "/" and ":" in a connection id, but only ASCII in an asset's URI.
    return f"partnero://{quote(partnero_conn_id, safe='')}/audit"


def partnero_audit_alias() -> AssetAlias:
    """The alias for the audits of all programmes whose connection is known only when the task runs.

    A mapped ``PartneroAuditWebhooksOperator``, or one whose connection is a template, emits through it. The event is on
    ``partnero_audit_asset(conn_id)`` and starts the DAGs that are scheduled on that asset. ``schedule=`` on the alias
    starts a DAG after each of these audits, whichever programme it is of.

    On Airflow 3.0 ``counts`` and ``findings`` of such an event are JSON texts: its aliases take plain values only.
    """
    from airflow.sdk import AssetAlias

    return AssetAlias("partnero_audits")


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Check the URI of an asset whose scheme is ``partnero``; Airflow calls this for each of them.

    :param uri: the parsed URI.
    :returns: ``uri``, unchanged.
    :raises ValueError: ``uri`` is not ``partnero://<connection id>/<subject>``.
    """
    if not uri.netloc or not uri.path.strip("/"):
        raise ValueError(f"asset URI {short_repr(uri.geturl())}: must be partnero://<connection id>/<subject>")
    return uri


def to_openlineage(asset: Asset, lineage_context: Any) -> Dataset:  # noqa: ARG001
    """The asset as a dataset of OpenLineage; its provider, where it is installed, calls this.

    :returns: the dataset with the namespace ``partnero://<connection id>``, and an event's name or ``audit`` as name.
    """
    from openlineage.client.event_v2 import Dataset

    uri = urlsplit(asset.uri)
    return Dataset(namespace=f"partnero://{uri.netloc}", name=unquote(uri.path.strip("/")))
