"""The bodies of requests to the control API, other than :class:`Fault` and :class:`Profile`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from airflow_provider_partnero.sandbox.profiles import Profile


class _Body:
    """A body with an unknown field is refused."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Reset(_Body):
    """The new profile; without one, the current profile stays."""

    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class Seed(_Body):
    """How many webhooks to add, and how their names start."""

    count: Annotated[int, Field(ge=0, le=1_000_000)]
    prefix: str = "Webhook"


@dataclass(frozen=True, slots=True)
class Webhooks(_Body):
    """Webhooks to add without validation; if they are ``whole``, nothing is filled in."""

    webhooks: list[dict[str, Any]]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Seconds(_Body):
    """A duration."""

    seconds: Annotated[float, Field(ge=0, le=86_400)]


@dataclass(frozen=True, slots=True)
class Limit(_Body):
    """How many requests a window of so many seconds admits; without a number there is no limit."""

    requests: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0


@dataclass(frozen=True, slots=True)
class ByChance(_Body):
    """The seed of faults by chance, and the share of requests that meet one."""

    seed: int
    rate: Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Event(_Body):
    """An event to deliver; without ``data`` it gets a sample."""

    event: str
    data: Any = None
    wait: bool = True
