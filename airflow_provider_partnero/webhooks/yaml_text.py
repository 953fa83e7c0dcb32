"""YAML that somebody wrote by hand: errors say where, and a small text stays small."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from airflow_provider_partnero.api.names import trimmed
from airflow_provider_partnero.api.places import DocumentPlaces, EntryPlaces, Place
from airflow_provider_partnero.api.quoting import enumerated, short_repr, shortened

# How large aliases may make a document: this many nodes, or this many for each node that is written out.
_MOST_NODES = 100_000
_MOST_COPIES = 10

# YAML's numbers to the base of 60 (1:59:59) take time by the square of their length.
_LONGEST_NUMBER = 4_300  # characters, as Python has it
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")

_LONGEST_WORDS = 240  # characters of what PyYAML says; it quotes the text


def parse_yaml(text: str) -> tuple[object, DocumentPlaces]:
    """The one document in a text, as plain lists, mappings and scalars, and where the declared webhooks stand in it.

    Without a document it is None.

    :raises ValueError: the text is malformed, has a field twice, or aliases (``*name``) that would make it much larger
        than it is written or endless. The message gives line and column, and is short.
    """
    yaml: Any = import_module("yaml")  # comes with Airflow
    try:
        loader = _loader_class()(text)
        document = loader.get_single_node()
        if document is None:
            return None, DocumentPlaces()
        _check_nodes(document)
        places = _places(document)
        return loader.construct_document(document), places
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        words = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
        if mark and _character_at(mark, text) == "\t":
            words = "a tab stands here, where YAML allows only spaces"
        where = _position(mark) if mark else ""
        raise ValueError(f"invalid YAML{where}: {shortened(str(words), _LONGEST_WORDS)}") from None


@cache
def _loader_class() -> Any:
    """PyYAML's safe loader, in C where there is one, that says where a value cannot be read."""
    yaml: Any = import_module("yaml")

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:
                    raise ValueError(f"longer than {_LONGEST_NUMBER:,} characters")
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
    repeated: list[Any] = []
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
        repeated += _repeated_names(node)
        stack += [
            entry
            for entry in inner
            if isinstance(entry.value, list) and id(entry) not in sizes and id(entry) not in around
        ]
    if sizes[id(document)] > max(_MOST_NODES, _MOST_COPIES * written):
        raise ValueError(
            f"invalid YAML: its aliases (*name) repeat so much that it holds more than {_MOST_NODES:,} values"
        )
    if repeated:
        repeated.sort(key=lambda name: (name.start_mark.line, name.start_mark.column))
        raise ValueError(enumerated([_twice(name) for name in repeated]))


def _inner_nodes(node: Any) -> list[Any]:
    if node.id == "mapping":
        return [inner for entry in node.value for inner in entry]
    return node.value if node.id == "sequence" else []


def _repeated_names(node: Any) -> list[Any]:
    """The names that are there already: PyYAML would keep the last value, but in a declaration that is a mistake."""
    seen: set[str] = set()
    repeated = []
    for name, _ in node.value if node.id == "mapping" else ():
        if isinstance(name.value, str):
            if name.value in seen:
                repeated.append(name)
            seen.add(name.value)
    return repeated


def _twice(name: Any) -> str:
    return f"invalid declaration in {_place(name)}: the field {short_repr(name.value)} is there twice"


def _places(document: Any) -> DocumentPlaces:
    fields, entries = {}, document
    if document.id == "mapping":
        named = [(name, value) for name, value in document.value if isinstance(name.value, str)]
        fields = {name.value: _place(name) for name, _ in named}
        entries = next((value for name, value in named if name.value == "webhooks"), document)
    return DocumentPlaces(fields, tuple(map(_entry_places, entries.value)) if entries.id == "sequence" else ())


def _entry_places(entry: Any) -> EntryPlaces:
    if entry.id != "mapping":
        return EntryPlaces(_place(entry))
    named = [(name, value) for name, value in entry.value if isinstance(name.value, str)]
    events = next((_inner_nodes(value) for name, value in named if name.value == "events"), [])
    return EntryPlaces(
        start=_place(entry),
        names={name.value: _place(name) for name, _ in named},
        values={name.value: _place(value) for name, value in named},
        events={trimmed(event.value): _place(event) for event in reversed(events) if isinstance(event.value, str)},
    )


def _place(node: Any) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _character_at(mark: Any, text: str) -> str:
    rest = "".join(text.split("\n", mark.line)[mark.line :])
    return rest[mark.column : mark.column + 1]


def _position(mark: Any) -> str:
    return f" in line {mark.line + 1}, column {mark.column + 1}"
