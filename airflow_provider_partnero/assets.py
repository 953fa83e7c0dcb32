"""The Airflow assets that stand for what happens at Partnero."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote

if TYPE_CHECKING:
    from airflow.sdk import Asset


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

    :raises ValueError: it is not ``partnero://<connection id>/<subject>``.
    """
    if not uri.netloc or not uri.path.strip("/"):
        raise ValueError(f"asset URI {uri.geturl()!r}: allowed is partnero://<connection id>/<subject>")
    return uri
