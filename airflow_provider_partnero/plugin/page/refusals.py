"""What somebody sees who is not logged in, may not look, or asks for what is not there."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler

from airflow_provider_partnero.airflow_compat import knows_browsers
from airflow_provider_partnero.plugin.page.rendering import render, root_path

_HEADINGS = {401: "You are not logged in", 403: "You may not see this", 404: "There is nothing here"}


async def refusal(request: Request, error: Exception) -> Response:
    """A page for a browser, and JSON for programs."""
    if not isinstance(error, HTTPException):
        raise error
    if "text/html" not in request.headers.get("accept", ""):
        return await http_exception_handler(request, error)
    login = ""
    if error.status_code == 401:
        login = f"{root_path(request)}/api/v2/auth/login?next={quote(_here(request), safe='')}"
    heading = _HEADINGS.get(error.status_code, "This cannot be done")
    borrows = bool(login) and not knows_browsers()
    words = _words(error)
    return render(
        request, "refusal.j2", status=error.status_code, title=heading, words=words, login=login, borrows=borrows
    )


def _here(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}"


def _words(error: HTTPException) -> str:
    match error.status_code:
        case 401:
            return "Log in to Airflow first."
        case 403 if error.detail == "Forbidden":
            return "The webhooks of a connection are for those who may read the connection. Ask your Airflow's admins."
        case _:
            return str(error.detail)
