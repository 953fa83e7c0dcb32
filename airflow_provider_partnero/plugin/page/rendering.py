"""Makes answers of the templates, with headers that let a page load and run nothing but its own files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from airflow_provider_partnero.webhooks.page_paths import PAGE_PATH, View, page_path
from airflow_provider_partnero.webhooks.report.html import new_environment
from airflow_provider_partnero.webhooks.texts import counted

if TYPE_CHECKING:
    from airflow_provider_partnero.plugin.page.live_programmes import ProgrammeState

_MOUNT = PAGE_PATH.rpartition("/")[0]
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}
_LOADING_SECONDS = 2  # after which a page that could not be filled asks again
_STATIC: Mapping[str, str] = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "payloads.js": "text/javascript",
    "login.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "icon_dark.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Tab:
    """A link to one of the views."""

    view: View
    words: str


TABS = (
    Tab("health", "Health"),
    Tab("webhooks", "Webhooks"),
    Tab("coverage", "Coverage"),
    Tab("history", "History"),
    Tab("deliveries", "Deliveries"),
    Tab("plan", "Plan"),
)


def render(request: Request, template: str, *, status: int = 200, reload_after: int = 0, **context: Any) -> Response:
    """The answer made of a template.

    :param reload_after: seconds after which the browser asks again; 0: never.
    :param context: what the template needs besides the links.
    """
    root = root_path(request)
    text = (
        _environment()
        .get_template(template)
        .render(
            **context,
            airflow_root=root,
            tabs=TABS,
            run_link=lambda dag_id, run_id: f"{root}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}",
            link=lambda conn_id, view="health", **query: root + page_path(conn_id, view, **query),
            start=root + PAGE_PATH,
            static=lambda name: f"{root}{PAGE_PATH}/static/{name}?v={_digest(name)}",
            now=datetime.now(UTC),
        )
    )
    headers = {**HEADERS, "Refresh": str(reload_after)} if reload_after else dict(HEADERS)
    return HTMLResponse(text, status, headers)


def render_view(
    request: Request,
    view: View,
    conn_id: str,
    *,
    reading: ProgrammeState | None = None,
    problem: str = "",
    **context: Any,
) -> Response:
    """One view of a connection.

    :param reading: what is known of the programme now; None: the view does not ask for it.
    :param problem: what keeps the view from showing more, in a sentence; empty if nothing does.
    """
    return render(
        request,
        f"{view}.j2",
        reload_after=_LOADING_SECONDS if reading is not None and reading.is_loading else 0,
        view=view,
        conn_id=conn_id,
        reading=reading,
        problem=problem,
        title=f"{view.capitalize()} · {conn_id}",
        **context,
    )


def root_path(request: Request) -> str:
    """The path below which Airflow is served, such as ``/airflow``; empty if it has a host to itself."""
    root: str = request.scope.get("root_path", "")
    return root.removesuffix(_MOUNT)


def static_file(name: str) -> Response:
    """One of the page's own files.

    :raises HTTPException: 404.
    """
    if name not in _STATIC:
        raise HTTPException(404, "There is no such file.")
    headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
    return Response(_content(name), media_type=_STATIC[name], headers=headers)


@cache
def _content(name: str) -> bytes:
    return (files("airflow_provider_partnero.plugin.page") / "static" / name).read_bytes()


def _digest(name: str) -> str:
    return hashlib.sha256(_content(name)).hexdigest()[:12]


def age(seconds: float) -> str:
    """``5 s``, ``12 min``, ``3 h``, ``4 days``: how long ago something was, for people."""
    for size, unit in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            number = int(seconds // size)
            return counted(number, unit) if unit == "day" else f"{number} {unit}"
    return f"{max(0, int(seconds))} s"


def _ago(moment: datetime, now: datetime) -> str:
    return f"{age((now - moment).total_seconds())} ago"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@cache
def _environment() -> Environment:
    """The templates, made once: whatever they show is escaped, and a misspelt name in them raises."""
    environment = new_environment("airflow_provider_partnero.plugin.page", "templates")
    environment.filters.update(counted=counted, ago=_ago, age=age, moment=_moment)
    return environment
