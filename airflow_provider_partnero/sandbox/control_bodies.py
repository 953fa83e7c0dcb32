"""What the control is sent, where it is neither a :class:`Fault` nor a :class:`Profile`; unknown fields are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from airflow_provider_partnero.sandbox.profiles import Profile

_STRICT = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Reset:
    """``profile``: the one from now on; the one in force stays when it is missing."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class Seed:
    """How many webhooks to add, and what their names start with."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    count: Annotated[int, Field(ge=0, le=1_000_000)]
    prefix: str = "Webhook"


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Webhooks to add as they are."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    webhooks: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Seconds:
    """A duration."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    seconds: Annotated[float, Field(ge=0, le=86_400)]


@dataclass(frozen=True, slots=True)
class ByChance:
    """The seed of the faults by chance, and the share of requests that meet one."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    seed: int
    rate: Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Event:
    """An event; without ``data`` it gets some that suits it."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    event: str
    data: Any = None
    wait: bool = True
