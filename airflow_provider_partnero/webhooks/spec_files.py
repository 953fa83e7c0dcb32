"""Parses declarations in JSON and YAML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from airflow_provider_partnero.api.arguments import unknown_name
from airflow_provider_partnero.api.specs import WebhookSpec, specs_from

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
        raise ValueError(f"suffix={suffix!r}: must be one of {', '.join(_PARSERS)}")
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
            raise ValueError(f"a JSON object has the field {name!r} twice")
        fields[name] = value
    return fields


def _parse_yaml(text: str) -> object:
    yaml: Any = import_module("yaml")  # comes with Airflow
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        document = loader.get_single_node()
        _refuse_repeated_fields(document)
        return None if document is None else loader.construct_document(document)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        words = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
        raise ValueError(f"invalid YAML{_position(mark) if mark else ''}: {words}") from None


def _refuse_repeated_fields(document: Any) -> None:
    """Refuse repeated fields: PyYAML would keep the last one, but in a declaration that is a mistake."""
    nodes, visited = [document], set()
    while nodes:
        node = nodes.pop()
        if id(node) in visited or not isinstance(getattr(node, "value", None), list):
            continue
        visited.add(id(node))
        seen: set[object] = set()
        for entry in node.value:
            name, value = entry if isinstance(entry, tuple) else (None, entry)
            nodes.append(value)
            field = getattr(name, "value", None)
            if isinstance(field, str) and field in seen:
                raise ValueError(f"invalid declaration{_position(name.start_mark)}: the field {field!r} is there twice")
            if isinstance(field, str):
                seen.add(field)


def _position(mark: Any) -> str:
    return f" in line {mark.line + 1}, column {mark.column + 1}"


def _type_name(value: object) -> str:
    return "nothing" if value is None else type(value).__name__


_PARSERS: dict[str, Callable[[str], object]] = {".json": _parse_json, ".yaml": _parse_yaml, ".yml": _parse_yaml}
