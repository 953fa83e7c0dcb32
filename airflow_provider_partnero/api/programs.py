"""The programme that a token belongs to. Partnero's API spells it "program"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Partnero's public pages: which type of programme has which events, by noun. No page says which types have rewards.
_OFFERED: Mapping[str, frozenset[str]] = {
    "affiliate": frozenset({"partner", "customer", "transaction", "lead"}),
    "referral": frozenset({"customer", "transaction"}),
    "newsletter": frozenset({"subscriber"}),
}
_NOUNS = frozenset().union(*_OFFERED.values())


@dataclass(frozen=True, slots=True)
class Program:
    """A programme, as far as ``GET /program`` tells. What it does not tell is empty.

    :param name: its name at Partnero.
    :param public_id: Partnero's id of it, which is no secret.
    :param type: ``"Affiliate"``, ``"Referral"`` or ``"Newsletter"``; new ones may come.
    """

    name: str
    public_id: str
    type: str

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> Program | None:
        """The programme in an answer, which has it in ``data.program`` or ``data``; None if it is not there."""
        data = answer.get("data")
        fields = data.get("program", data) if isinstance(data, dict) else None
        if not isinstance(fields, dict):
            return None
        name, public_id, type_ = (_text(fields.get(field)) for field in ("name", "public_id", "type"))
        return cls(name, public_id, type_) if name or type_ else None

    def offers(self, event: str) -> bool:
        """Whether the programme's type may have this event. True if that is not known for certain."""
        noun = event.partition(".")[0]
        offered = _OFFERED.get(self.type.casefold())
        return offered is None or noun not in _NOUNS or noun in offered

    def to_dict(self) -> dict[str, str]:
        """Plain JSON: ``{"name", "public_id", "type"}``."""
        return {"name": self.name, "public_id": self.public_id, "type": self.type}


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()
