"""Changes that come after their answer, as behind a gateway that gives up before the server does."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from airflow_provider_partnero.sandbox import Fault, Profile, Sandbox

from .conftest import FOREVER, Api, wait_for


def test_the_webhook_appears_after_so_many_requests(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(method="POST", status=504, late_requests=2)
    assert api.create(key="mine").status_code == 504
    assert [api.get("/webhooks/mine").status_code for _ in range(3)] == [404, 404, 200]


def test_the_webhook_appears_after_so_many_seconds(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(method="POST", status=504, late=0.3)
    assert api.create(key="mine").status_code == 504
    assert sandbox.webhooks() == []
    wait_for(sandbox.webhooks)
    assert [webhook["key"] for webhook in sandbox.webhooks()] == ["mine"]


def test_a_dropped_request_may_be_carried_out_late(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(drop="before", late_requests=1)
    with pytest.raises(requests.ConnectionError):
        api.create()
    assert sandbox.webhooks() == []
    api.get("/test")
    assert len(sandbox.webhooks()) == 1


@pytest.mark.parametrize(("taken_key", "count"), [("422", 1), ("409", 1), ("upsert", 1), ("second", 2), ("ignored", 2)])
def test_a_second_create_that_comes_first_meets_the_late_one(
    api: Api, sandbox: Sandbox, taken_key: Any, count: int
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.fault(method="POST", status=504, late_requests=1)
    api.create(key="mine", name="late")
    assert api.create(key="mine", name="at once").status_code == 200
    names = [webhook["name"] for webhook in sandbox.webhooks()]
    assert (len(names), names[-1]) == (count, "at once" if taken_key in ("422", "409") else "late")


def test_updates_and_deletes_may_be_late(api: Api, sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": "a"}, {"key": "b"}])
    sandbox.fault(method="PUT", status=503, late_requests=1)
    sandbox.fault(method="DELETE", status=408, late_requests=1)
    api.call("PUT", "/webhooks/a", json={"name": "changed"})
    api.call("DELETE", "/webhooks/b")
    assert [(webhook["key"], webhook["name"]) for webhook in sandbox.webhooks()] == [("a", "changed"), ("b", "Webhook")]
    api.get("/test")
    assert [webhook["key"] for webhook in sandbox.webhooks()] == ["a"]


def test_several_late_changes_keep_their_own_count(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(method="POST", status=504, late_requests=3, times=2)
    api.create(key="a")
    api.create(key="b")
    counts = []
    for _ in range(4):
        counts.append(len(sandbox.webhooks()))
        api.get("/test")
    assert counts == [0, 0, 1, 2]


def test_a_reset_drops_what_is_still_to_come(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(method="POST", status=504, late_requests=1)
    sandbox.fault(method="POST", status=504, late=0.05)
    api.create(key="a")
    api.create(key="b")  # which is the request that the first one waits for
    sandbox.reset()
    sandbox.fault(method="POST", status=504, late=0.1)
    api.create(key="c")
    wait_for(sandbox.webhooks)
    assert [webhook["key"] for webhook in sandbox.webhooks()] == ["c"]


def test_a_sandbox_stops_without_waiting_for_a_late_change() -> None:
    with Sandbox() as sandbox, Api(sandbox) as api:
        sandbox.fault(status=504, late=FOREVER)
        api.create()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"late": -1, "status": 504}, "late is -1; allowed: 0 to"),
        ({"late_requests": 0, "status": 504}, "late_requests is 0; allowed: 1 to"),
        ({"late": 1, "late_requests": 1, "status": 504}, "late (seconds) or late_requests (a number), not both"),
        ({"late": 1, "status": 504, "applied": True}, "late contradicts applied"),
        ({"late_requests": 1, "drop": "after"}, "late_requests contradicts drop='after'"),
        ({"late": 1}, "late needs an answer that comes first: status from 300, drop='before' or body"),
        ({"late": 1, "status": 201}, "late needs an answer that comes first"),
    ],
)
def test_a_late_change_that_makes_no_sense_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Fault(**fields)
