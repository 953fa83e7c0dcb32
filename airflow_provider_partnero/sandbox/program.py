"""The programme that the token belongs to: what ``GET /program`` tells of it, and which events its type offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_partnero.sandbox.profiles import Profile

# Documented by noun. No page says which types have rewards, so all have them here.
_NOUNS: Mapping[str, frozenset[str]] = {
    "Affiliate": frozenset({"partner", "customer", "transaction", "lead", "reward"}),
    "Referral": frozenset({"customer", "transaction", "reward"}),
    "Newsletter": frozenset({"subscriber", "reward"}),
}


@dataclass(frozen=True, slots=True)
class SandboxProgram:
    """A programme's own fields; its type is a switch of the profile."""

    name: str = "Demo programme"
    public_id: str = "DEMO1234"


def program_body(program: SandboxProgram, profile: Profile) -> dict[str, Any]:
    """The body of ``GET /program`` in the profile's form."""
    fields = {"name": program.name, "public_id": program.public_id, "type": profile.program_type}
    return {"data": fields if profile.program_form == "flat" else {"program": fields}, "status": 1}


def offers(profile: Profile, event: str) -> bool:
    """Whether a webhook may subscribe to an existing event; the programme's type counts if the profile says so."""
    return profile.unoffered_events == "accept" or event.partition(".")[0] in _NOUNS[profile.program_type]
