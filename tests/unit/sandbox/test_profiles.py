"""Each switch of the profile does what it says."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Profile, Sandbox

from .conftest import DEMO, Api

OTHER = {**DEMO, "name": "Other", "key": "mine"}


def test_a_taken_key_is_a_422_by_default(api: Api, sandbox: Sandbox) -> None:
    made = api.create(key="mine").json()["data"]
    answer = api.create(**OTHER)
    assert (answer.status_code, answer.json()["errors"]) == (422, {"key": ["The key has already been taken."]})
    assert sandbox.webhooks() == [made]


def test_a_taken_key_may_be_a_409(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(taken_key="409"))
    made = api.create(key="mine").json()["data"]
    answer = api.create(**OTHER)
    assert (answer.status_code, list(answer.json())) == (409, ["message"])
    assert sandbox.webhooks() == [made]


def test_a_taken_key_may_upsert(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(taken_key="upsert", create_status=201))
    made = api.create(key="mine", is_active=False).json()["data"]
    answer = api.create(**OTHER)
    assert answer.status_code == 200
    assert answer.json()["data"] == {**made, **OTHER, "is_active": True}
    assert sandbox.webhooks() == [answer.json()["data"]]


def test_a_taken_key_may_make_a_second_webhook_under_a_fresh_key(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(taken_key="second"))
    first = api.create(key="mine").json()["data"]
    second = api.create(**OTHER).json()["data"]
    assert first["key"] == "mine" != second["key"]
    assert sandbox.webhooks() == [first, second]


def test_a_supplied_key_may_be_ignored(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    keys = {api.create(key="mine").json()["data"]["key"] for _ in range(2)}
    assert len(keys) == 2
    assert "mine" not in keys


@pytest.mark.parametrize("status", [200, 201])
def test_create_answers_the_status_of_the_profile(api: Api, sandbox: Sandbox, status: Any) -> None:
    sandbox.reset(Profile(create_status=status))
    assert api.create().status_code == status


def test_delete_may_answer_204_without_a_body(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(delete_status=204))
    api.create(key="mine")
    answer = api.call("DELETE", "/webhooks/mine")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Length" not in answer.headers
    assert api.get("/webhooks").json()["data"] == []


def test_deleting_what_is_missing_may_succeed(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(delete_missing="ok"))
    assert api.call("DELETE", "/webhooks/none").json() == {"status": 1}


def test_empty_events_may_be_accepted(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(empty_events="accept"))
    assert api.create(key="mine", events=[]).json()["data"]["events"] == []
    assert api.call("PUT", "/webhooks/mine", json={"events": []}).status_code == 200
    assert api.create(events=None).status_code == 422


@pytest.mark.parametrize(("seconds", "written"), [(7, "7"), (0, "0"), (0.25, "0.25"), (1_234_567, "1234567")])
def test_retry_after_in_seconds(api: Api, sandbox: Sandbox, seconds: float, written: str) -> None:
    sandbox.fault(status=429, retry_after=seconds)
    assert api.get("/webhooks").headers["Retry-After"] == written


def test_retry_after_as_a_date(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(retry_after="date"))
    sandbox.fault(status=429, retry_after=7)
    before = time.time()
    written = parsedate_to_datetime(api.get("/webhooks").headers["Retry-After"]).timestamp()
    assert before + 7 <= written < time.time() + 7 + 1  # a whole second, rounded up


def test_retry_after_may_never_be_sent(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(retry_after="none"))
    sandbox.fault(status=429, retry_after=7)
    answer = api.get("/webhooks")
    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers


def test_a_profile_is_read_from_text() -> None:
    text = " taken_key=upsert, list_form=full,max_limit=50,create_status=201,"
    assert Profile.parse(text) == Profile(taken_key="upsert", list_form="full", max_limit=50, create_status=201)
    assert Profile.parse("") == Profile()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("taken_key=maybe", "taken_key is 'maybe'; allowed: '422', '409', 'upsert', 'second', 'ignored'"),
        ("nothing=1", "'nothing' is not a switch of the profile; allowed: taken_key, "),
        ("taken_key", "'taken_key' in the profile is not of the form name=value"),
        ("max_limit=9", "max_limit is 9; allowed: a whole number from 10"),
        ("max_limit=many", "max_limit is 'many'"),
        ("create_status=202", "create_status is 202; allowed: 200, 201"),
    ],
)
def test_a_wrong_profile_is_refused_with_what_is_allowed(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Profile.parse(text)


def test_the_profile_can_be_read_and_changed_alone(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(1)
    sandbox.set_profile(Profile(list_form="data"))
    assert sandbox.profile() == Profile(list_form="data")
    assert list(api.get("/webhooks").json()) == ["data"]
    assert len(sandbox.webhooks()) == 1


def test_a_reset_keeps_the_profile_unless_it_brings_another(sandbox: Sandbox) -> None:
    sandbox.reset(Profile(order="newest"))
    sandbox.reset()
    assert sandbox.profile() == Profile(order="newest")
    sandbox.reset(Profile())
    assert sandbox.profile() == Profile()
