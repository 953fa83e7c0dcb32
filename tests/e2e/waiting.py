"""Waiting for something to become true. The patience bounds a hang; no test depends on how fast the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
import requests

T = TypeVar("T")

PATIENCE = 600.0  # seconds
HTTP_PATIENCE = 120.0  # seconds, for one answer


def wait_for(
    condition: Callable[[], T], what: str, state: Callable[[], object] | None = None, patience: float = PATIENCE
) -> T:
    """What the condition returns once it is true.

    :param what: what is waited for, as the message says it when it was in vain.
    :param state: tells how things stand then; what the condition returned last, when it is left out.
    :param patience: seconds.
    """
    deadline = time.monotonic() + patience
    while not (result := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {patience:g} s in vain for {what}; the state: {state() if state else result}")
        time.sleep(0.25)
    return result


def wait_until_up(address: str, check: Callable[[], object] = lambda: None) -> None:
    """Wait until an API server answers.

    :param check: called between the tries; may raise.
    """

    def is_up() -> bool:
        check()
        try:
            return requests.get(f"{address}/api/v2/version", timeout=HTTP_PATIENCE).ok
        except requests.RequestException:
            return False

    wait_for(is_up, f"an API server at {address}")


def answer_of(method: str, url: str, **options: Any) -> requests.Response:
    """One request's answer, however long the machine takes for it."""
    return requests.request(method, url, timeout=HTTP_PATIENCE, **options)
