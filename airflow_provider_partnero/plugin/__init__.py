"""The Airflow plugin: Partnero's deliveries become asset events. Found through the ``airflow.plugins`` entry point.

Every Airflow process imports this module, so it imports nothing: the app is built when an API server starts whose
receiver is switched on, or on the first request, and only API servers have either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from airflow_provider_partnero.plugin.app import PartneroApp

URL_PREFIX = "/partnero"


class LateApp:
    """An ASGI app that is built when it is first called, or told to."""

    def __init__(self) -> None:
        self._app: PartneroApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        await self.app()(scope, receive, send)

    def app(self) -> PartneroApp:
        """The app itself."""
        if self._app is None:
            from airflow_provider_partnero.plugin.app import new_app

            self._app = new_app()
        return self._app

    def build_at_start(self, server: ASGIApp) -> ASGIApp:
        """Build the app if the receiver is not off, so that a wrong option is told when the API server starts.

        What waits for a DAG since before the start is sent from then on, too.

        Airflow takes this for a middleware, of which it makes one when an API server starts, and nowhere else.

        :returns: the API server's own app, as it is: no request comes by here.
        """
        from airflow_provider_partnero.plugin.switch import is_off

        if not is_off():
            self.app().start()
        return server


_APP = LateApp()


# Relative to Airflow's <base>, so that the page is found below any path that Airflow is served at.
_PAGE = "partnero/page"


class PartneroPlugin(AirflowPlugin):
    """Mounts :mod:`airflow_provider_partnero.plugin.app` at ``/partnero``, and puts its page into the navigation."""

    name = "partnero"
    fastapi_apps: list[Any] = [{"app": _APP, "url_prefix": URL_PREFIX, "name": "Partnero"}]  # noqa: RUF012
    fastapi_root_middlewares: list[Any] = [  # noqa: RUF012
        {"middleware": _APP.build_at_start, "name": "Partnero's receiver, looked at once"}
    ]
    external_views: list[Any] = [  # noqa: RUF012 - from Airflow 3.1
        {
            "name": "Partnero",
            "href": _PAGE,
            "destination": "nav",
            "url_route": "partnero",
            "icon": f"{_PAGE}/static/icon.svg",
            "icon_dark_mode": f"{_PAGE}/static/icon_dark.svg",
            "nav_top_level": True,  # from 3.3; before, it is under Browse
        }
    ]
