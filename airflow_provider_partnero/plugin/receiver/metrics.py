"""The receiver's answers among Airflow's metrics."""

from __future__ import annotations

from airflow_provider_partnero.airflow_compat import server_stats


def count(outcome: str) -> None:
    """Count one answer of the receiver: ``partnero.receiver.accepted``, ``.unrouted``, ``.duplicate``, ..."""
    server_stats().incr(f"partnero.receiver.{outcome.replace(' ', '_')}")
