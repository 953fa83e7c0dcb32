"""The sandbox as an ASGI application: the API, the control API, and the documentation of both at ``/docs``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route

from airflow_provider_partnero.sandbox.answers import RefusalError, json_answer
from airflow_provider_partnero.sandbox.control_api import control_router
from airflow_provider_partnero.sandbox.docs_page import SWAGGER_PATH, docs_page
from airflow_provider_partnero.sandbox.middleware import ASGIApp, FaultMiddleware
from airflow_provider_partnero.sandbox.partnero_api import partnero_router
from airflow_provider_partnero.sandbox.state import SandboxState

_DESCRIPTION = """A local Partnero. The API is under `/v1` and needs the token; the control API is under `/_sandbox`
and needs none. The API behaves as Partnero documents; what no source says is a switch of the profile."""


def build_app(state: SandboxState) -> ASGIApp:
    """The application over a sandbox's state."""
    app = FastAPI(
        title="Partnero sandbox",
        description=_DESCRIPTION,
        redirect_slashes=False,
        docs_url=SWAGGER_PATH,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.include_router(partnero_router(state))
    app.include_router(control_router(state))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(docs_page(app.openapi()))

    @app.exception_handler(RefusalError)
    async def refused(_: Request, error: RefusalError) -> Response:
        return json_answer(error.body, error.status)

    @app.exception_handler(HTTPException)
    async def not_routed(request: Request, error: HTTPException) -> Response:
        path = request.scope["path"]
        if error.status_code == 405:
            return _method_not_allowed(request, app.routes)
        if error.status_code == 404:
            return json_answer({"message": f"The route {path.lstrip('/')} could not be found."}, 404)
        return json_answer({"message": str(error.detail)}, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        if await request.body() and "json" not in request.headers.get("content-type", ""):
            return json_answer({"message": "a body needs the header Content-Type: application/json"}, 422)
        return json_answer({"message": "; ".join(map(_complaint, error.errors()))}, 422)

    return FaultMiddleware(cast(ASGIApp, app), state)


def _complaint(error: dict[str, Any]) -> str:
    """One of pydantic's errors about a request to the control API, in words that name the field."""
    if error["type"] == "json_invalid":
        return f"the body is not JSON: {error['ctx']['error']} at character {error['loc'][1]}"
    field = ".".join(map(str, error["loc"][1:])) or "the body"
    return error["msg"].removeprefix("Value error, ") if error["type"] == "value_error" else f"{field}: {error['msg']}"


def _method_not_allowed(request: Request, routes: Iterable[BaseRoute]) -> Response:
    matching = [route for route in routes if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE]
    allowed = ", ".join(method for route in matching for method in sorted(route.methods or ()))
    path = request.scope["path"].lstrip("/")
    words = f"The {request.method} method is not supported for route {path}. Supported methods: {allowed}."
    answer = json_answer({"message": words}, 405)
    answer.headers["Allow"] = allowed
    return answer
