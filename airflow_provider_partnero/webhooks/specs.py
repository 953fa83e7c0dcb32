"""The webhooks that there must be, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_partnero.api import arguments
from airflow_provider_partnero.webhooks.redaction import redact_url

_FIELDS = ("name", "url", "events", "is_active", "key")
_REQUIRED = ("name", "url", "events")


@dataclass(frozen=True, slots=True)
class WebhookSpec:
    """One webhook that there must be.

    :param name: its name, not empty; what it is recognised by when it has no key. White space around it, such as the
        line break of a YAML block, is dropped: Laravel drops it too, and would otherwise be told for ever.
    :param url: where events are delivered: an absolute http:// or https:// URL.
    :param events: at least one event; duplicates are dropped, the order does not matter.
    :param is_active: whether events are to be delivered.
    :param key: Partnero's id of the webhook, without ``/``; None: recognised by name.
    :raises ValueError: a value is not allowed; the message names the argument, its value (without a URL's secrets) and
        what is.
    """

    name: str
    url: str
    events: tuple[str, ...]
    is_active: bool = True
    key: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", arguments.trimmed(arguments.checked_name(self.name)))
        _check_url(self.url)
        object.__setattr__(self, "events", arguments.checked_events(self.events))
        arguments.checked_flag(self.is_active, argument="is_active")
        if self.key is not None:
            arguments.checked_key(self.key)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, where: str = "webhook") -> WebhookSpec:
        """The specification in a mapping with the fields ``name, url, events`` and perhaps ``is_active, key``.

        :param where: what messages call the mapping, such as ``"webhooks[3]"``.
        :raises ValueError: a field is missing, unknown or wrong; the message says where, which, and what is allowed.
        """
        if not isinstance(mapping, Mapping):
            raise ValueError(
                f"{where} is a {type(mapping).__name__}: allowed is a mapping with the fields {', '.join(_FIELDS)}"
            )
        for name in mapping:
            if name not in _FIELDS:
                raise ValueError(f"{where}: {unknown(name, _FIELDS, what='field')}")
        if missing := [name for name in _REQUIRED if name not in mapping]:
            raise ValueError(f"{where}: {' and '.join(missing)} missing; required are {', '.join(_REQUIRED)}")
        try:
            return cls(**mapping)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None


def specs_from(webhooks: Iterable[Mapping[str, Any] | WebhookSpec]) -> tuple[WebhookSpec, ...]:
    """The specifications in a list of mappings; those that are specifications already are taken as they are.

    :raises ValueError: as :meth:`WebhookSpec.from_mapping`, with ``webhooks[3]`` as the place.
    """
    if isinstance(webhooks, str | Mapping) or not isinstance(webhooks, Iterable):
        given = type(webhooks).__name__
        raise ValueError(f"webhooks is a {given}: allowed is a list of mappings with the fields {', '.join(_FIELDS)}")
    return tuple(
        entry if isinstance(entry, WebhookSpec) else WebhookSpec.from_mapping(entry, where=f"webhooks[{position}]")
        for position, entry in enumerate(webhooks)
    )


def unknown(name: object, allowed: Iterable[str], *, what: str) -> str:
    """The complaint about a name that is none of those allowed, with the nearest one."""
    from difflib import get_close_matches

    allowed = tuple(allowed)
    nearest = get_close_matches(str(name), allowed, n=1)
    hint = f" (did you mean {nearest[0]!r}?)" if nearest else ""
    return f"unknown {what} {name!r}{hint}; allowed are {', '.join(allowed)}"


def _check_url(url: object) -> None:
    try:
        arguments.checked_url(url)
    except ValueError:
        shown = redact_url(url) if isinstance(url, str) else url
        allowed = "allowed is an absolute http:// or https:// URL, without spaces and control characters"
        raise ValueError(f"url={shown!r}: {allowed}") from None
