"""What changed between two readings of a programme, and how to store the first reading in little space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.webhooks.texts import visible

_NAMES_LISTED = 100  # of each kind of change; the counts cover all
_ALL_KEY = "*"  # key of the one digest over all webhooks, used when a digest for each takes too much space
_ALL_PREFIX = "all:"  # prefix of that digest, since a webhook may have the key "*", too

Digests = dict[str, str]


def digests(webhooks: Iterable[Webhook]) -> Digests:
    """A digest for each key: 12 hex digits over the webhook's name, URL, events, state and signing secret."""
    return {webhook.key: _digest(webhook) for webhook in webhooks}


def compact(seen: Mapping[str, str], most_bytes: int) -> Digests:
    """The digests, unchanged if their JSON has at most ``most_bytes``; otherwise one digest over all of them."""
    if len(json.dumps(seen)) <= most_bytes:
        return dict(seen)
    return {_ALL_KEY: _ALL_PREFIX + _short_hash(json.dumps(sorted(seen.items())))}


def changes(before: Mapping[str, str], webhooks: Iterable[Webhook]) -> dict[str, Any] | None:
    """The difference from an earlier reading; None if there is none.

    :param before: :func:`digests` of the earlier reading, or their :func:`compact` form.
    :returns: ``{"counts": {"added", "removed", "changed"}, "added": [{"key", "name"}], "removed": [{"key"}], "changed":
        [{"key", "name"}]}``, at most 100 of each. Compared with a single digest over all
        webhooks, counts and lists are empty.
    """
    live = {webhook.key: webhook for webhook in webhooks}
    now = {key: _digest(webhook) for key, webhook in live.items()}
    if before.get(_ALL_KEY, "").startswith(_ALL_PREFIX):
        return None if compact(now, 0) == before else {"counts": {}, "added": [], "removed": [], "changed": []}
    added = [key for key in now if key not in before]
    removed = [key for key in before if key not in now]
    changed = [key for key in now if key in before and before[key] != now[key]]
    if not (added or removed or changed):
        return None
    return {
        "counts": {"added": len(added), "removed": len(removed), "changed": len(changed)},
        "added": [_key_and_name(live[key]) for key in added[:_NAMES_LISTED]],
        "removed": [{"key": visible(key)} for key in removed[:_NAMES_LISTED]],
        "changed": [_key_and_name(live[key]) for key in changed[:_NAMES_LISTED]],
    }


def _key_and_name(webhook: Webhook) -> dict[str, str]:
    return {"key": visible(webhook.key), "name": visible(webhook.name)}


def _digest(webhook: Webhook) -> str:
    fields = [webhook.name, webhook.url, sorted(set(webhook.events)), webhook.is_active, webhook.signature]
    return _short_hash(json.dumps(fields))


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
