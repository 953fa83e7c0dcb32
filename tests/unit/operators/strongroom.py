"""A place that takes signing secrets, for the tests of ``secret_to``: a function as users write one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any

from airflow.sdk import task

PATH = __name__

taken: list[tuple[str, str]] = []
failures: list[BaseException | Callable[[str], BaseException]] = []
"""What the next calls of :func:`store` raise instead of storing."""

NUMBER = 5


def store(key: str, secret: str) -> None:
    """Take a secret, unless there are failures left."""
    if failures:
        failure = failures.pop(0)
        raise failure if isinstance(failure, BaseException) else failure(secret)
    taken.append((key, secret))


def grab(key: str, *, secret: str) -> None:
    """Two arguments, but not as it is called."""


async def wait(key: str, secret: str) -> None:
    """Would have to be awaited."""


def steps(key: str, secret: str) -> Iterator[str]:
    """Would have to be iterated."""
    yield key + secret


async def async_steps(key: str, secret: str) -> AsyncIterator[str]:
    """Would have to be iterated, too."""
    yield key + secret


@task
def as_task(key: str, secret: str) -> None:
    """Would have to be scheduled."""


def _hidden(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any) -> Coroutine[Any, Any, None]:
        made: Coroutine[Any, Any, None] = function(*arguments)
        return made

    return call


wait_hidden = _hidden(wait)
