"""Where the peers find Partnero: an address, and a connection of Airflow's for each kind of operator."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Place:
    """A Partnero.

    :param base_url: with ``/v1``.
    :param token: the API token.
    :param partnero_conn_id: the connection of this provider.
    :param http_conn_id: the connection of Airflow's HTTP provider.
    :param timeout: seconds that a peer waits for an answer if it can be told so.
    :param given_up: is set when nobody waits for the peer any longer: then it tries nothing again.
    """

    base_url: str
    token: str
    partnero_conn_id: str
    http_conn_id: str
    timeout: float
    given_up: threading.Event

    @property
    def headers(self) -> dict[str, str]:
        """What proves to Partnero who asks."""
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def connected(base_url: str, token: str, timeout: float = 30.0) -> Iterator[Place]:
    """A place with connections of its own."""
    number = next(_numbers)
    place = Place(base_url, token, f"partnero_{number}", f"http_{number}", timeout, threading.Event())
    ours = {"conn_type": "partnero", "password": token, "host": base_url, "extra": {"timeout": timeout}}
    own = {"conn_type": "http", "host": base_url, "extra": place.headers}
    variables = {
        f"AIRFLOW_CONN_{place.partnero_conn_id.upper()}": json.dumps(ours),
        f"AIRFLOW_CONN_{place.http_conn_id.upper()}": json.dumps(own),
    }
    os.environ |= variables
    try:
        yield place
    finally:
        place.given_up.set()
        for name in variables:
            del os.environ[name]


def import_peers() -> None:
    """Import what the peers import when they are first called, so that no call is longer for it.

    Airflow cannot be imported by two threads at once.
    """
    for module in (
        "airflow.configuration",
        "airflow.providers.http.operators.http",
        "airflow_provider_partnero.hooks.partnero",
        "airflow_provider_partnero.operators.partnero",
        "httpx",
        "partnero",
        "requests",
        "tenacity",
    ):
        importlib.import_module(module)


def task_context() -> Any:
    """What operators use of a task's context, of a task that has not run before."""
    ti = SimpleNamespace(
        dag_id="dag",
        task_id="task",
        run_id=f"run {next(_numbers)}",
        map_index=-1,
        try_number=1,
        xcom_push=lambda key, value: None,
    )
    return {"ti": ti, "outlet_events": {}}


def forget_secrets() -> None:
    """Empty Airflow's masker: a task has a process of its own, and hundreds of tasks in one would slow it down."""
    if masker := sys.modules.get("airflow.sdk._shared.secrets_masker.secrets_masker"):
        masker.reset_secrets_masker()
