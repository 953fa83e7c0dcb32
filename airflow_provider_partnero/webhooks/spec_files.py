"""Declarations in JSON and YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice

from airflow_provider_partnero.api.arguments import unknown_name
from airflow_provider_partnero.api.places import DocumentPlaces
from airflow_provider_partnero.api.quoting import MOST_PROBLEMS, enumerated, short_repr
from airflow_provider_partnero.api.specs import WebhookSpec, read_specs
from airflow_provider_partnero.webhooks.json_text import parse_json
from airflow_provider_partnero.webhooks.matching import indistinct
from airflow_provider_partnero.webhooks.yaml_text import parse_yaml

_TOP_LEVEL = ("webhooks", "$schema")  # the latter is for editors


def parse_specs(text: str, *, suffix: str) -> tuple[WebhookSpec, ...]:
    """The specifications in the text of a file: a list of mappings, or a mapping with such a list as ``webhooks``.

    :param text: the text of the whole file.
    :param suffix: the file's suffix, which tells the format: ``".json"``, ``".yaml"`` or ``".yml"``.
    :raises ValueError: the suffix is another one; the text is malformed or has a field twice; an entry is not a
        specification, see :func:`~airflow_provider_partnero.api.specs.specs_from`; or two entries have the same name
        and not a key each, or the same key. The message names the first ten problems, each with line and column.
    """
    parse = _PARSERS.get(suffix.lower())
    if parse is None:
        raise ValueError(f"suffix={short_repr(suffix)}: must be one of {', '.join(_PARSERS)}")
    try:
        declaration, places = parse(text.removeprefix("\ufeff"))  # a byte order mark
    except RecursionError:
        raise ValueError(f"the {suffix} text is nested too deeply to be a declaration") from None
    return declared_specs(declaration, what=f"the {suffix} text", places=places)


def declared_specs(
    declaration: object,
    *,
    what: str,
    places: DocumentPlaces = DocumentPlaces(),  # noqa: B008 - it is frozen
) -> tuple[WebhookSpec, ...]:
    """The specifications in a list of mappings, or in a mapping with such a list as ``webhooks``.

    :param what: what messages call the declaration.
    :param places: where its parts stand.
    :raises ValueError: as :func:`parse_specs` does.
    """
    problems: list[str] = []
    if isinstance(declaration, Mapping):
        problems += _unknown_fields(declaration, places)
        declaration = declaration.get("webhooks")
    if not isinstance(declaration, list | tuple):
        problems.append(
            f"{what} must hold a list of webhooks, or a mapping with such a list as 'webhooks', "
            f"not {_type_name(declaration)}"
        )
        raise ValueError(enumerated(problems))
    specs, wrong = read_specs(declaration, places)
    if problems := list(islice(chain(problems, wrong, indistinct(specs)), MOST_PROBLEMS)):
        raise ValueError(enumerated(problems))
    return specs


def _unknown_fields(declaration: Mapping[object, object], places: DocumentPlaces) -> Iterator[str]:
    for name in islice((name for name in declaration if name not in _TOP_LEVEL), MOST_PROBLEMS):
        place = places.fields.get(str(name))
        where = f"{place}: " if place else ""
        yield where + unknown_name(name, _TOP_LEVEL, what="field beside 'webhooks'")


def _type_name(value: object) -> str:
    return "nothing" if value is None else type(value).__name__


_PARSERS: dict[str, Callable[[str], tuple[object, DocumentPlaces]]] = {
    ".json": parse_json,
    ".yaml": parse_yaml,
    ".yml": parse_yaml,
}
