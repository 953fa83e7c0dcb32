"""Declarations as text: JSON and YAML."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

from airflow_provider_partnero.api.arguments import unknown_name
from airflow_provider_partnero.api.specs import WebhookSpec, specs_from

_TOP_LEVEL = ("webhooks",)


def parse_specs(text: str, *, suffix: str) -> tuple[WebhookSpec, ...]:
    """The specifications in the text of a file: a list of mappings, or a mapping that has such a list as ``webhooks``.

    :param text: the whole text.
    :param suffix: of the file, which says what the text is: ``".json"``, ``".yaml"`` or ``".yml"``.
    :raises ValueError: another suffix; a text that is not well-formed or names a field twice, with the line; or an
        entry that is no specification, as :func:`~airflow_provider_partnero.webhooks.specs.specs_from` says it.
    """
    parse = _PARSERS.get(suffix.lower())
    if parse is None:
        raise ValueError(f"suffix={suffix!r}: must be one of {', '.join(_PARSERS)}")
    try:
        declaration = parse(text)
    except RecursionError:
        raise ValueError(f"the {suffix} text is nested too deeply to be a declaration") from None
    if isinstance(declaration, dict):
        for name in declaration:
            if name not in _TOP_LEVEL:
                raise ValueError(unknown_name(name, _TOP_LEVEL, what="field beside 'webhooks'"))
        declaration = declaration.get("webhooks")
    if not isinstance(declaration, list):
        raise ValueError(
            f"the {suffix} text holds {_kind(declaration)}: must hold a list of webhooks, or a mapping with such "
            "a list as 'webhooks'"
        )
    return specs_from(declaration)


def _parse_json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_distinct)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON in line {error.lineno}, column {error.colno}: {error.msg}") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
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
        _check_fields(document)
        return None if document is None else loader.construct_document(document)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        words = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
        raise ValueError(f"no YAML{_place(mark) if mark else ''}: {words}") from None


def _check_fields(document: Any) -> None:
    """PyYAML takes the last of two fields of one name; in a declaration that is a slip of the pen."""
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
                raise ValueError(f"no declaration{_place(name.start_mark)}: the field {field!r} is there twice")
            if isinstance(field, str):
                seen.add(field)


def _place(mark: Any) -> str:
    return f" in line {mark.line + 1}, column {mark.column + 1}"


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


_PARSERS: dict[str, Callable[[str], object]] = {".json": _parse_json, ".yaml": _parse_yaml, ".yml": _parse_yaml}
