"""The Airflow assets that stand for what happens at Partnero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote

if TYPE_CHECKING:
    from airflow.sdk import Asset

    from airflow_provider_partnero.webhooks.delivery import PartneroDelivery


def partnero_event_asset(event: str, partnero_conn_id: str = "partnero_default") -> Asset:
    """One kind of event of one programme; the receiver emits an asset event for every delivery of it.

    ``schedule=partnero_event_asset("transaction.created")`` starts a DAG for them; :func:`partnero_deliveries` gives
    its tasks what was delivered.

    :param event: such as ``transaction.created``, or a :class:`~airflow_provider_partnero.api.WebhookEvent`.
    :param partnero_conn_id: connection of type ``partnero``: the one in the receiver's URL.
    :raises ValueError: ``event`` is no event's name.
    """
    from airflow.sdk import Asset

    return Asset(event_asset_uri(event, partnero_conn_id))


def event_asset_uri(event: str, partnero_conn_id: str) -> str:
    """The URI of :func:`partnero_event_asset`.

    :raises ValueError: ``event`` is no event's name.
    """
    if not isinstance(event, str) or not event.strip() or event == "audit":
        raise ValueError(f"event={event!r}: allowed is an event's name such as 'transaction.created'")
    return f"partnero://{quote(partnero_conn_id, safe='')}/{quote(str(event), safe='')}"


def partnero_deliveries(
    triggering_asset_events: Mapping[Any, Iterable[Any]], event: str | None = None
) -> list[PartneroDelivery]:
    """What Partnero delivered, of the asset events that started a run: oldest first, each delivery once.

    Asset events of other assets, and events that somebody else emitted on Partnero's, are left out.

    :param triggering_asset_events: from the task's context.
    :param event: only deliveries of this event.
    """
    from airflow_provider_partnero.webhooks.delivery import PartneroDelivery

    events = [occurrence for occurrences in triggering_asset_events.values() for occurrence in occurrences]
    found: dict[str, PartneroDelivery] = {}
    for occurrence in sorted(events, key=lambda occurrence: occurrence.timestamp):
        try:
            delivery = PartneroDelivery.from_extra(occurrence.extra or {})
        except ValueError:
            continue
        if event is None or delivery.event == event:
            found.setdefault(delivery.delivery_id, delivery)
    return list(found.values())


def partnero_audit_asset(partnero_conn_id: str = "partnero_default") -> Asset:
    """The audits of one programme; ``PartneroAuditWebhooksOperator`` emits an event for every audit that succeeds.

    Its ``extra`` holds ``{"counts": {...}, "findings": [fingerprints]}``, so ``schedule=`` on this asset starts a
    DAG after each audit, and Airflow's own database keeps the history.

    :param partnero_conn_id: connection of type ``partnero``.
    """
    from airflow.sdk import Asset

    # Airflow allows "#", "/" and ":" in a connection id, and nothing but ASCII in an asset.
    return Asset(f"partnero://{quote(partnero_conn_id, safe='')}/audit")


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """What Airflow calls for every asset of scheme ``partnero``.

    :param uri: in its parts; returned as it is.
    :raises ValueError: it is not ``partnero://<connection id>/<subject>``.
    """
    if not uri.netloc or not uri.path.strip("/"):
        raise ValueError(f"asset URI {uri.geturl()!r}: allowed is partnero://<connection id>/<subject>")
    return uri
