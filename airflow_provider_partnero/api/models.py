"""The values that Partnero's API deals in: webhooks and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_provider_partnero.api.errors import PartneroResponseError


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

    :param key: Partnero's id of the webhook.
    :param name: its name; several webhooks may have the same name.
    :param url: where events are delivered.
    :param is_active: whether events are delivered.
    :param events: the events it subscribes to, in Partnero's order.
    :param signature: the secret that signs the deliveries; left out of ``repr`` and of :meth:`to_dict`.
    :param unknown: fields of the answer that this version does not know.
    """

    key: str
    name: str
    url: str
    is_active: bool
    events: tuple[str, ...]
    signature: str | None = field(default=None, repr=False)
    unknown: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_api(cls, data: object) -> Webhook:
        """The webhook in one ``data`` object of an answer.

        :raises PartneroResponseError: a field is missing or of the wrong type; the message names the field only.
        """
        if not isinstance(data, dict):
            raise PartneroResponseError(f"a webhook in the answer is not an object but {type(data).__name__}")
        for name in ("key", "name", "url"):
            if not isinstance(data.get(name), str):
                raise PartneroResponseError(f"a webhook in the answer has no text in its field {name!r}")
        # PHP may write a boolean as 0 or 1, an empty list as null, and a list with gaps as {"0": ..., "2": ...}.
        if data.get("is_active") not in (True, False):
            raise PartneroResponseError(f"webhook {data['key']!r} has no boolean in its field 'is_active'")
        events = data.get("events") or ()
        if isinstance(events, dict):
            events = tuple(events.values())
        if not isinstance(events, list | tuple) or not all(isinstance(event, str) for event in events):
            raise PartneroResponseError(f"webhook {data['key']!r} has no list of texts in its field 'events'")
        signature = data.get("signature")
        return cls(
            key=data["key"],
            name=data["name"],
            url=data["url"],
            is_active=bool(data["is_active"]),
            events=tuple(events),
            signature=Secret(signature) if isinstance(signature, str) else None,
            unknown={name: value for name, value in data.items() if name not in _KNOWN},
        )

    def to_dict(self, *, include_signature: bool = False) -> dict[str, Any]:
        """Plain JSON of the webhook: ``key, name, url, is_active, events`` (a list), without the signing secret.

        :param include_signature: add ``signature``; then take care where the secret ends up.
        """
        plain: dict[str, Any] = {
            "key": self.key,
            "name": self.name,
            "url": self.url,
            "is_active": self.is_active,
            "events": list(self.events),
        }
        if include_signature:
            plain["signature"] = None if self.signature is None else str(self.signature)  # plain text, not a Secret
        return plain

    def serialize(self) -> dict[str, Any]:
        """The fields that Airflow stores if a TaskFlow task returns a webhook: not the secret."""
        return self.to_dict()

    @classmethod
    def deserialize(cls, data: dict[str, Any], version: int) -> Webhook:  # noqa: ARG003
        """The counterpart of :meth:`serialize`; its ``signature`` is None."""
        return cls.from_api(data)


_KNOWN = frozenset({"key", "name", "url", "is_active", "events", "signature"})
