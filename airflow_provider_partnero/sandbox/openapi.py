"""Parameters and bodies of the API for the page ``/docs``; the handlers read both themselves, as Laravel would."""

from __future__ import annotations

from typing import Any

from airflow_provider_partnero.api.models import WebhookEvent

_FIELDS: dict[str, Any] = {
    "name": {"type": "string", "description": "Name of webhook"},
    "url": {"type": "string", "format": "uri", "description": "URL where webhook event will be handled"},
    "is_active": {"type": "boolean", "default": True},
    "events": {
        "type": "array",
        "items": {"type": "string", "enum": [event.value for event in WebhookEvent]},
        "description": "Array of events that this webhook will handle",
    },
}
_EXAMPLE = {"name": "Demo", "url": "https://receiver.example/partnero", "events": ["partner.created"]}


def _body(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object", **schema}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


CREATE_BODY = _body(
    {
        "required": ["name", "url", "events"],
        "properties": {"key": {"type": "string", "description": "Best left out: the server makes one"}, **_FIELDS},
    },
    _EXAMPLE,
)
UPDATE_BODY = _body({"properties": _FIELDS}, {"name": "Demo 2"})
LIST_PARAMETERS: dict[str, Any] = {
    "parameters": [
        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 10, "maximum": 100, "default": 10}},
        {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1, "default": 1}},
    ]
}
