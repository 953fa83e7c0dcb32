"""YAML that somebody wrote by hand: errors say where, and a small text stays small."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from airflow_provider_partnero.api.quoting import short_repr, shortened

# How large aliases may make a document: this many nodes, or this many for each node that is written out.
_MOST_NODES = 100_000
_MOST_COPIES = 10

_LONGEST_WORDS = 240  # characters of what PyYAML says; it quotes the text


def parse_yaml(text: str) -> object:
    """The one document in a text, as plain lists, mappings and scalars; None if there is none.

    :raises ValueError: the text is malformed, has a field twice, or aliases (``*name``) that would make it much larger
        than it is written or endless. The message gives line and column, and is short.
    """
    yaml: Any = import_module("yaml")  # comes with Airflow
    try:
        loader = _loader_class()(text)
        document = loader.get_single_node()
        if document is None:
            return None
        _check_nodes(document)
        return loader.construct_document(document)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        words = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
        where = _position(mark) if mark else ""
        raise ValueError(f"invalid YAML{where}: {shortened(str(words), _LONGEST_WORDS)}") from None


@cache
def _loader_class() -> Any:
    """PyYAML's safe loader, in C where there is one, that says where a value cannot be read."""
    yaml: Any = import_module("yaml")

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep=deep)
            except (ValueError, TypeError, ArithmeticError, AttributeError, LookupError) as error:
                kind = node.tag.rpartition(":")[2]
                why = f" ({shortened(str(error), 60)})" if isinstance(error, ValueError) else ""
                words = f"{short_repr(node.value)} is not a valid {shortened(kind, 40)}{why}; quote it if it is a text"
                raise yaml.constructor.ConstructorError(None, None, words, node.start_mark) from None

    return Loader


def _check_nodes(document: Any) -> None:
    """Check a document before it is constructed: aliases share nodes, which merges and readers would multiply."""
    sizes: dict[int, int] = {}  # of each list and mapping, with everything in it, once for each alias
    around: set[int] = set()
    stack, written = [document], 1
    while stack:
        node = stack[-1]
        inner = _inner_nodes(node)
        if id(node) in around:
            around.remove(id(node))
            sizes[id(node)] = 1 + sum(sizes.get(id(entry), 1) for entry in inner)
            written += len(inner)
        if id(node) in sizes:
            stack.pop()
            continue
        around.add(id(node))
        _refuse_repeated_fields(node)
        stack += [
            entry
            for entry in inner
            if isinstance(entry.value, list) and id(entry) not in sizes and id(entry) not in around
        ]
    if sizes[id(document)] > max(_MOST_NODES, _MOST_COPIES * written):
        raise ValueError(
            f"invalid YAML: its aliases (*name) repeat so much that it holds more than {_MOST_NODES:,} values"
        )


def _inner_nodes(node: Any) -> list[Any]:
    if node.id == "mapping":
        return [inner for entry in node.value for inner in entry]
    return node.value if node.id == "sequence" else []


def _refuse_repeated_fields(node: Any) -> None:
    """Refuse a field that is there twice: PyYAML would keep the last one, but in a declaration that is a mistake."""
    seen: set[str] = set()
    for name, _ in node.value if node.id == "mapping" else ():
        if not isinstance(name.value, str):
            continue
        if name.value in seen:
            raise ValueError(
                f"invalid declaration{_position(name.start_mark)}: the field {short_repr(name.value)} is there twice"
            )
        seen.add(name.value)


def _position(mark: Any) -> str:
    return f" in line {mark.line + 1}, column {mark.column + 1}"
