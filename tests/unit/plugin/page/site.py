"""The page as a browser meets it: mounted below Airflow, with Airflow's own login."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from airflow_provider_partnero.plugin.app import _with_login
from airflow_provider_partnero.plugin.receiver.settings import receiver_settings
from airflow_provider_partnero.plugin.status import ReceiverStatus

PAGE = "/partnero/page"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


class Site:
    """An API server that has nothing but the page.

    :param base_path: that Airflow is served at.
    :param client: sends requests to it, with whatever cookie is set.
    :param routes: of the page: (method, path).
    """

    def __init__(self, base_path: str = "") -> None:
        settings = receiver_settings()
        self.app = _with_login(ReceiverStatus(settings, Counter()), settings)
        server = FastAPI(root_path=base_path)
        server.mount("/partnero", self.app)
        self._base = base_path
        self.client = TestClient(server, base_url="http://airflow.example", follow_redirects=False)

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Method and path of each route, below the mount."""
        found = []
        for route in self.app.routes:
            methods: Any = getattr(route, "methods", None) or {"GET"}
            found += [(method, str(getattr(route, "path", ""))) for method in sorted(methods)]
        return found

    def log_in(self, role: str | None) -> None:
        """As somebody with this role of Airflow's simple auth manager; None: log out."""
        from airflow.api_fastapi.app import create_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        self.client.cookies.clear()
        if role is not None:
            manager: Any = create_auth_manager()
            user = SimpleAuthManagerUser(username=role.lower(), role=role)
            self.client.cookies.set("_token", manager.generate_jwt(user), domain="airflow.example")

    def get(self, path: str) -> Any:
        """What a browser gets."""
        return self.client.get(f"{self._base}{PAGE}{path}", headers=BROWSER)

    def view(self, view: str, conn_id: str = "partnero_default") -> Any:
        """One view of a connection, with what it is asked."""
        return self.get(f"/{conn_id}/{view}")

    def post(self, path: str, data: dict[str, str], **headers: str) -> Any:
        """A form that a browser sends."""
        return self.client.post(f"{self._base}{PAGE}{path}", data=data, headers=BROWSER | headers)
