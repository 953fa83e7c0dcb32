"""A JSON Schema of declaration files, for editors that complete and check them."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from inspect import cleandoc
from typing import Any, get_type_hints

from airflow_provider_partnero.api.models import WebhookEvent
from airflow_provider_partnero.api.specs import WebhookSpec

SCHEMA_FILE = "partnero-webhooks.schema.json"

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_TYPES: dict[object, dict[str, Any]] = {
    str: _TEXT,
    str | None: {"type": ["string", "null"], "minLength": 1},
    bool: {"type": "boolean"},
    tuple[str, ...]: {
        "type": "array",
        "minItems": 1,
        # Partnero may know more events than are documented, so an editor offers those and accepts others.
        "items": {"anyOf": [{"enum": [str(event) for event in WebhookEvent]}, _TEXT]},
    },
}
_EXTRAS: dict[str, dict[str, Any]] = {"url": {"format": "uri", "pattern": "^https?://"}, "key": {"pattern": "^[^/]+$"}}


def declaration_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a declaration file: a list of webhooks, or a mapping with one as ``webhooks``."""
    entries = {"type": "array", "items": {"$ref": "#/$defs/webhook"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Webhooks of a Partnero programme",
        "anyOf": [
            entries,
            {
                "type": "object",
                "properties": {"webhooks": entries},
                "required": ["webhooks"],
                "additionalProperties": False,
            },
        ],
        "$defs": {"webhook": _webhook()},
    }


def _webhook() -> dict[str, Any]:
    hints, words = get_type_hints(WebhookSpec), _descriptions()
    properties = {}
    for field in fields(WebhookSpec):
        default = {} if field.default in (MISSING, None) else {"default": field.default}
        properties[field.name] = {
            "description": words[field.name],
            **_TYPES[hints[field.name]],
            **_EXTRAS.get(field.name, {}),
            **default,
        }
    return {
        "type": "object",
        "properties": properties,
        "required": [field.name for field in fields(WebhookSpec) if field.default is MISSING],
        "additionalProperties": False,
    }


def _descriptions() -> dict[str, str]:
    """What the docstring of :class:`WebhookSpec` says of each field."""
    text = cleandoc(WebhookSpec.__doc__ or "")
    found = re.findall(r":param (\w+): (.*?)(?=\n:|\Z)", text, re.DOTALL)
    return {name: " ".join(words.split()) for name, words in found}
