"""Which page of the list a request asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.validation import Complaints

LEAST_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Window:
    """One page of at most ``limit`` items; ``page`` counts from 1."""

    limit: int
    page: int

    @property
    def start(self) -> int:
        """How many items come before it."""
        return (self.page - 1) * self.limit


def list_parameters(query: Mapping[str, str], content_type: str, body: object) -> dict[str, Any]:
    """The parameters of a GET: those of its query, and before them those of a JSON body, as Laravel reads both (seen).

    The PHP SDK sends ``limit`` and ``page`` only in the body.

    :param body: the body if it was JSON, otherwise None.
    """
    is_json = "/json" in content_type or "+json" in content_type
    return {**query, **(body if is_json and isinstance(body, dict) else {})}


def asked_window(parameters: Mapping[str, Any], profile: Profile) -> tuple[Window, Complaints]:
    """The page that parameters ask for, and the complaints about them (none if the profile clamps).

    Documented: ``limit`` is 10 to 100 and 10 by default, ``page`` is 1 by default.
    """
    complaints: Complaints = {}
    limit = _whole_number("limit", parameters, LEAST_LIMIT, LEAST_LIMIT, profile.max_limit, complaints)
    page = _whole_number("page", parameters, 1, 1, None, complaints)
    return Window(limit, page), complaints if profile.limit_out_of_range == "422" else {}


def _whole_number(
    name: str, parameters: Mapping[str, Any], default: int, least: int, most: int | None, complaints: Complaints
) -> int:
    text = _text(parameters.get(name))
    if not text:
        return default
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        complaints[name] = [f"The {name} field must be an integer."]
        return default
    value = int(text)
    if value < least:
        complaints[name] = [f"The {name} field must be at least {least}."]
        return least
    if most is not None and value > most:
        complaints[name] = [f"The {name} field must not be greater than {most}."]
        return most
    return value


def _text(value: object) -> str:
    """A parameter as PHP would turn it into text."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
