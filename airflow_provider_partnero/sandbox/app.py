"""The sandbox as an ASGI application: the API, its control, and their documentation at ``/docs``."""

from __future__ import annotations

import re
from typing import cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from airflow_provider_partnero.sandbox.control_api import control_router
from airflow_provider_partnero.sandbox.middleware import ASGIApp, FaultMiddleware
from airflow_provider_partnero.sandbox.partnero_api import BASE_PATH, RefusalError, json_answer, partnero_router
from airflow_provider_partnero.sandbox.state import SandboxState

_DESCRIPTION = """A local Partnero. The API is under `/v1` and wants the token; its control is under `/_sandbox` and
wants none. Documented behaviour is as documented; what no source says is a switch of the profile."""

_METHODS = (
    (re.compile(rf"^{BASE_PATH}/webhooks$"), ("GET", "POST")),
    (re.compile(rf"^{BASE_PATH}/webhooks/[^/]+$"), ("GET", "PUT", "DELETE")),
    (re.compile(rf"^{BASE_PATH}/test$"), ("GET",)),
)


def build_app(state: SandboxState) -> ASGIApp:
    """The application over a sandbox's state."""
    app = FastAPI(title="Partnero sandbox", description=_DESCRIPTION, redirect_slashes=False)
    app.include_router(partnero_router(state))
    app.include_router(control_router(state))

    @app.exception_handler(RefusalError)
    async def refused(_: Request, error: RefusalError) -> Response:
        return json_answer(error.body, error.status)

    @app.exception_handler(HTTPException)
    async def unroutable(request: Request, error: HTTPException) -> Response:
        path = request.scope["path"]
        if error.status_code == 405:
            return _method_not_allowed(request.method, path)
        if error.status_code == 404:
            return json_answer({"message": f"The route {path.lstrip('/')} could not be found."}, 404)
        return json_answer({"message": str(error.detail)}, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        complaints = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()]
        return json_answer({"message": "; ".join(complaints)}, 422)

    return FaultMiddleware(cast(ASGIApp, app), state)


def _method_not_allowed(method: str, path: str) -> Response:
    allowed = next((", ".join(methods) for pattern, methods in _METHODS if pattern.search(path)), "")
    route = path.lstrip("/")
    words = f"The {method} method is not supported for route {route}. Supported methods: {allowed}."
    answer = json_answer({"message": words}, 405)
    answer.headers["Allow"] = allowed
    return answer
