"""What many who look, large programmes and slow Partneros cost those who look at something else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import Response

from airflow_provider_partnero.plugin.page import routes

from .site import Site
from .test_routes import DECLARATION, PLAN, text_of

HANG = 60.0  # seconds; bounds a test that has failed already


def test_views_of_thousands_of_webhooks_are_made_where_airflow_can_answer_others_meanwhile(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn_in = []

    def draw(*_: object, **__: object) -> Response:
        drawn_in.append(threading.current_thread().name)
        return Response("drawn")

    monkeypatch.setattr(routes, "render_view", draw)
    for view in ("health", "webhooks", "coverage"):
        assert site.view(view).text == "drawn"
    assert drawn_in == ["partnero-page-drawing"] * 3


def test_a_view_that_cannot_be_made_in_time_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = threading.Event()

    def hang(*_: object) -> None:
        ends.wait(HANG)

    monkeypatch.setattr(routes, "build_event_coverage", hang)
    monkeypatch.setattr(routes, "_DRAWING_SECONDS", 0.05)
    try:
        answer = site.view("coverage")
    finally:
        ends.set()
    assert (answer.status_code, "Too many pages are asked for at once" in text_of(answer)) == (503, True)


def test_plans_that_wait_for_a_slow_partnero_hold_up_no_other_view(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, ends = threading.Semaphore(0), threading.Event()

    def wait(*_: object) -> None:
        waits.release()
        ends.wait(HANG)
        raise ValueError("too late")

    def post() -> Any:
        return site.post(PLAN, {"declaration": DECLARATION}, Origin="http://airflow.example")

    monkeypatch.setattr(routes, "preview", wait)
    monkeypatch.setattr(routes, "_DATABASE_SECONDS", 2.0)
    with ThreadPoolExecutor(6) as pool:
        plans = [pool.submit(post) for _ in range(6)]
        try:
            assert waits.acquire(timeout=HANG)
            assert waits.acquire(timeout=HANG)
            assert "has not answered" not in text_of(site.view("health"))
        finally:
            ends.set()
        assert {plan.result().status_code for plan in plans} == {200}
