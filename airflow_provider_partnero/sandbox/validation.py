"""What the API refuses, in Laravel's words: field -> complaints; empty when there is nothing to complain about.

Which fields are required is documented; the words are Laravel's (seen: the SDKs read its ``message`` and ``errors``);
that only documented events pass is seen, and which of them a kind of programme has is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_partnero.api.models import WebhookEvent

Complaints = dict[str, list[str]]

_KNOWN_EVENTS = frozenset(event.value for event in WebhookEvent)


def refused_create(body: Mapping[str, Any], *, empty_events: bool) -> Complaints:
    """Complaints about the body of a create. ``empty_events``: whether ``[]`` passes."""
    complaints: Complaints = {}
    for name in ("name", "url", "events"):
        if is_blank(body.get(name)) and not (name == "events" and empty_events and body.get(name) == []):
            complaints[name] = [f"The {name} field is required."]
    given = {name: value for name, value in body.items() if name not in complaints}
    if is_blank(given.get("key")):  # Laravel makes null of an empty text, and null is no key
        given.pop("key", None)
    elif not isinstance(given["key"], str):
        complaints["key"] = ["The key field must be a string."]
    if given.get("is_active") is None:
        given.pop("is_active", None)
    return complaints | _refused_values(given)


def refused_update(body: Mapping[str, Any], *, empty_events: bool) -> Complaints:
    """Complaints about the body of an update, all of whose fields may be missing, but not empty."""
    complaints: Complaints = {}
    for name in ("name", "url", "events"):
        is_allowed = name not in body or (name == "events" and empty_events and body[name] == [])
        if not is_allowed and is_blank(body[name]):
            complaints[name] = [f"The {name} field is required."]
    return complaints | _refused_values({name: value for name, value in body.items() if name not in complaints})


def clean_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a body may set, out of a body without complaints; others are left out."""
    fields = {name: body[name] for name in ("name", "url", "events") if name in body}
    if body.get("is_active") is not None:
        fields["is_active"] = body["is_active"] in (True, 1, "1")
    return fields


def refusal_body(complaints: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The body of a 422: ``message`` (the first complaint and how many more there are) and ``errors``."""
    texts = [text for field in complaints.values() for text in field]
    more = len(texts) - 1
    rest = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    return {"message": texts[0] + rest, "errors": complaints}


def _refused_values(given: Mapping[str, Any]) -> Complaints:
    complaints: Complaints = {}
    if "name" in given and not isinstance(given["name"], str):
        complaints["name"] = ["The name field must be a string."]
    if "url" in given and not _is_url(given["url"]):
        complaints["url"] = ["The url field must be a valid URL."]
    if "is_active" in given and given["is_active"] not in (True, False, "0", "1"):
        complaints["is_active"] = ["The is active field must be true or false."]
    if "events" in given:
        complaints |= _refused_events(given["events"])
    return complaints


def _refused_events(events: Any) -> Complaints:
    if not isinstance(events, list):
        return {"events": ["The events field must be an array."]}
    return {
        f"events.{position}": [f"The selected events.{position} is invalid."]
        for position, event in enumerate(events)
        if not isinstance(event, str) or event not in _KNOWN_EVENTS
    }


def is_blank(value: Any) -> bool:
    """Whether Laravel's ``required`` takes a value for missing: null, nothing but white space, an empty array."""
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _is_url(value: Any) -> bool:
    if not isinstance(value, str) or any(character.isspace() for character in value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
