"""The OpenAPI description of the API's parameters, bodies and answers, for the page ``/docs``.

FastAPI cannot derive it, because the handlers read and check their requests themselves, as Laravel would.
"""

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
_WEBHOOK = {
    "type": "object",
    "properties": {
        "key": {"type": "string", "example": "6HCtIMKX8han"},
        **_FIELDS,
        "signature": {
            "type": "string",
            "example": "Ewi7TWkdARdV41GI",
            "description": "The secret that signs the webhook's deliveries",
        },
    },
}
_PROGRAM = {"type": "object", "properties": {name: {"type": "string"} for name in ("name", "public_id", "type")}}
_ERROR = {
    "type": "object",
    "properties": {
        "message": {"type": "string"},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "Messages by field; only in a 422 of the API",
        },
    },
}
_EXAMPLE = {"name": "Demo", "url": "https://receiver.example/partnero", "events": ["partner.created"]}


def _body(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object", **schema}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


CREATE_BODY = _body(
    {
        "required": ["name", "url", "events"],
        "properties": {"key": {"type": "string", "description": "The server makes one if it is missing"}, **_FIELDS},
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


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _done(**properties: Any) -> dict[int | str, dict[str, Any]]:
    return {200: _answer("Done", {"type": "object", "properties": {**properties, "status": {"type": "integer"}}})}


REFUSALS: dict[int | str, dict[str, Any]] = {"default": _answer("Refused", _ERROR)}
ONE_WEBHOOK = _done(data=_WEBHOOK)
MADE_WEBHOOK = {**ONE_WEBHOOK, 201: {**ONE_WEBHOOK[200], "description": "Done, with create_status=201"}}
PAGE_OF_WEBHOOKS = _done(data={"type": "array", "items": _WEBHOOK}, links={"type": "object"}, meta={"type": "object"})
NO_WEBHOOK = _done()
DELETED_WEBHOOK = {**NO_WEBHOOK, 204: {"description": "Done, with delete_status=204"}}
PROGRAM = _done(data={"type": "object", "properties": {"program": _PROGRAM}})
