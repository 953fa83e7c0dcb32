"""Where in the text of a declaration file the webhooks are declared."""

from __future__ import annotations

from airflow_provider_partnero.api.places import EntryPlaces, Place
from airflow_provider_partnero.webhooks.json_text import parse_json
from airflow_provider_partnero.webhooks.yaml_text import parse_yaml

__all__ = ["EntryPlaces", "Place", "places_in"]


def places_in(text: str) -> tuple[EntryPlaces, ...]:
    """The places of the declared webhooks in a YAML or JSON text, in their order; empty if they cannot be found."""
    for parse in (parse_json, parse_yaml):
        try:
            return parse(text)[1].entries
        except (ValueError, RecursionError):
            continue
    return ()
