"""A delivery of Partnero: read from the raw body, or from the ``extra`` of an asset event."""

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

_DEEPEST = 64  # levels of nesting; readers of asset events fail on more
_LONGEST_NAME = 200  # characters of an event or a key; an asset's URI has room for 1,500
_IDENTIFIERS = frozenset({"id", "key", "uuid"})


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
    :param url: the URL that it was delivered to; None unless ``[partnero] store`` keeps it.
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
        return UnverifiedDelivery.of(body).delivery()

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
        """The part of the delivery to keep, as plain JSON.

        :param store: ``full`` keeps everything. ``data-keys`` keeps the envelope, the identifiers in ``data`` (``id``,
            ``key`` and ``uuid``, also in nested objects, but not in lists), and the names of its fields as
            ``data_fields``. ``ids`` keeps the envelope without ``url``, and nothing of ``data``.
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
        """``created_at`` as a time in UTC; None if it is missing or not a time."""
        try:
            moment = datetime.fromisoformat(self.created_at or "")
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class UnverifiedDelivery:
    """A body whose signature is not checked yet. Only the fields that the check needs have been looked at.

    :param body: the raw body.
    :param event: as in :class:`PartneroDelivery`.
    :param webhook_key: the webhook that it claims to come from.
    """

    body: bytes = field(repr=False)
    event: str
    webhook_key: str
    _fields: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: bytes) -> UnverifiedDelivery:
        """The delivery in a raw body.

        :raises MalformedDeliveryError: it is not a JSON object with ``event`` and ``webhook_key``.
        """
        fields = _parse(body)
        return cls(body, _required_name(fields, "event"), _required_name(fields, "webhook_key"), fields)

    def delivery(self) -> PartneroDelivery:
        """The delivery in the body; slow if ``data`` is large.

        :raises MalformedDeliveryError: it is nested too deeply.
        """
        created_at, url = (_to_storable(self._fields.get(name), 1) for name in ("created_at", "url"))
        return PartneroDelivery(
            delivery_id=hashlib.sha256(self.body).hexdigest(),
            event=self.event,
            webhook_key=self.webhook_key,
            created_at=created_at if isinstance(created_at, str) else None,
            url=url if isinstance(url, str) else None,
            data=_to_storable(self._fields.get("data"), 1),
        )


def _parse(body: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(body.decode(), parse_constant=_refuse_constant, parse_float=_parse_finite)
    except UnicodeDecodeError:
        raise MalformedDeliveryError("the body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise MalformedDeliveryError("the body is not JSON") from None
    if not isinstance(envelope, dict):
        raise MalformedDeliveryError("the body is not a JSON object")
    return envelope


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(constant)


def _parse_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _to_storable(value: Any, depth: int) -> Any:
    """The value in a form that every database can store: lone surrogates and NUL become U+FFFD."""
    if isinstance(value, str):
        return _to_storable_text(value)
    if depth > _DEEPEST and isinstance(value, dict | list):
        raise MalformedDeliveryError(f"the body is nested deeper than {_DEEPEST} levels")
    if isinstance(value, dict):
        return {_to_storable_text(name): _to_storable(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_to_storable(item, depth + 1) for item in value]
    return value


def _to_storable_text(text: str) -> str:
    if text.isascii():
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    repaired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return repaired.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _required_name(envelope: Mapping[str, Any], field_name: str) -> str:
    name = _to_storable(envelope.get(field_name), 1)
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
