"""A delivery of Partnero: read from the raw body, or from the ``extra`` of an asset event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.webhooks.storable import (
    Mark,
    ParsedBody,
    parse_body,
    storable_name,
    storable_text,
    to_storable,
)

PROBE_EVENT = "partnero_provider.probe"
"""What ``PartneroProbeReceiverOperator`` delivers; it is recorded nowhere and starts no DAG."""

_LONGEST_NAME = 200  # characters of an event or a key; an asset's URI has room for 1,500
_IDENTIFIERS = frozenset({"id", "key", "uuid"})
_MOST_PATHS = 64
_LONGEST_PATH = 200  # characters


@dataclass(frozen=True, slots=True)
class KeptFields:
    """The fields of a delivery to keep, besides its envelope.

    :param paths: ``url``, or the way to a field within the data: ``data.key``, ``data.partner.email``. A way leads
        through objects, and through lists to each of their elements. It keeps the whole of what it leads to.
    """

    paths: tuple[str, ...]

    def __str__(self) -> str:
        """As :func:`read_store` reads it."""
        return ", ".join(self.paths)

    def data(self, data: Any) -> Any:
        """The part of ``data`` that is kept; objects and lists in which nothing is kept are left out."""
        kept = _selected(data, self._tree())
        return {} if kept is _NOTHING else kept

    def _tree(self) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for path in sorted(set(self.paths) - {"url"}):  # a field comes before the fields within it
            node: dict[str, Any] | None = tree
            _, *way, last = map(storable_name, path.split("."))
            for name in way:
                node = None if node is None else node.setdefault(name, {})
            if node is not None:
                node[last] = None
        return tree


_NOTHING = object()


def _selected(value: Any, tree: Mapping[str, Any] | None) -> Any:
    if tree is None:
        return value
    if isinstance(value, dict):
        found = {name: _selected(value[name], inner) for name, inner in tree.items() if name in value}
        return {name: item for name, item in found.items() if item is not _NOTHING} or _NOTHING
    if isinstance(value, list):
        return [item for item in (_selected(item, tree) for item in value) if item is not _NOTHING] or _NOTHING
    return _NOTHING


_Amount = Literal["full", "data-keys", "ids"]
Store = _Amount | KeptFields
STORES: tuple[_Amount, ...] = get_args(_Amount)


def read_store(text: str) -> Store:
    """How much of a delivery is kept, as the option and the connection's field ``store`` spell it.

    :param text: ``full``, ``data-keys`` or ``ids``, in any case; or up to 64 fields, separated by commas, each ``url``
        or the way to a field within the data, such as ``data.key``. See :class:`KeptFields`.
    :raises ValueError: it is anything else; the message says what is allowed.
    """
    for store in STORES:
        if text.strip().lower() == store:
            return store
    paths = tuple(dict.fromkeys(path.strip() for path in text.split(",")))
    if len(paths) > _MOST_PATHS or not all(map(_is_path, paths)):
        raise ValueError(
            f"store={short_repr(text)}: must be one of {', '.join(STORES)}, or a list of up to {_MOST_PATHS} fields "
            f"such as 'data.key, data.partner.key, url', each of at most {_LONGEST_PATH} characters"
        )
    return KeptFields(paths)


def _is_path(path: str) -> bool:
    if path == "url":
        return True
    first, *names = path.split(".")
    return first == "data" and bool(names) and all(map(str.strip, names)) and _is_shown(path, _LONGEST_PATH)


def _is_shown(text: str, longest: int) -> bool:
    return len(text) <= longest and text.isprintable()


class MalformedDeliveryError(ValueError):
    """The body is not a delivery; the message says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class PartneroDelivery:
    """One event that Partnero delivered.

    :param delivery_id: SHA-256 of the raw body, in hex, since Partnero's envelope has no id. A body that arrives again
        has the same id.
    :param event: such as ``transaction.created``.
    :param webhook_key: the webhook that delivered it.
    :param created_at: when it happened, as Partnero writes it (``2025-05-07T10:30:00.000000Z``); see :meth:`moment`.
    :param url: the URL that it was delivered to; None unless ``store`` keeps it.
    :param data: the event's subject, as ``store`` keeps it: all of it (``full``), its identifiers (``data-keys``), some
        fields, or None (``ids``). It may hold personal data, so ``repr`` leaves it out.
    :param replay: 0 when Partnero delivered it; else which of its replays from the ledger this is, from 1.
    :param changed: what had to be changed in the data so that it can be stored, such as ``large numbers``.

    Source: Partnero's public pages, "Deliveries".
    """

    delivery_id: str
    event: str
    webhook_key: str
    created_at: str | None
    url: str | None = None
    data: Any = field(default=None, repr=False)
    replay: int = 0
    changed: tuple[str, ...] = ()

    @classmethod
    def from_body(cls, body: bytes) -> PartneroDelivery:
        """The delivery in a raw body.

        :raises MalformedDeliveryError: it is not a JSON object with ``event`` and ``webhook_key``.
        """
        return _delivery_of(body, _parsed(body))

    @classmethod
    def from_extra(cls, extra: Mapping[str, Any]) -> PartneroDelivery:
        """The delivery in the ``extra`` of an asset event that the receiver recorded.

        :raises ValueError: the receiver did not record it.
        """
        if not all(isinstance(extra.get(name), str) for name in ("delivery_id", "event", "webhook_key")):
            raise ValueError("this asset event holds no delivery of Partnero: the receiver did not record it")
        return cls(
            delivery_id=extra["delivery_id"],
            event=extra["event"],
            webhook_key=extra["webhook_key"],
            created_at=extra.get("created_at"),
            url=extra.get("url"),
            data=extra.get("data"),
            replay=_read_replay(extra.get("replay")),
            changed=_read_changed(extra.get("changed")),
        )

    def to_extra(self, store: Store) -> dict[str, Any]:
        """The part of the delivery to keep, as plain JSON.

        :param store: ``full`` keeps everything. ``data-keys`` keeps the envelope, the identifiers in ``data`` (``id``,
            ``key`` and ``uuid``, also in nested objects, but not in lists), and the names of its fields as
            ``data_fields``. ``ids`` keeps the envelope without ``url``, and nothing of ``data``. :class:`KeptFields`
            keeps what they name, beside the envelope without ``url``.
        """
        kept: dict[str, Any] = {
            "delivery_id": self.delivery_id,
            "event": self.event,
            "webhook_key": self.webhook_key,
            "created_at": self.created_at,
        }
        if self.changed:
            kept["changed"] = list(self.changed)
        if self.replay:
            kept["replay"] = self.replay
        if store == "ids":
            return kept
        if isinstance(store, KeptFields):
            url = {"url": self.url} if "url" in store.paths else {}
            return kept | url | {"data": store.data(self.data)}
        kept["url"] = self.url
        if store == "full":
            return kept | {"data": self.data}
        fields = sorted(self.data) if isinstance(self.data, dict) else []
        return kept | {"data": _identifiers(self.data), "data_fields": fields}

    def moment(self) -> datetime | None:
        """``created_at`` as a time in UTC; None if it is missing or not a time."""
        try:
            moment = datetime.fromisoformat(self.created_at or "")
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None


def _delivery_of(body: bytes, parsed: ParsedBody) -> PartneroDelivery:
    envelope = parsed.value
    event, webhook_key = (_required_name(envelope, name) for name in ("event", "webhook_key"))
    kept, changes = to_storable({name: envelope.get(name) for name in ("created_at", "url", "data")})
    if parsed.has_deep_parts:
        changes |= {Mark.DEEP_PARTS}
    return PartneroDelivery(
        delivery_id=hashlib.sha256(body).hexdigest(),
        event=event,
        webhook_key=webhook_key,
        created_at=_text_or_none(envelope, kept, "created_at"),
        url=_text_or_none(envelope, kept, "url"),
        data=kept["data"],
        changed=tuple(change.value for change in Mark if change in changes),
    )


def _parsed(body: bytes) -> ParsedBody:
    try:
        parsed = parse_body(body)
    except UnicodeDecodeError:
        raise MalformedDeliveryError("the body is not UTF-8") from None
    except ValueError:
        raise MalformedDeliveryError("the body is not JSON") from None
    if not isinstance(parsed.value, dict):
        raise MalformedDeliveryError("the body is not a JSON object")
    return parsed


def _text_or_none(envelope: Mapping[str, Any], kept: Mapping[str, Any], name: str) -> str | None:
    """Not a number that is stored as text."""
    text: str | None = kept[name] if isinstance(envelope.get(name), str) else None
    return text


def _required_name(envelope: Mapping[str, Any], field_name: str) -> str:
    name = envelope.get(field_name)
    name = storable_text(name) if isinstance(name, str) else ""
    if not name.strip() or not _is_shown(name, _LONGEST_NAME):
        raise MalformedDeliveryError(f"the body has no {field_name}")
    return name


def _read_replay(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _read_changed(value: object) -> tuple[str, ...]:
    return tuple(mark for mark in value if isinstance(mark, str)) if isinstance(value, Iterable) else ()


def _identifiers(data: Any) -> Any:
    if not isinstance(data, dict):
        return {}
    kept = {}
    for name, value in data.items():
        if isinstance(value, dict):
            inner = _identifiers(value)
            if inner:
                kept[name] = inner
        elif name in _IDENTIFIERS and isinstance(value, str | int):
            kept[name] = value
    return kept
