"""A JSON Schema of declaration files, for editors that complete and check them."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, Field, fields
from inspect import cleandoc
from typing import Any, get_type_hints

from airflow_provider_partnero.api.models import WebhookEvent
from airflow_provider_partnero.api.specs import SPEC_FIELDS, WebhookSpec

SCHEMA_FILE = "partnero-webhooks.schema.json"
"""The file's name, here and beside a declaration file, whose first line names it."""

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
_EXTRAS: dict[str, dict[str, Any]] = {
    "url": {"pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^/]"},
    "key": {"pattern": "^[^/]+$"},
}


def declaration_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a declaration file: a list of webhooks, or a mapping with one as ``webhooks``."""
    entries = {"type": "array", "items": {"$ref": "#/$defs/webhook"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Webhooks of a Partnero programme",
        "type": ["array", "object"],  # and not "anyOf", of which editors do not say what is wrong
        "items": {"$ref": "#/$defs/webhook"},
        "properties": {
            "webhooks": {"description": "The webhooks that must exist.", **entries},
            "$schema": {"description": "The file of this schema, for editors.", "type": "string"},
        },
        "required": ["webhooks"],
        "additionalProperties": False,
        "$defs": {"webhook": _webhook()},
    }


def schema_text() -> str:
    """The text of the file that is shipped beside this module."""
    return json.dumps(declaration_schema(), indent=2) + "\n"


def _webhook() -> dict[str, Any]:
    hints, words = get_type_hints(WebhookSpec), _descriptions()
    properties = {}
    for field in _fields():
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
        "required": [field.name for field in _fields() if field.default is MISSING],
        "additionalProperties": False,
    }


def _fields() -> list[Field[Any]]:
    return [field for field in fields(WebhookSpec) if field.name in SPEC_FIELDS]


def _descriptions() -> dict[str, str]:
    """What the docstring of :class:`WebhookSpec` says of each field."""
    text = cleandoc(WebhookSpec.__doc__ or "")
    found = re.findall(r":param (\w+): (.*?)(?=\n:|\Z)", text, re.DOTALL)
    return {name: " ".join(words.replace("``", "`").split()) for name, words in found}
