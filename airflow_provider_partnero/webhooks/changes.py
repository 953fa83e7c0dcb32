"""What changed between two readings of a programme, and how to remember the first in little room."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.webhooks.texts import visible

_NAMES_LISTED = 100  # of each kind of change; the counts are always whole
_WHOLE = "*"  # key of the digest over all webhooks, where there is no room for one each
_OF_ALL = "all:"  # what that digest begins with, since a webhook may have any key, "*" too

Digests = dict[str, str]


def digests(webhooks: Iterable[Webhook]) -> Digests:
    """Key -> 12 hex digits over name, URL, events, state and signing secret of each webhook."""
    return {webhook.key: _digest(webhook) for webhook in webhooks}


def compact(seen: Mapping[str, str], most_bytes: int) -> Digests:
    """The digests as they are when their JSON has room, else one digest over all of them."""
    if len(json.dumps(seen)) <= most_bytes:
        return dict(seen)
    return {_WHOLE: _OF_ALL + _short(json.dumps(sorted(seen.items())))}


def changes(before: Mapping[str, str], webhooks: Iterable[Webhook]) -> dict[str, Any] | None:
    """What differs from an earlier reading; None when nothing does.

    :param before: :func:`digests` of the earlier reading, or what :func:`compact` made of them.
    :returns: ``{"counts": {"added", "removed", "changed"}, "added": [{"key", "name"}], "removed": [{"key"}], "changed":
        [{"key", "name"}]}``, at most 100 of each. Against a single digest over all webhooks only ``{"counts": {}}``.
    """
    live = {webhook.key: webhook for webhook in webhooks}
    now = {key: _digest(webhook) for key, webhook in live.items()}
    if before.get(_WHOLE, "").startswith(_OF_ALL):
        return None if compact(now, 0) == before else {"counts": {}, "added": [], "removed": [], "changed": []}
    added = [key for key in now if key not in before]
    removed = [key for key in before if key not in now]
    changed = [key for key in now if key in before and before[key] != now[key]]
    if not (added or removed or changed):
        return None
    return {
        "counts": {"added": len(added), "removed": len(removed), "changed": len(changed)},
        "added": [_named(live[key]) for key in added[:_NAMES_LISTED]],
        "removed": [{"key": visible(key)} for key in removed[:_NAMES_LISTED]],
        "changed": [_named(live[key]) for key in changed[:_NAMES_LISTED]],
    }


def _named(webhook: Webhook) -> dict[str, str]:
    return {"key": visible(webhook.key), "name": visible(webhook.name)}


def _digest(webhook: Webhook) -> str:
    fields = [webhook.name, webhook.url, sorted(set(webhook.events)), webhook.is_active, webhook.signature]
    return _short(json.dumps(fields))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
