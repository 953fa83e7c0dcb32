"""The servers that the distributed Airflows need: started by the tests, thrown away after them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import nginx
from tests.e2e.conftest import mariadb, postgres

from . import redis

__all__ = ["mariadb", "postgres"]  # pytest finds them here


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Redis of the tests' own."""
    program = redis.binary()
    if program is None:
        pytest.skip(redis.HOW_TO_START)
    with redis.running(program, tmp_path_factory.mktemp("redis") / "redis") as url:
        yield url


@pytest.fixture(scope="session")
def nginx_program() -> str:
    """Where nginx is."""
    program = nginx.binary()
    if program is None:
        pytest.skip(nginx.HOW_TO_START)
    return program
