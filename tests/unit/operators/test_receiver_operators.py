"""The webhook of this Airflow's receiver: registered once, corrected, and removed."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api import PartneroError
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.operators.receiver import (
    PartneroRegisterReceiverOperator,
    PartneroUnregisterReceiverOperator,
)
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.protection import receiver_url
from tests.conftest import MakeContext

WRITES = {"POST", "PUT", "DELETE"}
BASE = "https://airflow.example.com"
PATH = "/partnero/webhooks/partnero_default"
EVENTS = ["partner.created", "reward.paid"]
FOREIGN: list[dict[str, Any]] = [
    {"key": "crm", "name": "CRM", "url": "https://crm.example/x", "events": EVENTS},
    {"key": "same", "name": "Same URL", "url": BASE + PATH, "events": EVENTS},
    {"key": "host", "name": "Airflow receiver at other.example.com", "url": "https://other.example.com" + PATH},
]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PARTNERO__RECEIVER_BASE_URL", "PARTNERO__RECEIVER_ENABLED", "PARTNERO__STORE", "API__BASE_URL"):
        monkeypatch.delenv(f"AIRFLOW__{name}", raising=False)


def _register(**options: Any) -> PartneroRegisterReceiverOperator:
    arguments = {"base_url": BASE, "events": EVENTS, **options}
    return PartneroRegisterReceiverOperator(task_id="register", **arguments)


def _unregister(**options: Any) -> PartneroUnregisterReceiverOperator:
    return PartneroUnregisterReceiverOperator(task_id="unregister", **{"base_url": BASE, **options})


def _writes(sandbox: Sandbox) -> list[str]:
    return [request.method for request in sandbox.requests() if request.method in WRITES]


def _only(sandbox: Sandbox) -> dict[str, Any]:
    [webhook] = sandbox.webhooks()
    return webhook


def _warnings(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = capsys.readouterr().out.splitlines()
    return [line for line in lines if "[warning" in line and "cannot be called outside of the Task" not in line]


def test_the_webhook_is_created_once_and_a_second_run_writes_nothing(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    done = _register().execute(make_context())
    webhook = _only(sandbox)
    assert webhook["name"] == "Airflow receiver at airflow.example.com"
    assert (webhook["url"], webhook["events"], webhook["is_active"]) == (BASE + PATH, EVENTS, True)
    assert done["url"] == BASE + PATH
    assert [(entry["kind"], entry["key"]) for entry in done["done"]] == [("create", webhook["key"])]
    sandbox.clear_requests()
    again = _register().execute(make_context(run_id="another", try_number=2))
    assert (_writes(sandbox), again["done"], again["url"]) == ([], [], BASE + PATH)
    assert _only(sandbox) == webhook


@pytest.mark.parametrize(
    "changed",
    [{"events": ["lead.submitted"]}, {"base_url": f"{BASE}/team/"}, {"base_url": "http://airflow.example.com"}],
    ids=str,
)
def test_changed_arguments_update_the_one_webhook(
    sandbox: Sandbox, make_context: MakeContext, changed: dict[str, Any]
) -> None:
    _register().execute(make_context())
    before = _only(sandbox)
    _register(**changed).execute(make_context())
    after = _only(sandbox)
    assert (after["key"], after["signature"]) == (before["key"], before["signature"])
    assert (after["url"], after["events"]) != (before["url"], before["events"])
    assert _writes(sandbox) == ["POST", "PUT"]


def test_a_webhook_with_a_given_name_follows_airflow_to_another_host(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    _register(webhook_name="Ours").execute(make_context())
    _register(webhook_name="Ours", base_url="https://new.example.com").execute(make_context())
    assert (_only(sandbox)["name"], _only(sandbox)["url"]) == ("Ours", f"https://new.example.com{PATH}")


def test_two_airflows_do_not_take_the_webhook_from_each_other(sandbox: Sandbox, make_context: MakeContext) -> None:
    hosts = ["airflow.example.com", "staging.example.com", "staging.example.com:8443"]
    for host in [*hosts, *hosts]:
        _register(base_url=f"https://{host}").execute(make_context())
    assert [webhook["name"] for webhook in sandbox.webhooks()] == [f"Airflow receiver at {host}" for host in hosts]
    assert [webhook["url"] for webhook in sandbox.webhooks()] == [f"https://{host}{PATH}" for host in hosts]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://airflow.example.com", "https://AIRFLOW.example.com:443"),
        ("https://airflow.example.com.", "https://airflow.example.com/"),
        ("https://bücher.example.com", "https://xn--bcher-kva.example.com"),
    ],
)
def test_another_spelling_of_the_base_url_is_the_same_receiver(
    sandbox: Sandbox, make_context: MakeContext, first: str, second: str
) -> None:
    _register(base_url=first).execute(make_context())
    _register(base_url=second).execute(make_context())
    assert _only(sandbox)["url"] == f"{first.rstrip('/')}{PATH}"
    assert len(_unregister(base_url=second).execute(make_context())["deleted"]) == 1
    assert sandbox.webhooks() == []


def test_a_change_at_partnero_is_corrected(sandbox: Sandbox, make_context: MakeContext) -> None:
    _register().execute(make_context())
    made = _only(sandbox)
    sandbox.put_webhooks([made | {"name": "renamed", "is_active": False, "events": [], "url": "https://else.example/"}])
    _register().execute(make_context())
    assert _only(sandbox) == made


@pytest.mark.parametrize("fault", [{"drop": "after"}, {"drop": "before"}, {"status": 500, "applied": True}], ids=str)
def test_a_try_after_a_lost_answer_leaves_one_webhook(
    one_attempt: Sandbox, make_context: MakeContext, fault: dict[str, Any]
) -> None:
    one_attempt.fault(method="POST", **fault)
    one_attempt.fault(method="GET", path="/webhooks", skip=1, drop="before", times=50)
    with pytest.raises(PartneroError):
        _register().execute(make_context())
    one_attempt.clear_faults()
    _register().execute(make_context(try_number=2))
    assert _only(one_attempt)["url"] == BASE + PATH


def test_a_lost_answer_is_resolved_within_the_try_if_partnero_answers_again(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.fault(method="POST", drop="after")
    _register().execute(make_context())
    assert _only(sandbox)["url"] == BASE + PATH


def test_a_programme_of_a_hundred_webhooks_keeps_the_others(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.seed(100)
    sandbox.put_webhooks(FOREIGN)
    before = sandbox.webhooks()
    _register().execute(make_context())
    assert sandbox.webhooks()[:-1] == before
    _unregister().execute(make_context())
    assert sandbox.webhooks() == before


@pytest.mark.parametrize("nothing", [None, "", " ", "None"])
@pytest.mark.parametrize("make", [_register, _unregister])
def test_a_name_that_renders_to_nothing_does_not_stand_for_the_default(
    sandbox: Sandbox, make_context: MakeContext, make: Any, nothing: str | None
) -> None:
    _register().execute(make_context())
    sandbox.clear_requests()
    task = make(webhook_name="{{ name }}")
    task.webhook_name = nothing
    with pytest.raises(AirflowFailException, match=r"^webhook_name="):
        task.execute(make_context())
    assert sandbox.requests() == []
    assert len(sandbox.webhooks()) == 1


@pytest.mark.parametrize("nothing", [None, "", " ", "None"])
def test_a_base_url_that_renders_to_nothing_unregisters_nothing(
    sandbox: Sandbox, make_context: MakeContext, nothing: str | None
) -> None:
    _register().execute(make_context())
    sandbox.clear_requests()
    task = _unregister(base_url="{{ url }}")
    task.base_url = nothing
    with pytest.raises(AirflowFailException, match=r"^base_url=.*: must be the URL of the receiver to unregister"):
        task.execute(make_context())
    assert sandbox.requests() == []


def test_the_base_url_is_the_argument_else_the_receivers_else_the_api_servers(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://api.example.com/af")
    assert _register(base_url=None).execute(make_context())["url"] == f"https://api.example.com/af{PATH}"
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_BASE_URL", "https://receiver.example.com/")
    assert _register(base_url=None).execute(make_context())["url"] == f"https://receiver.example.com{PATH}"
    assert _register(base_url=" https://here.example.com ").execute(make_context())["url"] == (
        f"https://here.example.com{PATH}"
    )
    for nothing in ("", "None", " "):
        assert _register(base_url=nothing).execute(make_context())["url"] == f"https://receiver.example.com{PATH}"


@pytest.mark.parametrize(
    "address",
    [
        "airflow.example.com",
        "ftp://airflow.example.com",
        "https://",
        "https:///path",
        "https://airflow.example.com/?a=b",
        "https://airflow.example.com/#top",
        "//airflow.example.com",
    ],
)
@pytest.mark.parametrize(
    ("source", "variable"),
    [
        ("base_url", None),
        ("[partnero] receiver_base_url", "AIRFLOW__PARTNERO__RECEIVER_BASE_URL"),
        ("[api] base_url", "AIRFLOW__API__BASE_URL"),
    ],
)
@pytest.mark.parametrize("make", [_register, _unregister])
def test_an_invalid_base_url_fails_at_once_with_its_source_and_nothing_is_sent(
    sandbox: Sandbox,
    make_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
    make: Any,
    source: str,
    variable: str | None,
    address: str,
) -> None:
    if variable:
        monkeypatch.setenv(variable, address)
    with pytest.raises(AirflowFailException) as caught:
        make(base_url=None if variable else address).execute(make_context())
    assert sandbox.requests() == []
    assert str(caught.value).startswith(
        f"{source}={address!r}: must be the URL at which Partnero reaches the API server"
    )


@pytest.mark.parametrize(
    "address",
    [
        "https://[bad",
        "https://airflow example.com",
        "https://airflow.example.com:99999",
        "https://airflow.example.com?",
        "https://airflow.example.com#",
    ],
)
@pytest.mark.parametrize("make", [_register, _unregister])
def test_a_text_that_only_looks_like_a_base_url_fails_too(
    sandbox: Sandbox, make_context: MakeContext, make: Any, address: str
) -> None:
    with pytest.raises(AirflowFailException) as caught:
        make(base_url=address).execute(make_context())
    assert sandbox.requests() == []
    assert str(caught.value).startswith(
        f"base_url={address!r}: must be the URL at which Partnero reaches the API server"
    )


@pytest.mark.parametrize("make", [_register, _unregister])
def test_what_stands_in_place_of_a_port_is_not_shown(sandbox: Sandbox, make_context: MakeContext, make: Any) -> None:
    with pytest.raises(AirflowFailException, match=r"base_url='https://user:\*\*\*': must be the URL") as caught:
        make(base_url="https://user:pAsSwOrD").execute(make_context())
    assert sandbox.requests() == []
    assert "pAsSwOrD" not in str(caught.value)


@pytest.mark.parametrize("make", [_register, _unregister])
def test_without_any_base_url_it_fails_at_once_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, make: Any
) -> None:
    with pytest.raises(AirflowFailException, match="base_url='': must be"):
        make(base_url=None).execute(make_context())
    assert sandbox.requests() == []


@pytest.mark.parametrize(("events", "words"), [([], "events"), ("", "events"), ("[oops", "events"), (7, "events")])
def test_invalid_events_fail_at_once_and_nothing_is_written(
    sandbox: Sandbox, make_context: MakeContext, events: Any, words: str
) -> None:
    with pytest.raises(AirflowFailException, match=words):
        _register(events=events).execute(make_context())
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("conn_id", "quoted"), [("team/a", "team%2Fa"), ("a#b", "a%23b"), ("a:b", "a%3Ab"), ("a.b-c_d", "a.b-c_d")]
)
def test_a_connection_id_is_quoted_in_the_url(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch, conn_id: str, quoted: str
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", sandbox.connection_json)
    done = _register(partnero_conn_id=conn_id).execute(make_context())
    assert done["url"] == _only(sandbox)["url"] == f"{BASE}/partnero/webhooks/{quoted}"
    _unregister(partnero_conn_id=conn_id).execute(make_context())
    assert sandbox.webhooks() == []


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_connection_id_is_one_segment_of_the_path(conn_id: str) -> None:
    start = f"{BASE}/partnero/webhooks/"
    url = receiver_url(f"{BASE}/", conn_id)
    assert url.startswith(start)
    assert url.isascii()
    assert set(url.removeprefix(start)).isdisjoint("/#?: ")


def test_two_connections_to_one_programme_have_a_webhook_each(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", sandbox.connection_json)
    for conn_id in ("partnero_default", "other"):
        _register(partnero_conn_id=conn_id, webhook_name=f"for {conn_id}").execute(make_context())
    assert len({(webhook["key"], webhook["url"]) for webhook in sandbox.webhooks()}) == 2


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "192.168.1.7", "airflow-apiserver", "airflow.internal"]
)
def test_a_host_that_partnero_cannot_reach_leads_to_a_warning(
    sandbox: Sandbox, make_context: MakeContext, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    _register(base_url=f"http://{host}").execute(make_context())
    assert f"Partnero cannot reach http://{host}{PATH} from the internet: its host is " in _warnings(capsys)[0]
    assert _only(sandbox)["url"] == f"http://{host}{PATH}"


@pytest.mark.parametrize(("enabled", "warned"), [(None, 1), ("False", 1), ("True", 0)])
def test_a_receiver_that_is_not_enabled_leads_to_a_warning(
    sandbox: Sandbox,
    make_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    enabled: str | None,
    warned: int,
) -> None:
    if enabled:
        monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", enabled)
    _register().execute(make_context())
    told = _warnings(capsys)
    assert len(told) == warned
    assert all("[partnero] receiver_enabled is not True here" in line for line in told)
    assert all("or partnero-receiver or a drain takes the deliveries" in line for line in told)


def test_unregistering_deletes_what_it_can_name_and_says_what_it_cannot(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    ours = {"name": "Airflow receiver at airflow.example.com", "url": BASE + PATH, "events": EVENTS}
    sandbox.put_webhooks([{**ours, "key": " odd"}, {**ours, "key": "good"}])
    with pytest.raises(PartneroError, match=r"1 webhooks .* have keys that no request can name"):
        _unregister().execute(make_context())
    assert [webhook["key"] for webhook in sandbox.webhooks()] == [" odd"]


@pytest.mark.parametrize("options", [{}, {"webhook_name": "Ours"}], ids=str)
def test_unregistering_deletes_the_webhook_and_nothing_else_and_a_second_time_is_fine(
    sandbox: Sandbox, make_context: MakeContext, options: dict[str, Any]
) -> None:
    sandbox.put_webhooks(FOREIGN)
    before = sandbox.webhooks()
    [entry] = _register(**options).execute(make_context())["done"]
    done = _unregister(**options).execute(make_context())
    assert done == {"deleted": [{"key": entry["key"], "name": entry["name"]}]}
    assert sandbox.webhooks() == before
    sandbox.clear_requests()
    assert _unregister(**options).execute(make_context()) == {"deleted": []}
    assert _writes(sandbox) == []


def test_unregistering_finds_the_webhook_with_another_name_and_url(sandbox: Sandbox, make_context: MakeContext) -> None:
    _register().execute(make_context())
    sandbox.put_webhooks([_only(sandbox) | {"name": "renamed", "url": "https://else.example/"}])
    _unregister().execute(make_context())
    assert sandbox.webhooks() == []


def test_unregistering_finds_a_webhook_that_was_created_by_hand_and_taken_over(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    name = "Airflow receiver at airflow.example.com"
    sandbox.put_webhooks([{"key": "byHand", "name": name, "url": "https://old.example/", "events": EVENTS}])
    _register().execute(make_context())
    assert (_only(sandbox)["key"], _only(sandbox)["url"]) == ("byHand", BASE + PATH)
    assert _unregister().execute(make_context()) == {"deleted": [{"key": "byHand", "name": name}]}


def test_a_webhook_that_somebody_else_deletes_meanwhile_is_fine(sandbox: Sandbox, make_context: MakeContext) -> None:
    [entry] = _register().execute(make_context())["done"]
    sandbox.fault(method="DELETE", mutate=[{"delete": entry["key"]}])
    _unregister().execute(make_context())
    assert sandbox.webhooks() == []


def test_a_delete_with_a_lost_answer_succeeds_on_the_next_try(one_attempt: Sandbox, make_context: MakeContext) -> None:
    _register().execute(make_context())
    one_attempt.fault(method="DELETE", drop="after")
    with pytest.raises(PartneroError):
        _unregister().execute(make_context())
    assert _unregister().execute(make_context(try_number=2)) == {"deleted": []}


def test_a_webhook_that_was_unregistered_can_be_registered_again(sandbox: Sandbox, make_context: MakeContext) -> None:
    for _ in range(2):
        _register().execute(make_context())
        assert _only(sandbox)["url"] == BASE + PATH
        _unregister().execute(make_context())
        assert sandbox.webhooks() == []


def test_no_secret_is_in_the_results_the_log_or_xcom(
    sandbox: Sandbox, make_context: MakeContext, capsys: pytest.CaptureFixture[str]
) -> None:
    context = make_context()
    results = [_register().execute(context)]
    sandbox.put_webhooks([_only(sandbox) | {"signature": "sIgNaTuRe", "events": ["partner.created"]}])
    results += [_register().execute(context), _unregister().execute(context)]
    assert json.loads(json.dumps(results)) == results
    shown = f"{results}{context['ti'].pushed}" + capsys.readouterr().out
    assert "Plan: 0 to create, 1 to update" in shown
    assert "sIgNaTuRe" not in shown


@pytest.mark.parametrize("address", ["https://user:pAsSwOrD@localhost", "https://user:pAsSwOrD@localhost/?x=1"])
def test_a_password_in_the_base_url_is_not_shown(
    sandbox: Sandbox, make_context: MakeContext, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    try:
        shown = str(_register(base_url=address).execute(make_context()))
    except AirflowFailException as error:
        shown = str(error)
    assert "pAsSwOrD" not in shown + capsys.readouterr().out


def test_it_waits_until_the_webhook_is_active(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.set_activation_delay(0.5)
    _register().execute(make_context())
    assert _only(sandbox)["is_active"] is False
    _unregister().execute(make_context())
    waiting = _register(wait_until_active="True")
    waiting.clock = Clock(wait=lambda _seconds, _stopped: time.sleep(0.01))
    waiting.execute(make_context())
    assert _only(sandbox)["is_active"] is True


def test_a_webhook_that_does_not_become_active_in_time_fails_the_try(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.set_activation_delay(3_600)
    waiting = _register(wait_until_active=True)
    minutes = itertools.count(0, 60)
    waiting.clock = Clock(now=lambda: float(next(minutes)), wait=lambda _seconds, _stopped: None)
    with pytest.raises(PartneroError, match=r"not active after 600 s: 'Airflow receiver at airflow\.example\.com'"):
        waiting.execute(make_context())


def test_arguments_may_be_templates(sandbox: Sandbox, make_context: MakeContext) -> None:
    params = {"events": EVENTS, "host": "templated.example.com", "name": "Ours", "wait": False}
    templates = {
        "events": "{{ params.events }}",
        "base_url": "https://{{ params.host }}",
        "webhook_name": "{{ params.name }}",
        "wait_until_active": "{{ params.wait }}",
        "partnero_conn_id": "partnero_{{ 'default' }}",
    }
    operator = _register(**templates)
    operator.render_template_fields({"params": params})
    operator.execute(make_context())
    webhook = _only(sandbox)
    assert (webhook["name"], webhook["events"]) == ("Ours", EVENTS)
    assert webhook["url"] == f"https://templated.example.com{PATH}"
    removal = _unregister(**{name: templates[name] for name in ("base_url", "webhook_name", "partnero_conn_id")})
    removal.render_template_fields({"params": params})
    removal.execute(make_context())
    assert sandbox.webhooks() == []


@pytest.mark.parametrize(("connections", "warned"), [("partnero_default", 0), ("a, partnero_default", 0), ("other", 1)])
def test_a_connection_that_the_receiver_does_not_serve_leads_to_a_warning(
    sandbox: Sandbox,
    make_context: MakeContext,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    connections: str,
    warned: int,
) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_CONNECTIONS", connections)
    _register().execute(make_context())
    told = _warnings(capsys)
    assert len(told) == warned
    assert all("receiver_connections = 'other' is without 'partnero_default'" in line for line in told)


@pytest.mark.parametrize(
    ("everywhere", "own", "told"),
    [
        (None, None, "all data is stored (store = full): personal data of customers and partners, too"),
        ("ids", None, "no data is stored (store = ids)"),
        ("full", "data-keys", "the identifiers and the names of the fields in its data are stored (store = data-keys)"),
        ("ids", "data.key, url", "these fields are stored: data.key, url"),
    ],
)
def test_the_log_says_what_is_stored_who_can_read_it_and_until_when(
    sandbox: Sandbox,
    make_context: MakeContext,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    everywhere: str | None,
    own: str | None,
    told: str,
) -> None:
    connection = json.loads(sandbox.connection_json) | {"extra": {"store": own}}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__PARTNERO__KEEP_DAYS", "30")
    if everywhere:
        monkeypatch.setenv("AIRFLOW__PARTNERO__STORE", everywhere)
    _register().execute(make_context())
    [line] = [line for line in capsys.readouterr().out.splitlines() if "Of a delivery, " in line]
    assert f"Of a delivery, {told}" in line
    assert "Everybody who may read asset events in this Airflow can read it" in line
    assert "until `airflow db clean` deletes the events. For 30 days the ledger keeps" in line


def test_a_store_that_is_not_allowed_fails_the_task_before_anything_is_sent(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(sandbox.connection_json) | {"extra": {"store": "everything"}}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(connection))
    with pytest.raises(AirflowFailException, match="extra field store='everything': must be one of full"):
        _register().execute(make_context())
    assert sandbox.requests() == []
