"""What the API refuses, and Laravel's messages for it.

Documented: which fields are required. Seen: Laravel's messages (the SDKs read ``message`` and ``errors``), and that
only documented events are accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_partnero.api.models import WebhookEvent
from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.program import offers

Complaints = dict[str, list[str]]
"""Messages by field; empty for a request that is accepted."""

_KNOWN_EVENTS = frozenset(event.value for event in WebhookEvent)


def check_create(body: Mapping[str, Any], profile: Profile) -> Complaints:
    """Complaints about the body of a create."""
    complaints: Complaints = {}
    for name in ("name", "url", "events"):
        if is_blank(body.get(name)) and not (name == "events" and _may_be_empty(body.get(name), profile)):
            complaints[name] = [f"The {name} field is required."]
    given = {name: value for name, value in body.items() if name not in complaints}
    if is_blank(given.get("key")):  # Laravel turns blank text into null, which means no key
        given.pop("key", None)
    elif not isinstance(given["key"], str):
        complaints["key"] = ["The key field must be a string."]
    if given.get("is_active") is None:
        given.pop("is_active", None)
    return complaints | _check_values(given, profile)


def check_update(body: Mapping[str, Any], profile: Profile) -> Complaints:
    """Complaints about the body of an update. Any field may be missing, but none may be blank."""
    complaints: Complaints = {}
    for name in ("name", "url", "events"):
        is_allowed = name not in body or (name == "events" and _may_be_empty(body[name], profile))
        if not is_allowed and is_blank(body[name]):
            complaints[name] = [f"The {name} field is required."]
    given = {name: value for name, value in body.items() if name not in complaints}
    return complaints | _check_values(given, profile)


def clean_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an accepted body that a client may set, without all others."""
    fields = {name: body[name] for name in ("name", "url", "events") if name in body}
    if body.get("is_active") is not None:
        fields["is_active"] = body["is_active"] in (True, 1, "1")
    return fields


def refusal_body(complaints: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The body of a 422: ``message``, which is the first complaint and the number of others, and ``errors``."""
    texts = [text for field in complaints.values() for text in field]
    more = len(texts) - 1
    rest = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    return {"message": texts[0] + rest, "errors": complaints}


def _may_be_empty(events: object, profile: Profile) -> bool:
    return events == [] and profile.empty_events == "accept"


def _check_values(given: Mapping[str, Any], profile: Profile) -> Complaints:
    complaints: Complaints = {}
    if "name" in given and not isinstance(given["name"], str):
        complaints["name"] = ["The name field must be a string."]
    if "url" in given and not _is_url(given["url"]):
        complaints["url"] = ["The url field must be a valid URL."]
    if "is_active" in given and given["is_active"] not in (True, False, "0", "1"):
        complaints["is_active"] = ["The is active field must be true or false."]
    if "events" in given:
        complaints |= _check_events(given["events"], profile)
    return complaints


def _check_events(events: Any, profile: Profile) -> Complaints:
    if not isinstance(events, list):
        return {"events": ["The events field must be an array."]}
    return {
        f"events.{position}": [f"The selected events.{position} is invalid."]
        for position, event in enumerate(events)
        if not isinstance(event, str) or event not in _KNOWN_EVENTS or not offers(profile, event)
    }


def is_blank(value: Any) -> bool:
    """Whether Laravel's ``required`` treats a value as missing: null, only white space, or an empty array."""
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _is_url(value: Any) -> bool:
    if not isinstance(value, str) or any(character.isspace() for character in value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
