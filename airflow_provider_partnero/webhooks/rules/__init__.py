"""The rules of an audit, by subject; each is one small function."""

from __future__ import annotations

from airflow_provider_partnero.webhooks.rules import declared, deliveries, destinations, signing
from airflow_provider_partnero.webhooks.rules.base import Rule

RULES: tuple[Rule, ...] = (
    deliveries.inactive,
    destinations.not_https,
    deliveries.without_events,
    deliveries.delivered_twice,
    destinations.host_not_allowed,
    deliveries.uncovered,
    deliveries.undocumented,
    declared.undeclared,
    declared.missing,
    declared.drifted,
    destinations.internal,
    destinations.throw_away,
    destinations.secret_in_url,
    signing.weak_secret,
    signing.shared_secret,
)
"""Every rule, in the order of the ids; ids never change their meaning."""
