"""The page as Airflow serves it, and people with different rights who look at it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.e2e.waiting import wait_for

RIGHTS: dict[str, set[str]] = {
    "nobody": set(),
    "reader": {"read connections"},
    "seer": {"read connections", "read assets", "read dags"},
    "editor": {"read connections", "edit connections", "read dags"},
    "owner": {"read connections", "edit connections", "read assets", "read dags"},
}
PAGE = "/partnero/page/partnero_default"
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


class Doorkeeper(SimpleAuthManager):
    """Airflow's simple auth manager, with rights that its roles cannot tell apart."""

    def is_authorized_connection(self, *, method: str, user: Any, details: Any = None) -> bool:
        """By name."""
        return f"{'read' if method == 'GET' else 'edit'} connections" in RIGHTS[user.get_name()]

    def is_authorized_asset(self, *, method: str, user: Any, details: Any = None) -> bool:
        """By name."""
        return "read assets" in RIGHTS[user.get_name()]

    def is_authorized_dag(
        self,
        *,
        method: str,
        user: Any,
        access_entity: Any = None,
        details: Any = None,
    ) -> bool:
        """By name."""
        return "read dags" in RIGHTS[user.get_name()]


@contextmanager
def page_served() -> Iterator[TestClient]:
    """A client of the page's app; asks as nobody who is logged in."""
    with page_mounted() as server, TestClient(server, follow_redirects=False) as client:
        yield client


@contextmanager
def page_mounted() -> Iterator[FastAPI]:
    """The page's app, mounted as Airflow mounts it."""
    from airflow.api_fastapi import app as airflow_app

    from airflow_provider_partnero.plugin.app import new_app

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", f"{__name__}.Doorkeeper")
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of the tests " * 4)
        airflow_app.purge_cached_app()
        server = FastAPI()
        airflow_app.init_auth_manager(server)
        server.mount("/partnero", new_app())
        yield server
        airflow_app.purge_cached_app()


@contextmanager
def answering(app: FastAPI) -> Iterator[str]:
    """Where an app answers over HTTP, for a browser."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait_for(lambda: server.started, "the page's server")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


def token(name: str) -> str:
    """What somebody shows who is logged in."""
    from airflow.api_fastapi.app import get_auth_manager

    user = SimpleAuthManagerUser(username=name, role="VIEWER")
    return str(get_auth_manager().generate_jwt(user))


def cookie(name: str) -> dict[str, str]:
    """The headers of a browser in which somebody is logged in."""
    return {"cookie": f"_token={token(name)}", "accept": "text/html"}
