"""What Partnero delivers, as a value: out of the raw body, and out of an asset event's ``extra``."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn, get_args

Store = Literal["full", "data-keys", "ids"]
STORES: tuple[str, ...] = get_args(Store)

_DEEPEST = 64  # levels of nesting; what reads asset events later gives up on more
_LONGEST_NAME = 200  # of an event or a key; an asset's URI has 1,500
_IDENTIFIERS = frozenset({"id", "key", "uuid"})


class MalformedDeliveryError(ValueError):
    """The body is no delivery; the message says why, without showing anything of it."""


@dataclass(frozen=True, slots=True)
class PartneroDelivery:
    """One event that Partnero delivered.

    :param delivery_id: SHA-256 of the raw body, in hex: Partnero's envelope has no id of its own. The same body has
        the same id however often it arrives.
    :param event: such as ``transaction.created``.
    :param webhook_key: the webhook that delivered it.
    :param created_at: when it happened, in Partnero's words (``2025-05-07T10:30:00.000000Z``); see :meth:`moment`.
    :param url: where it was delivered to; None unless ``[partnero] store`` keeps it.
    :param data: the event's subject, as ``[partnero] store`` keeps it: all of it (``full``), its identifiers
        (``data-keys``) or None (``ids``). It may hold personal data, so ``repr`` leaves it out.

    Source: Partnero's public pages, "Deliveries".
    """

    delivery_id: str
    event: str
    webhook_key: str
    created_at: str | None
    url: str | None = None
    data: Any = field(default=None, repr=False)

    @classmethod
    def from_body(cls, body: bytes) -> PartneroDelivery:
        """The delivery in a raw body.

        :raises MalformedDeliveryError: it is not a JSON object with ``event`` and ``webhook_key``.
        """
        return Envelope.of(body).opened()

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
        )

    def to_extra(self, store: Store) -> dict[str, Any]:
        """What is kept of it, as plain JSON.

        :param store: ``full``: all. ``data-keys``: the envelope, and of ``data`` its identifiers (``id``, ``key``,
            ``uuid``, also in objects within it, not in lists) and, as ``data_fields``, the names of its fields.
            ``ids``: the envelope without ``url``, and nothing of ``data``.
        """
        kept: dict[str, Any] = {
            "delivery_id": self.delivery_id,
            "event": self.event,
            "webhook_key": self.webhook_key,
            "created_at": self.created_at,
        }
        if store == "ids":
            return kept
        kept["url"] = self.url
        if store == "full":
            return kept | {"data": self.data}
        fields = sorted(self.data) if isinstance(self.data, dict) else []
        return kept | {"data": _identifiers(self.data), "data_fields": fields}

    def moment(self) -> datetime | None:
        """``created_at`` as a time in UTC; None when it is missing or no time."""
        try:
            moment = datetime.fromisoformat(self.created_at or "")
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A body of which only what is needed to check its signature was looked at: whoever sent it may be anybody.

    :param body: the raw body.
    :param event: as in :class:`PartneroDelivery`.
    :param webhook_key: the webhook that it says it comes from.
    """

    body: bytes = field(repr=False)
    event: str
    webhook_key: str
    _fields: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: bytes) -> Envelope:
        """The envelope in a raw body.

        :raises MalformedDeliveryError: it is not a JSON object with ``event`` and ``webhook_key``.
        """
        fields = _parsed(body)
        return cls(body, _name(fields, "event"), _name(fields, "webhook_key"), fields)

    def opened(self) -> PartneroDelivery:
        """The delivery in it; takes its time when ``data`` is large.

        :raises MalformedDeliveryError: it is nested too deeply.
        """
        created_at, url = (_storable(self._fields.get(name), 1) for name in ("created_at", "url"))
        return PartneroDelivery(
            delivery_id=hashlib.sha256(self.body).hexdigest(),
            event=self.event,
            webhook_key=self.webhook_key,
            created_at=created_at if isinstance(created_at, str) else None,
            url=url if isinstance(url, str) else None,
            data=_storable(self._fields.get("data"), 1),
        )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(body.decode(), parse_constant=_refused, parse_float=_finite)
    except UnicodeDecodeError:
        raise MalformedDeliveryError("the body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise MalformedDeliveryError("the body is not JSON") from None
    if not isinstance(envelope, dict):
        raise MalformedDeliveryError("the body is not a JSON object")
    return envelope


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _storable(value: Any, depth: int) -> Any:
    """The value as any database takes it: half surrogate pairs and NUL become U+FFFD."""
    if isinstance(value, str):
        return _storable_text(value)
    if depth > _DEEPEST and isinstance(value, dict | list):
        raise MalformedDeliveryError(f"the body is nested deeper than {_DEEPEST} levels")
    if isinstance(value, dict):
        return {_storable_text(name): _storable(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item, depth + 1) for item in value]
    return value


def _storable_text(text: str) -> str:
    if text.isascii():
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return paired.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _name(envelope: Mapping[str, Any], field_name: str) -> str:
    name = _storable(envelope.get(field_name), 1)
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise MalformedDeliveryError(f"the body has no {field_name}")
    return name


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
