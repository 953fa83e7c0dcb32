"""Every kind of fault, as a plain ``requests`` client meets it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from airflow_provider_partnero.sandbox import Fault, Mutation, Profile, Sandbox

from .conftest import DEMO, FOREVER, PATIENCE, Api, wait_for


def test_a_dropped_request_gets_no_answer_and_changes_nothing(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(drop="before")
    with pytest.raises(requests.ConnectionError):
        api.create()
    assert sandbox.webhooks() == []
    assert [request.status for request in sandbox.requests()] == [None]


def test_a_dropped_answer_leaves_the_change(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(drop="after")
    with pytest.raises(requests.ConnectionError):
        api.create(key="mine")
    assert [webhook["key"] for webhook in sandbox.webhooks()] == ["mine"]


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 409, 422, 429, 500, 502, 503, 504, 599])
def test_a_status_is_answered_in_laravels_form(api: Api, sandbox: Sandbox, status: int, applied: bool) -> None:
    sandbox.fault(status=status, applied=applied)
    answer = api.create()
    assert answer.status_code == status
    assert isinstance(answer.json()["message"], str)
    assert ("errors" in answer.json()) is (status == 422)
    assert len(sandbox.webhooks()) == applied


def test_a_status_below_300_is_put_on_the_real_answer(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(status=202)
    answer = api.create()
    assert (answer.status_code, answer.json()["data"]) == (202, sandbox.webhooks()[0])
    sandbox.fault(status=204)
    answer = api.get("/webhooks")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_delay_comes_between_the_change_and_the_answer() -> None:
    with ThreadPoolExecutor() as pool, Sandbox() as sandbox, Api(sandbox) as api:
        sandbox.fault(delay=FOREVER)
        creating = pool.submit(api.create)
        assert len(wait_for(sandbox.webhooks)) == 1
        assert not creating.done()


def test_a_delayed_answer_comes_after_the_delay(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(delay=0.2, status=503)
    answer = api.get("/webhooks")
    assert answer.status_code == 503
    assert answer.elapsed.total_seconds() >= 0.2


def test_a_truncated_answer_announces_more_than_it_sends(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(body="truncated")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.create()
    assert len(sandbox.webhooks()) == 1
    sandbox.fault(body="truncated")
    answer = api.get("/webhooks", stream=True)
    announced = int(answer.headers["Content-Length"])
    received: list[bytes] = []
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        received.extend(answer.iter_content(1))
    assert len(received) == announced // 2


def test_a_truncated_large_page_breaks_off_too(api: Api, sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"name": "x" * 1_000_000} for _ in range(10)])
    sandbox.fault(body="truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        api.get("/webhooks")


def test_a_cut_answer_is_half_of_the_json_and_looks_complete(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(body="cut")
    answer = api.create()
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == len(answer.content) > 10
    with pytest.raises(ValueError, match=r"\(char \d+\)"):
        answer.json()
    assert len(sandbox.webhooks()) == 1


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize(
    ("body", "kind", "start"),
    [
        ("html", "text/html; charset=UTF-8", b"<!doctype html>"),
        ("empty", "application/json", b""),
        ("not-json", "application/json", b"Something"),
        ("status-0", "application/json", b'{"status":0}'),
    ],
)
def test_a_wrong_body_comes_with_200(
    api: Api, sandbox: Sandbox, body: Any, kind: str, start: bytes, applied: bool
) -> None:
    sandbox.fault(body=body, applied=applied)
    answer = api.create()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert answer.content.startswith(start)
    assert bool(answer.content) is bool(start)
    assert len(sandbox.webhooks()) == applied


def test_a_wrong_body_may_come_with_any_status(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(body="html", status=502)
    answer = api.create()
    assert (answer.status_code, "502 Bad Gateway" in answer.text, sandbox.webhooks()) == (502, True, [])
    sandbox.fault(body="cut", status=500)
    assert api.create().content == b'{"message":"S'


@pytest.mark.parametrize(("status", "answered"), [(None, 302), (307, 307)])
def test_a_redirect_names_its_address(api: Api, sandbox: Sandbox, status: int | None, answered: int) -> None:
    sandbox.fault(redirect="https://elsewhere.example/v1/webhooks", status=status)
    answer = api.call("POST", "/webhooks", json=DEMO, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (answered, "https://elsewhere.example/v1/webhooks")
    assert sandbox.webhooks() == []


def test_a_redirect_is_followed_to_another_sandbox_whose_log_tells_what_came(api: Api, sandbox: Sandbox) -> None:
    with Sandbox("other") as other:
        sandbox.fault(redirect=f"{other.base_url}/webhooks")
        assert api.get("/webhooks").status_code == 401
        assert [(request.path, request.authorized) for request in other.requests()] == [("/webhooks", False)]


def test_a_fault_leaves_the_connection_usable_for_the_next_request(api: Api, sandbox: Sandbox) -> None:
    for fault in (Fault(status=500), Fault(body="cut"), Fault(body="empty"), Fault(drop="after")):
        sandbox.fault(fault)
        try:
            api.get("/webhooks")
        except requests.ConnectionError:
            assert fault.drop
        assert api.get("/webhooks").status_code == 200


def test_retry_after_goes_on_any_answer(api: Api, sandbox: Sandbox) -> None:
    for fields in ({"status": 503}, {"body": "html"}, {}):
        sandbox.fault(retry_after=3, **fields)
        assert api.get("/webhooks").headers["Retry-After"] == "3"
    sandbox.fault(status=429)
    assert "Retry-After" not in api.get("/webhooks").headers


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({}, [True, True, True, True]),
        ({"method": "post"}, [False, False, False, True]),
        ({"path": r"^/webhooks$"}, [False, True, True, True]),
        ({"path": r"%2F"}, [True, False, False, False]),
        ({"page": 2}, [False, False, True, False]),
        ({"method": "GET", "page": 1}, [True, True, False, False]),
    ],
)
def test_a_fault_meets_only_what_it_matches(api: Api, sandbox: Sandbox, condition: Any, met: list[bool]) -> None:
    sandbox.fault(**condition, status=503, times=9)
    answers = [api.get("/webhooks/a%2Fb"), api.get("/webhooks"), api.get("/webhooks?page=2"), api.create()]
    assert [answer.status_code == 503 for answer in answers] == met


def test_a_fault_is_used_up_after_its_times_and_starts_after_its_skips(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(status=503, times=2, skip=1)
    sandbox.fault(status=500, skip=3)
    sandbox.fault(method="DELETE", status=504)
    assert [api.get("/webhooks").status_code for _ in range(5)] == [200, 503, 503, 500, 200]
    assert sandbox.faults() == [Fault(method="DELETE", status=504)]


def test_pending_faults_tell_what_is_left_of_them(api: Api, sandbox: Sandbox) -> None:
    fault = Fault(method="GET", path="x|y", page=1, times=3, status=429, retry_after=1.5, mutate=[{"delete": "x"}])  # type: ignore[arg-type]
    sandbox.fault(fault)
    assert sandbox.faults() == [fault]
    api.get("/webhooks/x")
    assert [(left.times, left.mutate) for left in sandbox.faults()] == [(2, (Mutation(delete="x"),))]
    sandbox.clear_faults()
    assert sandbox.faults() == []
    assert api.get("/webhooks/x").status_code == 404


def test_webhooks_that_come_and_go_shift_the_pages(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(30)
    keys = [webhook["key"] for webhook in sandbox.webhooks()]
    sandbox.fault(page=2, mutate=[{"insert": {"key": "new"}, "at": "front"}])
    read = [webhook["key"] for page in (1, 2) for webhook in api.get(f"/webhooks?page={page}").json()["data"]]
    assert read == [*keys[:10], *keys[9:19]]
    sandbox.fault(page=2, mutate=(Mutation(delete="new"), Mutation(delete=keys[0]), Mutation(insert={"key": "last"})))
    assert [webhook["key"] for webhook in api.get("/webhooks?page=2").json()["data"]] == keys[11:21]
    assert sandbox.webhooks()[-1]["key"] == "last"


def test_faults_meet_requests_without_a_token_too_but_never_the_control(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(status=503, times=2)
    assert requests.get(f"{sandbox.base_url}/webhooks", timeout=PATIENCE).status_code == 503
    assert sandbox.profile() == Profile()
    assert requests.get(f"{sandbox.root_url}/docs", timeout=PATIENCE).status_code == 200
    assert api.get("/test").status_code == 503


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"times": 0}, "times is 0; allowed: 1 to 1000000000"),
        ({"skip": -1}, "skip is -1; allowed: 0 to 1000000000"),
        ({"delay": float("nan")}, "delay is nan; allowed: 0 to 1000000000"),
        ({"retry_after": -1}, "retry_after is -1; allowed: 0 to 1000000000"),
        ({"retry_after": 1e300}, "retry_after is 1e+300; allowed: 0 to 1000000000"),
        ({"status": 600}, "status is 600; allowed: 200 to 599"),
        ({"status": "many"}, "status is 'many'; allowed: 200 to 599"),
        ({"method": 7}, "method is 7; allowed: text"),
        ({"redirect": "/x "}, "redirect is '/x '; allowed: an address"),
        ({"redirect": "http://x\r\nX: y"}, "redirect is 'http://x\\r\\nX: y'; allowed: an address"),
        ({"status": 302}, "status 302 needs redirect"),
        ({"status": 500, "redirect": "x"}, "redirect goes with a status of 300 to 399 or none, not with 500"),
        ({"drop": "now"}, "drop is 'now'; allowed: 'before', 'after'"),
        ({"drop": "before", "status": 500}, "drop means no answer, so it excludes status"),
        ({"drop": "before", "applied": True}, "use drop='after'"),
        ({"body": "xml"}, "body is 'xml'; allowed: 'truncated', 'cut', 'html', 'empty', 'not-json', 'status-0'"),
        ({"path": "("}, "path is '(', which is not a regular expression"),
        ({"mutate": [{}]}, "either insert (a webhook) or delete (a key)"),
        ({"mutate": [{"remove": "x"}]}, "mutate holds mutations (insert, at, delete)"),
        ({"stauts": 500}, "stauts"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        sandbox.fault(**fields)
    answer = requests.post(
        f"{sandbox.root_url}/_sandbox/faults", json={k: v for k, v in fields.items() if v == v}, timeout=PATIENCE
    )
    assert answer.status_code == (200 if fields.get("delay") else 422)


def test_a_fault_is_given_whole_or_by_its_fields(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="not both"):
        sandbox.fault(Fault(status=500), times=2)
    with pytest.raises(ValueError, match="503 is not a Fault; give one, or its fields, such as status=503"):
        sandbox.fault(503)  # type: ignore[arg-type]


def test_the_latest_date_that_a_fault_may_ask_for_can_be_written(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(retry_after="date"))
    sandbox.fault(status=429, retry_after=1_000_000_000)
    answer = api.get("/webhooks")
    assert parsedate_to_datetime(answer.headers["Retry-After"]).year > 2055
