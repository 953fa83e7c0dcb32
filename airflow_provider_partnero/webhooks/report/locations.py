"""Where in a declaration file a finding belongs, so that a pull request shows it at the webhook it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.webhooks.matching import match
from airflow_provider_partnero.webhooks.places import EntryPlaces, Place, places_in

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.findings import Finding

_TOP = Place(1, 1)

# The field that a rule's findings are about. A rule that is not here is about the webhook as a whole.
_FIELDS = {
    "PW001": "is_active",
    "PW002": "url",
    "PW003": "events",
    "PW004": "events",
    "PW005": "url",
    "PW007": "events",
    "PW011": "url",
    "PW012": "url",
    "PW013": "url",
    "PW018": "url",
    "PW019": "url",
    "PW020": "events",
}
_DRIFTED = "PW010"  # its subject has the names of the fields


@dataclass(frozen=True, slots=True)
class DeclarationPlaces:
    """A declaration file and where in it the webhooks of an audit are declared.

    :param path: the file's path, best relative to the repository's root.
    :param live: the place of each live webhook that is declared, by its key and name.
    :param missing: the place of each declared webhook that Partnero does not have, by its name.
    """

    path: str
    live: Mapping[tuple[str, str], EntryPlaces]
    missing: Mapping[str, EntryPlaces]

    def place_of(self, finding: Finding) -> Place:
        """Where the field that the finding is about is declared; else where its webhook is; else the file's top."""
        entry = self._entry_of(finding)
        if entry is None:
            return _TOP
        field = finding.subject.partition(" ")[0] if finding.rule == _DRIFTED else _FIELDS.get(finding.rule, "")
        return entry.names.get(field, entry.start)

    def _entry_of(self, finding: Finding) -> EntryPlaces | None:
        if finding.name is None:
            return None
        if finding.key is None:
            return self.missing.get(finding.name)
        return self.live.get((finding.key, finding.name))


def declaration_places(
    path: str, text: str, declared: Iterable[WebhookSpec], webhooks: Iterable[Webhook]
) -> DeclarationPlaces:
    """Where the text of a declaration file declares which webhook.

    :param path: the file's path, best relative to the repository's root.
    :param text: the file's text, YAML or JSON.
    :param declared: the webhooks that the text declares, in its order.
    :param webhooks: all live webhooks.
    :raises PlanError: two declared webhooks have the same name or key.
    """
    declared = tuple(declared)
    entries = dict(zip(map(_identity, declared), places_in(text), strict=False))
    matching = match(declared, webhooks)
    live = [*matching.pairs, *((spec, one) for spec, namesakes in matching.ambiguous for one in namesakes)]
    return DeclarationPlaces(
        path=path,
        live={(one.key, one.name): entries[_identity(spec)] for spec, one in live if _identity(spec) in entries},
        missing={spec.name: entries[_identity(spec)] for spec in matching.missing if _identity(spec) in entries},
    )


def _identity(spec: WebhookSpec) -> tuple[str, str | None]:
    """What tells two declared webhooks apart, whatever stands in for a hidden part of the URL."""
    return spec.name, spec.key
