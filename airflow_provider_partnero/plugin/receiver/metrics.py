"""Airflow's metrics, wherever this version has them."""

from __future__ import annotations

try:  # from 3.2
    from airflow.sdk.observability.stats import Stats
except ImportError:
    from airflow.stats import Stats


def count(outcome: str) -> None:
    """Count one answer of the receiver: ``partnero.receiver.accepted``, ``.unrouted``, ``.duplicate``, ..."""
    Stats.incr(f"partnero.receiver.{outcome.replace(' ', '_')}")
