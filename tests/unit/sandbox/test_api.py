"""The documented API: the answers are those of Partnero's page about webhooks."""

from __future__ import annotations

import html
import json
import re

import pytest
import requests

from airflow_provider_partnero.api import WebhookEvent
from airflow_provider_partnero.sandbox import Sandbox

from .conftest import DEMO, PATIENCE, Api

KEY = re.compile(r"[0-9A-Za-z]{12}")
SIGNATURE = re.compile(r"[0-9A-Za-z]{16}")


def test_create_answers_the_webhook_and_status_1(api: Api) -> None:
    answer = api.create()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert body["status"] == 1
    assert list(body["data"]) == ["key", "name", "url", "is_active", "signature", "events"]
    assert KEY.fullmatch(body["data"]["key"])
    assert SIGNATURE.fullmatch(body["data"]["signature"])
    assert {**body["data"], **DEMO, "is_active": True} == body["data"]


def test_create_honours_key_and_is_active(api: Api) -> None:
    made = api.create(key="mine", is_active=False).json()["data"]
    assert (made["key"], made["is_active"]) == ("mine", False)


@pytest.mark.parametrize("key", [None, "", "   "])
def test_create_with_a_blank_key_makes_one(api: Api, key: str | None) -> None:
    assert KEY.fullmatch(api.create(key=key).json()["data"]["key"])


def test_create_cannot_choose_the_signature_nor_add_fields(api: Api) -> None:
    made = api.create(signature="chosen", colour="red").json()["data"]
    assert made["signature"] != "chosen"
    assert "colour" not in made


@pytest.mark.parametrize(("given", "meant"), [(1, True), (0, False), ("1", True), ("0", False), (None, True)])
def test_create_takes_laravels_booleans(api: Api, given: object, meant: bool) -> None:
    assert api.create(is_active=given).json()["data"]["is_active"] is meant


def test_fetch_answers_what_create_answered(api: Api) -> None:
    made = api.create().json()
    answer = api.get(f"/webhooks/{made['data']['key']}")
    assert (answer.status_code, answer.json()) == (200, made)


def test_update_changes_only_what_is_given_and_keeps_key_and_signature(api: Api) -> None:
    made = api.create(key="mine").json()["data"]
    changes = {"name": "Demo 2", "key": "other", "signature": "other", "colour": "red"}
    answer = api.call("PUT", "/webhooks/mine", json=changes)
    assert (answer.status_code, answer.json()) == (200, {"data": {**made, "name": "Demo 2"}, "status": 1})
    everything = {"name": "3", "url": "http://other.example", "is_active": False, "events": ["reward.paid"]}
    assert api.call("PUT", "/webhooks/mine", json=everything).json()["data"] == {**made, **everything}
    assert api.get("/webhooks/mine").json()["data"] == {**made, **everything}


def test_update_without_fields_changes_nothing(api: Api) -> None:
    made = api.create(key="mine").json()
    assert api.call("PUT", "/webhooks/mine", json={}).json() == made
    assert api.call("PUT", "/webhooks/mine").json() == made


def test_delete_answers_status_1_and_deletes(api: Api) -> None:
    api.create(key="mine")
    answer = api.call("DELETE", "/webhooks/mine")
    assert (answer.status_code, answer.json()) == (200, {"status": 1})
    assert api.get("/webhooks/mine").status_code == 404


def test_every_documented_event_is_accepted(api: Api) -> None:
    events = [event.value for event in WebhookEvent]
    assert api.create(events=events).json()["data"]["events"] == events


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_missing_webhook_is_a_404_in_json(api: Api, method: str) -> None:
    answer = api.call(method, "/webhooks/none", json={"name": ""} if method == "PUT" else None)
    assert (answer.status_code, answer.json()) == (404, {"message": "Webhook not found."})


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"name": None}, {"name": ["The name field is required."]}),
        ({"name": " \n"}, {"name": ["The name field is required."]}),
        ({"name": 7}, {"name": ["The name field must be a string."]}),
        ({"url": ""}, {"url": ["The url field is required."]}),
        ({"url": "receiver.example"}, {"url": ["The url field must be a valid URL."]}),
        ({"url": "https://"}, {"url": ["The url field must be a valid URL."]}),
        ({"url": "https://[::1"}, {"url": ["The url field must be a valid URL."]}),
        ({"url": "https://a b.example"}, {"url": ["The url field must be a valid URL."]}),
        ({"url": ["https://a.example"]}, {"url": ["The url field must be a valid URL."]}),
        ({"events": None}, {"events": ["The events field is required."]}),
        ({"events": []}, {"events": ["The events field is required."]}),
        ({"events": "partner.created"}, {"events": ["The events field must be an array."]}),
        (
            {"events": ["partner.created", "no.such", {}]},
            {"events.1": ["The selected events.1 is invalid."], "events.2": ["The selected events.2 is invalid."]},
        ),
        ({"is_active": "yes"}, {"is_active": ["The is active field must be true or false."]}),
        ({"is_active": []}, {"is_active": ["The is active field must be true or false."]}),
        ({"key": 7}, {"key": ["The key field must be a string."]}),
    ],
)
def test_create_refuses_in_laravels_words(
    api: Api, sandbox: Sandbox, fields: dict[str, object], errors: dict[str, list[str]]
) -> None:
    answer = api.create(**fields)
    assert answer.status_code == 422
    assert answer.json()["errors"] == errors
    assert answer.json()["message"].startswith(next(iter(errors.values()))[0])
    assert sandbox.webhooks() == []


def test_create_names_every_missing_field_and_counts_them(api: Api) -> None:
    answer = api.call("POST", "/webhooks", json={})
    assert answer.json() == {
        "message": "The name field is required. (and 2 more errors)",
        "errors": {name: [f"The {name} field is required."] for name in ("name", "url", "events")},
    }
    assert "(and 1 more error)" in api.call("POST", "/webhooks", json={"name": "x"}).json()["message"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"url": "ftp://a.example"}, "url"),
        ({"is_active": None}, "is_active"),
        ({"events": []}, "events"),
        ({"events": ["no.such"]}, "events.0"),
    ],
)
def test_update_refuses_what_create_refuses(api: Api, sandbox: Sandbox, fields: dict[str, object], field: str) -> None:
    api.create(key="mine")
    before = sandbox.webhooks()
    answer = api.call("PUT", "/webhooks/mine", json=fields)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert sandbox.webhooks() == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b"\xff\xfe", b'{"name": NaN}', b'{"name": "\\ud800"}', b"[" * 200_000]
)
def test_an_unreadable_body_counts_as_empty(api: Api, body: bytes) -> None:
    answer = api.call("POST", "/webhooks", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["name", "url", "events"]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "bearer demo", "demo", "Bearer demo ö", "Basic demo"],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/test"), ("GET", "/webhooks"), ("POST", "/webhooks"), ("PUT", "/webhooks/x"), ("DELETE", "/webhooks/x")],
)
def test_without_the_token_everything_is_a_401(
    sandbox: Sandbox, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode()}
    answer = requests.request(method, sandbox.base_url + path, headers=headers, timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated."})


def test_the_credential_check_answers_2xx_with_the_token(api: Api) -> None:
    assert (api.get("/test").status_code, api.get("/test").json()) == (200, {"status": 1})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/webhooks", "GET, POST"),
        ("DELETE", "/webhooks", "GET, POST"),
        ("POST", "/webhooks/x", "GET, PUT, DELETE"),
        ("POST", "/test", "GET"),
    ],
)
def test_a_wrong_method_is_a_405_in_json(api: Api, method: str, path: str, allowed: str) -> None:
    answer = api.call(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed
    assert answer.json() == {
        "message": f"The {method} method is not supported for route v1{path}. Supported methods: {allowed}."
    }


@pytest.mark.parametrize("path", ["/webhooks/a/b", "/nothing", "/Webhooks", "/webhooksx"])
def test_an_unknown_route_is_a_404_in_json(api: Api, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()) == (404, {"message": f"The route v1{path} could not be found."})


def test_a_trailing_slash_makes_no_difference(api: Api) -> None:
    assert api.get("/webhooks/", allow_redirects=False).status_code == 200


def test_answers_are_written_as_php_writes_them(api: Api) -> None:
    text = api.create(name="é/💡").text
    assert r'"name":"\u00e9\/\ud83d\udca1"' in text
    assert json.loads(text)["data"]["name"] == "é/💡"


def test_the_documentation_covers_the_api_and_its_control(sandbox: Sandbox) -> None:
    described = requests.get(f"{sandbox.root_url}/openapi.json", timeout=PATIENCE).json()
    paths = described["paths"]
    assert {"/v1/test", "/v1/program", "/v1/webhooks", "/v1/webhooks/{key}"} <= set(paths)
    assert {"/_sandbox/faults", "/_sandbox/reset", "/_sandbox/events", "/_sandbox/profile"} <= set(paths)
    assert "HTTPValidationError" not in json.dumps(described)  # FastAPI's form of a 422, which nobody here sends


def test_the_documentation_names_every_status_of_a_success(sandbox: Sandbox) -> None:
    paths = requests.get(f"{sandbox.root_url}/openapi.json", timeout=PATIENCE).json()["paths"]
    assert set(paths["/v1/webhooks"]["post"]["responses"]) == {"200", "201", "default"}
    deleted = paths["/v1/webhooks/{key}"]["delete"]["responses"]
    assert set(deleted) == {"200", "204", "default"}
    assert "content" not in deleted["204"]


def test_the_page_of_the_documentation_can_be_read_without_the_internet(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.root_url}/docs", timeout=PATIENCE)
    assert answer.headers["content-type"].startswith("text/html")
    page = html.unescape(answer.text)
    assert "https://" not in page.replace("https://receiver.example", "")
    assert re.search(r"<script|<link|\bsrc=", answer.text) is None
    described = requests.get(f"{sandbox.root_url}/openapi.json", timeout=PATIENCE).json()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert f"<b>{method.upper()}</b> <code>{path}</code> {operation['summary']}" in page
    assert "#/components/" not in page
    assert all(f'"{field}"' in page for field in described["components"]["schemas"]["Fault"]["properties"])


def test_the_page_of_the_documentation_links_to_swagger_ui(sandbox: Sandbox) -> None:
    page = requests.get(f"{sandbox.root_url}/docs", timeout=PATIENCE).text
    link = re.search(r'<a href="([^"]+)">Swagger UI</a>', page)
    assert link
    swagger = requests.get(sandbox.root_url + link[1], timeout=PATIENCE).text
    assert "swagger-ui-bundle.js" in swagger
    assert "'/openapi.json'" in swagger


@pytest.mark.parametrize(("method", "path"), [("get", "/v1/webhooks/{key}"), ("post", "/v1/webhooks")])
def test_the_documentation_describes_the_answers_as_they_come(
    api: Api, sandbox: Sandbox, method: str, path: str
) -> None:
    operation = requests.get(f"{sandbox.root_url}/openapi.json", timeout=PATIENCE).json()["paths"][path][method]
    said = {
        status: answer["content"]["application/json"]["schema"]["properties"]
        for status, answer in operation["responses"].items()
    }
    answer = api.create(key="mine")
    assert set(said["200"]) == set(answer.json())
    assert set(said["200"]["data"]["properties"]) == set(answer.json()["data"])
    assert set(said["default"]) == set(api.create(name="").json())
