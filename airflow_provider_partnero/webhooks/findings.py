"""What an audit finds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_provider_partnero.webhooks.texts import visible_start

_LONGEST = 200  # characters of a key or a name in plain JSON, which may go to XCom


class Severity(StrEnum):
    """How bad a finding is: an error loses, duplicates or leaks events; a warning is probably a mistake."""

    ERROR = "error"
    WARNING = "warning"

    @property
    def place(self) -> int:
        """Its place in a list that begins with the worst, from 0."""
        return _PLACES[self]


_PLACES = {severity: place for place, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in words that never hold a signing secret or a secret of a URL.

    :param rule: id of the rule, such as ``"PW001"``.
    :param severity: the rule's severity.
    :param key: the webhook's key; None if the finding is not about one webhook.
    :param name: the webhook's live or declared name; None if the finding is not about one webhook.
    :param words: what is wrong and what to do, in one line.
    :param subject: what distinguishes it from other findings of the rule about the same webhook, such as an event.
    """

    rule: str
    severity: Severity
    key: str | None
    name: str | None
    words: str
    subject: str = field(default="", repr=False)

    @property
    def fingerprint(self) -> str:
        """12 hex digits over rule, webhook and subject: the same whenever the same is found, in whatever words."""
        identity = json.dumps([self.rule, self.key or self.name, self.subject])
        return hashlib.sha256(identity.encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: ``{"rule", "severity", "key", "name", "words"}``, with invisible characters written out.

        Key and name are cut to 200 characters.
        """
        return {
            "rule": self.rule,
            "severity": str(self.severity),
            "key": None if self.key is None else visible_start(self.key, _LONGEST),
            "name": None if self.name is None else visible_start(self.name, _LONGEST),
            "words": self.words,
        }
