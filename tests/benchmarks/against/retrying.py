"""tenacity as the guide of Airflow's HTTP provider shows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from .places import Place

T = TypeVar("T")


def advice(place: Place) -> dict[str, Any]:
    """``retry_args``: ten tries, waits of 1, 2, 4 s and so on."""
    import tenacity

    return {
        "wait": tenacity.wait_exponential(),
        "stop": tenacity.stop_any(tenacity.stop_after_attempt(10), tenacity.stop_when_event_set(place.given_up)),
        "retry": tenacity.retry_if_exception_type(Exception),
        "reraise": True,
    }


def tenaciously(place: Place, call: Callable[[], T]) -> T:
    """Call until it succeeds."""
    import tenacity

    return tenacity.Retrying(**advice(place))(call)


async def tenaciously_awaited(place: Place, call: Callable[[], Awaitable[T]]) -> T:
    """The same, of a coroutine."""
    import tenacity

    async def awaited() -> T:
        return await call()

    return await tenacity.AsyncRetrying(**advice(place))(awaited)
