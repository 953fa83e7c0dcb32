"""What two plans have in common: a digest for each write, and one for all of them.

A digest tells nothing of a URL's secrets: they go into it sealed, see :meth:`PartneroClient.seal`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.redaction import redact_url
from airflow_provider_partnero.api.specs import FieldValue, WebhookSpec
from airflow_provider_partnero.webhooks.actions import Action

Seal = Callable[[str], str]

# Of the two digests of a step, in hex. Plans are handed on with both, and may have 10,000 steps. The first decides what
# is written; the second only whether that has happened.
_DIGITS = 16
_EFFECT_DIGITS = 10
_STEP_BYTES = (_DIGITS + _EFFECT_DIGITS) // 2 + 1


def sealed_by_nobody(text: str) -> str:
    """A digest, for plans that are not shown to anybody."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One write of a plan, as digests.

    :param write: of what is written: the kind, the key, the name, and each field's old and new value.
    :param effect: of what is there afterwards, so that it can be recognised once it is done.
    """

    write: str
    effect: str

    @classmethod
    def of(cls, action: Action, seal: Seal) -> Step:
        """The step of a create, an update or a delete."""
        changes = [
            [change.field, _plain(change.field, change.old, seal), _plain(change.field, change.new, seal)]
            for change in sorted(action.changes, key=lambda change: change.field)
        ]
        before = _content(action.webhook, seal) if action.kind == "delete" and action.webhook else None
        after = _content(action.spec, seal) if action.spec else None
        write = [action.kind, action.key, action.name, changes, before, after]
        live_key = action.webhook.key if action.webhook else None
        effect = made(action.spec, live_key, seal) if action.spec else gone(live_key or "")
        return cls(_digest(write, _DIGITS), effect)

    @classmethod
    def unpack(cls, packed: bytes) -> Step:
        """The step that :attr:`packed` holds."""
        write, sign, effect = packed[: _DIGITS // 2], packed[_DIGITS // 2], packed[_DIGITS // 2 + 1 :]
        return cls(write.hex(), f"{chr(sign)}{effect.hex()}")

    @property
    def packed(self) -> bytes:
        """Both digests in few bytes."""
        return bytes.fromhex(self.write) + self.effect[:1].encode() + bytes.fromhex(self.effect[1:])

    @property
    def is_delete(self) -> bool:
        """Whether it deletes a webhook."""
        return self.effect.startswith("-")

    def __str__(self) -> str:
        return f"{self.write}:{self.effect}"


def gone(key: str) -> str:
    """The effect of deleting a webhook."""
    return f"-{_digest(key, _EFFECT_DIGITS)}"


def made(spec: WebhookSpec, key: str | None, seal: Seal) -> str:
    """The effect of an update of the webhook with this key; or of a create, whose key nobody knows before."""
    return f"={_digest([key, _content(spec, seal)], _EFFECT_DIGITS)}"


def fingerprint(steps: Iterable[Step]) -> str:
    """SHA-256, in hex, over the steps, in whatever order they come."""
    return hashlib.sha256("\n".join(sorted(map(str, steps))).encode()).hexdigest()


def packed(steps: Iterable[Step]) -> str:
    """Steps as one text, 19 characters each; empty without steps."""
    return base64.b64encode(b"".join(step.packed for step in steps)).decode()


def unpacked(text: str) -> tuple[Step, ...]:
    """The steps that :func:`packed` wrote.

    :raises ValueError: it is anything else.
    """
    whole = base64.b64decode(text, validate=True)
    if len(whole) % _STEP_BYTES:
        raise ValueError(f"{len(whole)} bytes, which are no steps of {_STEP_BYTES}")
    return tuple(Step.unpack(whole[at : at + _STEP_BYTES]) for at in range(0, len(whole), _STEP_BYTES))


def _content(subject: WebhookSpec | Webhook, seal: Seal) -> list[Any]:
    return [
        subject.name,
        _plain("url", subject.url, seal),
        sorted(set(map(str, subject.events))),
        subject.is_active,
    ]


def _plain(field: str, value: FieldValue, seal: Seal) -> Any:
    if isinstance(value, tuple):
        return sorted(set(map(str, value)))
    if field != "url" or isinstance(value, bool):
        return value
    shown = redact_url(value)
    return shown if shown == value else [shown, seal(value)]


def _digest(value: Any, digits: int) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:digits]
