"""Every page and endpoint of the plugin, and Airflow's own API about the same, for whoever may log in and nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from tests.e2e.waiting import answer_of, wait_for

from .home import Home
from .hostile import FAILURES, TELLS_LATER

USERS = ("admin", "viewer", "nobody")
OURS = "/partnero"


@dataclass(frozen=True)
class Page:
    """An answer, and who got it."""

    user: str
    answer: requests.Response

    @property
    def name(self) -> str:
        """What it is called in the table of what was found."""
        request = self.answer.request
        return f"{self.user}: {request.method} {request.path_url.partition('?')[0]}"

    @property
    def content(self) -> bytes:
        """All that the browser is told: status, headers with cookies, body."""
        head = "\n".join(f"{name}: {value}" for name, value in self.answer.headers.items())
        return f"{self.user}: {self.answer.status_code}\n{head}\n\n".encode() + self.answer.content


def visit(home: Home) -> Iterator[Page]:
    """Ask for everything, as each user."""
    paths = [*_ours(home), *_airflows(home)]
    for user in USERS:
        headers = _login(home, user)
        for path in paths:
            yield Page(user, answer_of("GET", home.cluster.address + path, headers=headers, allow_redirects=False))
        for path, form in _forms(home):
            sent = headers | {"Origin": home.cluster.address, "Content-Type": "application/x-www-form-urlencoded"}
            url = home.cluster.address + path
            yield Page(user, answer_of("POST", url, headers=sent, data=form, allow_redirects=False))


def _login(home: Home, user: str) -> dict[str, str]:
    if user == "nobody":
        return {}
    file = wait_for(lambda: next(home.cluster.home.glob("simple_auth_manager_passwords.json*"), None), "the passwords")
    assert file
    given = {"username": user, "password": json.loads(file.read_text())[user]}
    token = answer_of("POST", f"{home.cluster.address}/auth/token", json=given).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def _ours(home: Home) -> Iterator[str]:
    yield f"{OURS}/status"
    yield f"{OURS}/page"
    yield f"{OURS}/nothing/{home.marks.secret[:4]}"
    for name in ("page.css", "page.js", "icon.svg", "none"):
        yield f"{OURS}/page/static/{name}"
    for view in ("health", "webhooks", "coverage", "plan", "deliveries", "history"):
        yield f"{OURS}/page/partnero_default/{view}"
        yield f"{OURS}/page/nowhere/{view}"
    failing = [name for name in (*FAILURES, TELLS_LATER) if name != "dripping"]
    yield from (f"{OURS}/page/hostile_{name}/health" for name in failing)
    yield f"{OURS}/page/hostile_half_error/webhooks"
    for delivery_id in _delivery_ids(home):
        yield f"{OURS}/page/partnero_default/deliveries/{delivery_id}/payload"
    for dag_id, task_id in (("partnero_webhook_audit", "audit"), ("partnero_webhooks_as_code", "plan")):
        run_id = _run_of(home, dag_id)
        query = f"dag_id={dag_id}&run_id={quote(run_id)}&task_id={task_id}"
        yield f"{OURS}/page/partnero_default/plan?{query}"
        yield f"{OURS}/page/partnero_default/report?{query}"
        yield f"{OURS}/page/partnero_default/report/file?{query}"


def _forms(home: Home) -> Iterator[tuple[str, str]]:
    declaration = quote('[{"name": "A", "url": "https://b.example/", "events": ["partner.created"]}]')
    for conn_id in ("partnero_default", f"hostile_{TELLS_LATER}", "hostile_invalid"):
        yield f"{OURS}/page/{conn_id}/plan", f"declaration={declaration}&prune=all"
    # A secret that somebody puts into a declaration is a mistake that is shown to nobody but its author.
    yield f"{OURS}/page/partnero_default/plan", "declaration=nothing"
    yield f"{OURS}/page/partnero_default/deliveries/replay", "delivery=none"


def _airflows(home: Home) -> Iterator[str]:
    api = "/api/v2"
    yield from (f"{api}/connections", f"{api}/variables", f"{api}/eventLogs?limit=500", f"{api}/importErrors")
    yield from (f"{api}/assets?limit=500", f"{api}/assets/events?limit=500", f"{api}/plugins", f"{api}/config")
    yield f"{api}/connections/partnero_default"
    yield f"{api}/connections/kept"
    yield f"{api}/dags/~/dagRuns/~/taskInstances?limit=500"
    entries = f"{api}/dags/~/dagRuns/~/taskInstances/~/xcomEntries?limit=500"
    yield entries
    for dag_id in ("provoked", "partnero_event_driven"):
        run_id = _run_of(home, dag_id)
        of = f"{api}/dags/{dag_id}/dagRuns/{quote(run_id)}"
        yield f"{of}/upstreamAssetEvents"
        for task_id in ("update", "wait", "children", "book"):
            yield f"{of}/taskInstances/{task_id}"
            yield f"{of}/taskInstances/{task_id}/logs/1?full_content=true"
            yield f"{of}/taskInstances/{task_id}/xcomEntries/return_value"


def _delivery_ids(home: Home) -> list[str]:
    rows = home.cluster.rows("select delivery_id from partnero_delivery where conn_id = 'partnero_default'")
    return [str(delivery_id) for (delivery_id,) in rows[:3]]


def _run_of(home: Home, dag_id: str) -> str:
    rows: list[Any] = home.cluster.rows("select run_id from dag_run where dag_id = ? order by id desc limit 1", dag_id)
    return str(rows[0][0])
