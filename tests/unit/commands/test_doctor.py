"""``doctor``: each line says ok, warn or fail, and what to do."""

from __future__ import annotations

import json
import threading

import pytest

from airflow_provider_partnero.commands import doctor
from airflow_provider_partnero.commands.airflow_checks import diagnose_receiver, lacking
from airflow_provider_partnero.commands.diagnosis import Diagnosis, within
from airflow_provider_partnero.commands.parser import main
from airflow_provider_partnero.sandbox import Sandbox
from tests.unit.conftest import Airflow
from tests.unit.operators.receiving_end import Arriving, ReceivingEnd, told

from .conftest import Run, live


def test_a_healthy_programme_is_ok_throughout(run: Run, partnero_sandbox: Sandbox) -> None:
    partnero_sandbox.put_webhooks([live("A", "keyA")])
    done = run("doctor")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[:4] == [
        f"ok    token      Partnero at {partnero_sandbox.base_url} accepts it",
        "ok    programme  Demo programme (Affiliate)",
        "ok    clock      agrees with Partnero's",
        "ok    webhooks   1 webhook, 0 inactive",
    ]
    assert lines[4].startswith("ok    airflow    3.")
    assert lines[5] == "ok    receiver   is off, and no webhook delivers to it"


def test_a_refused_token_fails_and_the_rest_is_still_looked_at(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTNERO_TOKEN", "wrong-token")
    done = run("doctor")
    assert done.code == 2
    assert done.out.startswith("fail  token      Partnero refuses the token (")
    assert "receiver" in done.out
    assert "wrong-token" not in done.out


def test_a_missing_token_fails_and_says_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTNERO_TOKEN", "")
    done = run("doctor")
    assert done.code == 2
    assert done.out.startswith("fail  token      no API token: PARTNERO_TOKEN is empty. Either set the environment")


def test_a_webhook_that_delivers_to_a_receiver_that_is_off_fails(run: Run, partnero_sandbox: Sandbox) -> None:
    url = "https://airflow.example.com/partnero/webhooks/partnero_default"
    partnero_sandbox.put_webhooks([live("Receiver", "keyR", url=url)])
    done = run("doctor")
    assert done.code == 2
    assert 'fail  receiver   is off here, but "Receiver" delivers to it' in done.out
    assert "start partnero-receiver, or set AIRFLOW__PARTNERO__RECEIVER_ENABLED=True" in done.out


def test_a_receiver_that_runs_apart_is_looked_at_like_one_that_is_on(
    run: Run, partnero_sandbox: Sandbox, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def receiver(arriving: Arriving) -> None:
        arriving.read()
        arriving.give(*told(401, "unauthorized"))

    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps({"conn_type": "partnero", "password": "t"}))
    with ReceivingEnd(receiver) as end:
        url = f"{end.base_url()}/partnero/webhooks/partnero_default"
        partnero_sandbox.put_webhooks([live("Receiver", "keyR", url=url)])
        done = run("doctor", "--receiver-url", end.base_url())
    assert "ok    receiver   is off here, and one answers at its address" in done.out
    for subject in ("address", "settings", "delivery", "secrets", "tables", "kept data", "last", "unheard"):
        assert f"  {subject:<9}  " in done.out
    assert "fail" not in done.out
    assert done.code == 0


def test_where_the_webhooks_cannot_be_read_nothing_is_said_of_where_they_deliver() -> None:
    [switch] = diagnose_receiver("partnero_default", None, None)
    assert switch.verdict == "warn"
    assert "whether a webhook delivers to one is not known" in switch.words


def test_an_address_at_which_nothing_listens_fails(run: Run) -> None:
    done = run("doctor", "--receiver-url", "http://127.0.0.1:9")
    assert done.code == 2
    assert (
        'fail  address    "http://127.0.0.1:9/partnero/webhooks/partnero_default" does not answer from here '
        "(ConnectionError)\n                 -> is the receiver up (in the API server, or apart), and its URL right?\n"
    ) in done.out


def test_an_address_that_is_another_service_fails(run: Run, partnero_sandbox: Sandbox) -> None:
    done = run("doctor", "--receiver-url", partnero_sandbox.root_url)
    assert done.code == 2
    assert "answers 404, which is not the receiver" in done.out


def test_a_receiver_without_its_connection_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_BASE_URL", "https://user:hush@airflow.example.com")
    found = {one.subject: one for one in diagnose_receiver("nobody_has_this", None, [])}
    assert found["receiver"].verdict == "ok"
    assert found["address"].verdict == "fail"
    assert found["delivery"] == Diagnosis(
        "fail",
        "delivery",
        'no webhook delivers to the receiver of connection "nobody_has_this", so none may sign',
        "create it with PartneroRegisterReceiverOperator, or put signing_secrets into the connection",
    )
    assert found["settings"].verdict == "fail"
    assert found["secrets"].verdict == "fail"
    assert "hush" not in str([*map(str, found.values())])


def test_secrets_in_the_connection_do_without_a_webhook_of_the_receivers_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")
    extra = {"signing_secrets": {"key": "sgn-4Xw9-never-seen"}}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps({"conn_type": "partnero", "extra": extra}))
    found = {one.subject: one for one in diagnose_receiver("partnero_default", None, [])}
    assert found["delivery"].verdict == "ok"
    assert found["secrets"] == Diagnosis("ok", "secrets", "the connection has 1 signing secret")
    assert "never-seen" not in str([*map(str, found.values())])


def test_a_connection_of_another_type_fails_as_the_receiver_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps({"conn_type": "http", "password": "t"}))
    found = {one.subject: one for one in diagnose_receiver("partnero_default", None, [])}
    assert found["secrets"].verdict == "fail"
    assert "its type is not partnero" in found["secrets"].words


def test_a_malformed_connection_is_not_told_as_one_that_is_missing(
    airflow: Airflow, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PARTNERO_TOKEN")
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_CONNECTIONS", "broken")
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", '{"conn_type": "partnero", "password": "tOkEn"')
    assert main(["doctor", "--conn-id", "broken"]) == 2
    out = capsys.readouterr().out
    malformed = "the environment variable AIRFLOW_CONN_BROKEN is malformed (JSONDecodeError): it must be a URI"
    assert f"fail  token      the Airflow connection 'broken' cannot be read: {malformed}" in out
    assert f'fail  secrets    the receiver cannot read the Airflow connection "broken": {malformed}' in out
    assert "tOkEn" not in out


def test_a_bad_option_is_one_line_with_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")
    monkeypatch.setenv("AIRFLOW__PARTNERO__KEEP_DAYS", "for ever")
    found = {one.subject: one for one in diagnose_receiver("partnero_default", None, [])}
    assert found["settings"].verdict == "fail"
    assert found["settings"].words.startswith("[partnero] keep_days = 'for ever': must be a whole number")
    assert "until then it takes no deliveries" in found["settings"].remedy


@pytest.mark.parametrize(
    ("lead", "verdict", "words"),
    [
        (None, "ok", "Partnero does not tell the time"),
        (0.4, "ok", "agrees with Partnero's"),
        (-30, "ok", "agrees with Partnero's"),
        (75, "warn", "is 75 s behind Partnero's"),
        (-86_400, "warn", "is 86,400 s ahead of Partnero's"),
    ],
)
def test_clocks_that_differ_are_told_apart(lead: float | None, verdict: str, words: str) -> None:
    diagnosis = doctor.clock(lead)
    assert [diagnosis.verdict, diagnosis.words] == [verdict, words]
    assert bool(diagnosis.remedy) is (verdict == "warn")


@pytest.mark.parametrize(
    ("version", "number"), [("3.0.6", 3), ("3.1.8", 2), ("3.2.2", 1), ("3.3.0b1", 0), ("3.10.1", 0), ("4.0.0", 0)]
)
def test_an_older_airflow_lacks_more(version: str, number: int) -> None:
    assert len(lacking(version)) == number


def test_what_hangs_is_left_behind() -> None:
    never = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
        within(0.01, lambda: never.wait(60))
    never.set()


def test_what_raises_raises_in_the_callers_thread() -> None:
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 / 0)
