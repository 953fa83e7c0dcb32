"""``doctor``: each line says ok, warn or fail, and what to do."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_partnero.commands import doctor
from airflow_provider_partnero.commands.airflow_checks import diagnose_receiver, lacking
from airflow_provider_partnero.commands.diagnosis import Diagnosis, within
from airflow_provider_partnero.sandbox import Sandbox

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


def test_an_address_at_which_nothing_listens_fails(run: Run) -> None:
    done = run("doctor", "--receiver-url", "http://127.0.0.1:9")
    assert done.code == 2
    assert (
        'fail  address    "http://127.0.0.1:9/partnero/webhooks/partnero_default" does not answer from here '
        "(ConnectionError)\n                 -> is the API server up, and its URL right?\n"
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
        "warn",
        "delivery",
        'no webhook delivers to the receiver of connection "nobody_has_this"',
        "create it with PartneroRegisterReceiverOperator",
    )
    assert found["settings"].verdict == "fail"
    assert found["secrets"].verdict == "fail"
    assert "hush" not in str([*map(str, found.values())])


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
