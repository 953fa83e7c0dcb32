"""Declarations in JSON and YAML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_partnero.api.arguments import unknown_name
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.api.specs import WebhookSpec, specs_from
from airflow_provider_partnero.webhooks.yaml_text import parse_yaml

_TOP_LEVEL = ("webhooks",)


def parse_specs(text: str, *, suffix: str) -> tuple[WebhookSpec, ...]:
    """The specifications in the text of a file: a list of mappings, or a mapping with such a list as ``webhooks``.

    :param text: the text of the whole file.
    :param suffix: the file's suffix, which tells the format: ``".json"``, ``".yaml"`` or ``".yml"``.
    :raises ValueError: the suffix is another one; the text is malformed or has a field twice (the message gives the
        line); or an entry is not a specification, see :func:`~airflow_provider_partnero.api.specs.specs_from`.
    """
    parse = _PARSERS.get(suffix.lower())
    if parse is None:
        raise ValueError(f"suffix={short_repr(suffix)}: must be one of {', '.join(_PARSERS)}")
    try:
        declaration = parse(text.removeprefix("\ufeff"))  # a byte order mark
    except RecursionError:
        raise ValueError(f"the {suffix} text is nested too deeply to be a declaration") from None
    return declared_specs(declaration, what=f"the {suffix} text")


def declared_specs(declaration: object, *, what: str) -> tuple[WebhookSpec, ...]:
    """The specifications in a list of mappings, or in a mapping with such a list as ``webhooks``.

    :param what: what messages call the declaration.
    :raises ValueError: it is neither, or an entry is not a specification.
    """
    if isinstance(declaration, Mapping):
        for name in declaration:
            if name not in _TOP_LEVEL:
                raise ValueError(unknown_name(name, _TOP_LEVEL, what="field beside 'webhooks'"))
        declaration = declaration.get("webhooks")
    if not isinstance(declaration, list | tuple):
        raise ValueError(
            f"{what} must hold a list of webhooks, or a mapping with such a list as 'webhooks', "
            f"not {_type_name(declaration)}"
        )
    return specs_from(declaration)


def _parse_json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_refuse_repeated_names)
    except json.JSONDecodeError as error:
        raise ValueError(f"invalid JSON in line {error.lineno}, column {error.colno}: {error.msg}") from None


def _refuse_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"a JSON object has the field {short_repr(name)} twice")
        fields[name] = value
    return fields


def _type_name(value: object) -> str:
    return "nothing" if value is None else type(value).__name__


_PARSERS: dict[str, Callable[[str], object]] = {".json": _parse_json, ".yaml": parse_yaml, ".yml": parse_yaml}
