"""The values that Partnero's API deals in: webhooks and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_provider_partnero.api.errors import PartneroResponseError
from airflow_provider_partnero.api.fields import MISSING, READERS, is_as_documented, kind_of


class WebhookEvent(StrEnum):
    """The documented events. New ones will come: every parameter that takes events takes plain strings too.

    Source: the specification's "Available events" (the first eight) and Partnero's public pages (the others).
    """

    PARTNER_CREATED = "partner.created"
    PARTNER_UPDATED = "partner.updated"
    PARTNER_DELETED = "partner.deleted"
    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_UPDATED = "customer.updated"
    CUSTOMER_DELETED = "customer.deleted"
    TRANSACTION_CREATED = "transaction.created"
    TRANSACTION_DELETED = "transaction.deleted"
    PARTNER_APPROVED = "partner.approved"
    PARTNER_REJECTED = "partner.rejected"
    PARTNER_ARCHIVED = "partner.archived"
    CUSTOMER_CREDITED = "customer.credited"
    CUSTOMER_REWARDED = "customer.rewarded"
    LEAD_SUBMITTED = "lead.submitted"
    LEAD_CONVERTED = "lead.converted"
    LEAD_REJECTED = "lead.rejected"
    SUBSCRIBER_CREATED = "subscriber.created"
    SUBSCRIBER_UPDATED = "subscriber.updated"
    SUBSCRIBER_DELETED = "subscriber.deleted"
    SUBSCRIBER_REWARDED = "subscriber.rewarded"
    TRANSACTION_UPDATED = "transaction.updated"
    REWARD_CREATED = "reward.created"
    REWARD_APPROVED = "reward.approved"
    REWARD_PAID = "reward.paid"


class Secret(str):
    """A text that ``repr`` hides, since some tracebacks print local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook as Partnero holds it.

    :param key: Partnero's id of the webhook; empty if a row of the list has none, so that no call can name it.
    :param name: its name; several webhooks may have the same name.
    :param url: where events are delivered.
    :param is_active: whether events are delivered.
    :param events: the events it subscribes to, in Partnero's order.
    :param signature: the secret that signs the deliveries; left out of ``repr`` and of :meth:`to_dict`.
    :param unknown: fields of the answer that this version does not know.
    :param oddities: what Partnero wrote otherwise than its documentation says, such as ``"name is null"``; no values.
    :param unreadable: names of the fields that could not be read. They hold an empty value, which says nothing.
    """

    key: str
    name: str
    url: str
    is_active: bool
    events: tuple[str, ...]
    signature: str | None = field(default=None, repr=False)
    unknown: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    oddities: tuple[str, ...] = field(default=(), compare=False)
    unreadable: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @classmethod
    def from_api(cls, data: object) -> Webhook:
        """The webhook in one ``data`` object of an answer. An odd field is read as far as it goes, and marked.

        :raises PartneroResponseError: it is no object, or has no key.
        """
        if not isinstance(data, dict):
            raise PartneroResponseError(f"a webhook in the answer is not an object but {kind_of(data)}")
        webhook = cls.from_row(data)
        if not webhook.key:
            raise PartneroResponseError(f"a webhook in the answer cannot be told from others: {webhook.oddities[0]}")
        return webhook

    @classmethod
    def from_row(cls, row: object) -> Webhook:
        """The webhook in one row of the list. It never raises: whatever a row holds, the others can be read."""
        if not isinstance(row, dict):
            return cls("", "", "", False, (), oddities=(f"it is {kind_of(row)}",), unreadable=frozenset(READERS))
        if is_as_documented(row):
            unknown = {} if len(row) == len(READERS) else _unknown(row)
            events = tuple(row["events"])
            return cls(row["key"], row["name"], row["url"], row["is_active"], events, Secret(row["signature"]), unknown)
        values = {name: read(row[name]) if name in row else MISSING for name, read in READERS.items()}
        signature = values["signature"].value
        return cls(
            key=values["key"].value or "",
            name=values["name"].value or "",
            url=values["url"].value or "",
            is_active=values["is_active"].value or False,
            events=values["events"].value or (),
            signature=None if signature is None else Secret(signature),
            unknown=_unknown(row),
            oddities=tuple(f"{name} {value.oddity}" for name, value in values.items() if value.oddity),
            unreadable=frozenset(name for name, value in values.items() if value.is_unreadable),
        )

    def to_dict(self, *, include_signature: bool = False) -> dict[str, Any]:
        """Plain JSON of the webhook: ``key, name, url, is_active, events`` (a list), without the signing secret.

        An odd webhook has ``oddities`` (a list) as well.

        :param include_signature: add ``signature``; then take care where the secret ends up.
        """
        plain: dict[str, Any] = {
            "key": self.key,
            "name": self.name,
            "url": self.url,
            "is_active": self.is_active,
            "events": list(self.events),
        }
        if self.oddities:
            plain["oddities"] = list(self.oddities)
        if include_signature:
            plain["signature"] = None if self.signature is None else str(self.signature)  # plain text, not a Secret
        return plain

    def serialize(self) -> dict[str, Any]:
        """The fields that Airflow stores if a TaskFlow task returns a webhook: not the secret."""
        return {**self.to_dict(), "unreadable": sorted(self.unreadable)} if self.unreadable else self.to_dict()

    @classmethod
    def deserialize(cls, data: dict[str, Any], version: int) -> Webhook:  # noqa: ARG003
        """The counterpart of :meth:`serialize`; its ``signature`` is None."""
        return cls(
            key=data["key"],
            name=data["name"],
            url=data["url"],
            is_active=data["is_active"],
            events=tuple(data["events"]),
            oddities=tuple(data.get("oddities", ())),
            unreadable=frozenset(data.get("unreadable", ())),
        )


def _unknown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in READERS}
