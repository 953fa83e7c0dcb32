"""Airflow's metrics, wherever this version has them."""

from __future__ import annotations

try:  # from 3.3
    from airflow.sdk.observability import stats
except ImportError:
    try:  # 3.2
        from airflow.sdk.observability.stats import Stats as stats  # type: ignore[no-redef]  # noqa: N813
    except ImportError:
        from airflow.stats import Stats as stats  # type: ignore[no-redef]  # noqa: N813


def count(outcome: str) -> None:
    """Count one answer of the receiver: ``partnero.receiver.accepted``, ``.unrouted``, ``.duplicate``, ..."""
    stats.incr(f"partnero.receiver.{outcome.replace(' ', '_')}")
