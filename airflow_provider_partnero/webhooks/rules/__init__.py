"""The rules of an audit, by subject. Each rule is one small function."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_partnero.webhooks.rules import (
    declared,
    destinations,
    oddities,
    secrecy,
    signing,
    silence,
    subscriptions,
)
from airflow_provider_partnero.webhooks.rules.base import Rule

RULES: tuple[Rule, ...] = (
    subscriptions.inactive,
    destinations.not_https,
    subscriptions.without_events,
    subscriptions.delivered_twice,
    destinations.host_not_allowed,
    subscriptions.uncovered,
    subscriptions.undocumented,
    declared.undeclared,
    declared.missing,
    declared.drifted,
    destinations.internal,
    destinations.throw_away,
    secrecy.secret_in_url,
    signing.weak_secret,
    signing.shared_secret,
    silence.silent,
    oddities.odd,
    secrecy.secret_address,
    destinations.left_over,
    subscriptions.unoffered,
)
"""Every rule, in the order of the ids. An id never changes its meaning."""

RULES_BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in RULES}
