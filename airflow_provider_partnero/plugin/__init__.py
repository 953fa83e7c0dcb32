"""The Airflow plugin: Partnero's deliveries become asset events. Found through the ``airflow.plugins`` entry point.

Every Airflow process imports this module, so it imports nothing: the FastAPI app is built on the first request, and
requests reach the API server only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

URL_PREFIX = "/partnero"


class LateApp:
    """An ASGI app that is built when it is first called."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if self._app is None:
            from airflow_provider_partnero.plugin.app import new_app

            self._app = new_app()
        await self._app(scope, receive, send)


class PartneroPlugin(AirflowPlugin):
    """Mounts :mod:`airflow_provider_partnero.plugin.app` at ``/partnero``."""

    name = "partnero"
    fastapi_apps: list[Any] = [{"app": LateApp(), "url_prefix": URL_PREFIX, "name": "Partnero"}]  # noqa: RUF012
