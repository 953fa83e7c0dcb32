"""The audit of many programmes: one that fails stops no other, and the report says what became of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, task

from airflow_provider_partnero.airflow_compat import AirflowFailException, AirflowTaskTimeout
from airflow_provider_partnero.assets import partnero_audit_asset
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator, PartneroFleetReportOperator
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.handover import Handover
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow

TOKEN = "tok-fleet-8Wq3"
SECRET = "sgn-9Kq2-never-to-be-seen"
WEAK = "hunter2"
URL = "https://hooks.acme.example/partnero"


def live(key: str, **others: Any) -> dict[str, Any]:
    return {"key": key, "name": f"Name {key}", "url": f"{URL}/{key}", "signature": f"{SECRET}-{key}"} | others


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Sandbox]]:
    """Three programmes behind the connections ``a``, ``b`` and ``c``, each with a webhook of its own."""
    with ExitStack() as stack:
        sandboxes = {conn_id: stack.enter_context(Sandbox(token=f"{TOKEN}-{conn_id}")) for conn_id in "abc"}
        for conn_id, sandbox in sandboxes.items():
            sandbox.set_program(f"Programme {conn_id.upper()}", f"ID-{conn_id}")
            sandbox.put_webhooks([live(f"of-{conn_id}")])
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", sandbox.connection_json)
        yield sandboxes


def refuse(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, conn_id: str) -> None:
    wrong = json.loads(sandbox.connection_json) | {"password": "wrong-token"}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(wrong))


def audits(make_context: MakeContext, conn_ids: list[str], run_id: str = "run", **options: Any) -> list[dict[str, Any]]:
    """What the mapped audits hand on, one after the other."""
    handed_on = []
    for index, conn_id in enumerate(conn_ids):
        context = make_context(map_index=index, run_id=run_id)
        options = {"fail_on": "never", "fleet": conn_ids} | options
        operator = PartneroAuditWebhooksOperator(task_id="audit", partnero_conn_id=conn_id, **options)
        try:
            handed_on.append(operator.execute(context))
        except AirflowFailException:
            handed_on.append(context["ti"].pushed["return_value"])
    return handed_on


def report(make_context: MakeContext, handed_on: Any, conn_ids: Any, **options: Any) -> dict[str, Any]:
    operator = PartneroFleetReportOperator(task_id="report", audits=handed_on, fleet=conn_ids, **options)
    returned: dict[str, Any] = operator.execute(make_context())
    return returned


def rows(returned: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["conn_id"]: row for row in returned["programmes"]}


def written(make_context: MakeContext, tmp_path: Path, handed_on: Any, conn_ids: list[str]) -> dict[str, Any]:
    """The report of a fleet of which a programme could not be audited."""
    path = tmp_path / "fleet.json"
    with pytest.raises(AirflowFailException, match="not audited"):
        report(make_context, handed_on, conn_ids, report_path=str(path), fail_on="never")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_sound_programmes_have_a_row_each_and_nothing_in_common(
    fleet: dict[str, Sandbox], make_context: MakeContext
) -> None:
    returned = report(make_context, audits(make_context, [*"abc"]), [*"abc"], fail_on="warning")
    assert returned["counts"] == {
        "programmes": 3, "not_audited": 0, "webhooks": 3, "active": 3, "inactive": 0, "findings": 0, "errors": 0,
        "warnings": 0, "by_rule": {},
    }  # fmt: skip
    assert [(row["conn_id"], row["program"], row["error"]) for row in returned["programmes"]] == [
        ("a", "Programme A (Affiliate)", None),
        ("b", "Programme B (Affiliate)", None),
        ("c", "Programme C (Affiliate)", None),
    ]
    assert returned["findings"] == []
    assert json.loads(json.dumps(returned)) == returned


def test_one_url_and_one_secret_in_two_programmes_are_found_however_the_url_is_written(
    fleet: dict[str, Sandbox], make_context: MakeContext
) -> None:
    fleet["a"].put_webhooks([live("one", url="https://crm.acme.example/hook"), live("two", signature=WEAK)])
    fleet["c"].put_webhooks([live("uno", url="https://CRM.acme.example:443/hook#x"), live("due", signature=WEAK)])
    returned = report(make_context, audits(make_context, [*"abc"]), [*"abc"], fail_on="never")
    assert [(found["rule"], found["severity"]) for found in returned["findings"]] == [
        ("PW022", "error"),
        ("PW021", "warning"),
    ]
    secret, url = (found["words"] for found in returned["findings"])
    assert secret == '2 programmes sign with the same secret: a "Name two" (two) and c "Name due" (due).'
    assert url == ('2 programmes deliver to https://crm.acme.example/hook: a "Name one" (one) and c "Name uno" (uno).')
    assert rows(returned)["a"]["notes"] == ["It has 2 findings in common with other programmes."]
    assert [row["conn_id"] for row in returned["programmes"]] == ["a", "c", "b"]
    with pytest.raises(AirflowFailException, match=re.escape("fail_on='error'")):
        report(make_context, audits(make_context, [*"abc"]), [*"abc"])
    ignored = report(make_context, audits(make_context, [*"abc"]), [*"abc"], ignore=["PW022"], fail_on="error")
    assert [found["rule"] for found in ignored["findings"]] == ["PW021"]


def test_what_one_programme_has_twice_is_no_finding_across(
    fleet: dict[str, Sandbox], make_context: MakeContext
) -> None:
    twice = [live("one", url=URL, signature=WEAK), live("two", url=URL, signature=WEAK, events=["lead.submitted"])]
    fleet["a"].put_webhooks(twice)
    assert report(make_context, audits(make_context, [*"abc"]), [*"abc"], fail_on="never")["findings"] == []


def test_an_inactive_webhook_delivers_nothing_but_its_secret_counts(
    fleet: dict[str, Sandbox], make_context: MakeContext
) -> None:
    fleet["a"].put_webhooks([live("one", url=URL, signature=WEAK)])
    fleet["b"].put_webhooks([live("two", url=URL, signature=WEAK, is_active=False)])
    returned = report(make_context, audits(make_context, [*"ab"]), [*"ab"], fail_on="never")
    assert [found["rule"] for found in returned["findings"]] == ["PW022"]


def test_a_refused_token_has_a_row_that_says_so_and_the_others_are_audited(
    fleet: dict[str, Sandbox], make_context: MakeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, fleet["b"], "b")
    found = written(make_context, tmp_path, audits(make_context, [*"abc"]), [*"abc"])
    assert [row["conn_id"] for row in found["programmes"]] == ["b", "a", "c"]
    assert "Partnero refuses the token" in rows(found)["b"]["error"]
    assert "connection 'b'" in rows(found)["b"]["error"]
    assert (found["counts"]["not_audited"], found["counts"]["webhooks"]) == (1, 2)


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        (None, "connection 'x' does not exist: add it, or take it out of the fleet"),
        ({"conn_type": "http", "password": "other-service", "host": "x"}, "connection 'x' is of type 'http': must be"),
        ({"conn_type": "partnero"}, "connection 'x' has no API token"),
        ({"conn_type": "partnero", "password": "t", "extra": {"timeout": "soon"}}, "extra field timeout='soon'"),
    ],
)
@pytest.mark.parametrize("fleet_of", [["x", "a", "b"], ["a", "b", "x"]], ids=["first", "last"])
def test_a_connection_that_cannot_be_used_says_why_and_nothing_is_sent_with_it(
    fleet: dict[str, Sandbox],
    make_context: MakeContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    connection: dict[str, Any] | None,
    words: str,
    fleet_of: list[str],
) -> None:
    if connection:
        monkeypatch.setenv("AIRFLOW_CONN_X", json.dumps(connection))
    for conn_id in "ab":
        fleet[conn_id].put_webhooks([live(conn_id, signature=WEAK)])
    found = written(make_context, tmp_path, audits(make_context, fleet_of), fleet_of)
    assert words in rows(found)["x"]["error"]
    assert [one["rule"] for one in found["findings"]] == ["PW022"]  # the others are compared all the same
    assert "other-service" not in json.dumps(found)


def test_a_connection_named_twice_counts_once_and_says_so(fleet: dict[str, Sandbox], make_context: MakeContext) -> None:
    fleet_of = ["a", "b", " a "]
    returned = report(make_context, audits(make_context, ["a", "b", "a"]), fleet_of, fail_on="warning")
    assert [row["conn_id"] for row in returned["programmes"]] == ["a", "b"]
    assert rows(returned)["a"]["notes"] == ["It is named 2 times and counts once."]
    assert (returned["counts"]["programmes"], returned["counts"]["webhooks"]) == (2, 2)
    assert returned["findings"] == []


def test_two_connections_to_one_programme_count_once_and_say_so(
    fleet: dict[str, Sandbox], make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_D", fleet["a"].connection_json)
    returned = report(make_context, audits(make_context, [*"abd"]), [*"abd"], fail_on="warning")
    assert rows(returned)["d"]["notes"] == ['It leads to the same programme as "a" and counts once.']
    assert (returned["counts"]["programmes"], returned["counts"]["webhooks"]) == (2, 2)
    assert returned["findings"] == []


def test_an_audit_that_handed_on_nothing_has_a_row(
    fleet: dict[str, Sandbox], make_context: MakeContext, tmp_path: Path
) -> None:
    found = written(make_context, tmp_path, audits(make_context, ["a"]), ["a", "killed"])
    assert "handed on nothing" in rows(found)["killed"]["error"]
    nothings: list[Any] = [None, []]
    for nothing in nothings:
        found = written(make_context, tmp_path, nothing, ["a"])
        assert found["counts"]["not_audited"] == 1


def test_audits_that_are_not_mapped_come_as_a_list_with_none_for_one_that_handed_on_nothing(
    fleet: dict[str, Sandbox], make_context: MakeContext, tmp_path: Path
) -> None:
    first, second, _ = audits(make_context, [*"abc"])
    found = rows(written(make_context, tmp_path, [first, second, None], [*"abc"]))
    assert [found[conn_id]["error"] is None for conn_id in "abc"] == [True, True, False]


def test_an_audit_that_takes_too_long_says_so(
    fleet: dict[str, Sandbox], make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*_: Any, **__: Any) -> Any:
        raise AirflowTaskTimeout("Timeout")

    monkeypatch.setattr(PartneroHook, "iter_webhooks", wait)
    context = make_context()
    operator = PartneroAuditWebhooksOperator(task_id="audit", partnero_conn_id="a", fleet=[*"abc"])
    with pytest.raises(AirflowTaskTimeout):
        operator.execute(context)
    handed_on = context["ti"].pushed["return_value"]["fleet"]
    assert handed_on["error"] == "Its audit took longer than its execution_timeout."


@pytest.mark.parametrize("failed", [0, 2])
def test_of_two_audits_of_one_connection_the_one_that_did_not_fail_counts(
    fleet: dict[str, Sandbox], make_context: MakeContext, failed: int
) -> None:
    handed_on = audits(make_context, [*"aba"])
    handed_on[failed] = {"fleet": Handover("a", "Partnero did not answer.").to_dict()}
    returned = report(make_context, handed_on, [*"aba"], fail_on="never")
    assert [row["error"] for row in returned["programmes"]] == [None, None]


def test_two_spellings_of_partneros_address_lead_to_one_programme(
    fleet: dict[str, Sandbox], make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = json.loads(fleet["a"].connection_json)
    monkeypatch.setenv("AIRFLOW_CONN_B", json.dumps(same | {"host": same["host"].replace("http", "HTTP")}))
    returned = report(make_context, audits(make_context, [*"ab"]), [*"ab"])
    assert rows(returned)["b"]["notes"] == ['It leads to the same programme as "a" and counts once.']
    assert returned["findings"] == []


def test_an_audit_that_fails_for_its_findings_hands_on_what_it_found(
    fleet: dict[str, Sandbox], make_context: MakeContext
) -> None:
    fleet["a"].put_webhooks([live("bad", url="http://hooks.acme.example/bad")])
    handed_on = audits(make_context, [*"ab"], fail_on="error")
    returned = report(make_context, handed_on, [*"ab"], fail_on="never")
    assert rows(returned)["a"]["error"] is None
    assert rows(returned)["a"]["counts"]["errors"] == 1


def test_audits_of_two_runs_are_not_compared_and_say_so(fleet: dict[str, Sandbox], make_context: MakeContext) -> None:
    for conn_id in "abc":
        fleet[conn_id].put_webhooks([live(conn_id, signature=WEAK)])
    handed_on = audits(make_context, [*"ab"], fleet=[*"abc"])
    other = audits(make_context, ["c"], run_id="another", fleet=[*"abc"])
    returned = report(make_context, [*handed_on, *other], [*"abc"], fail_on="never")
    assert "cannot be compared" in rows(returned)["c"]["notes"][0]
    assert [found["words"].count("Name c") for found in returned["findings"]] == [0]


def test_what_is_handed_on_holds_no_secret_and_nothing_that_a_guess_can_be_tried_on(
    fleet: dict[str, Sandbox],
    make_context: MakeContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import hashlib
    import hmac

    url = f"https://user:{WEAK}@hooks.acme.example/x"
    for conn_id in "ab":
        fleet[conn_id].put_webhooks([live(conn_id, signature=WEAK, url=url)])
    refuse(monkeypatch, fleet["c"], "c")
    handed_on = audits(make_context, [*"abc"])
    paths = [str(tmp_path / f"fleet{suffix}") for suffix in (".json", ".md", ".html")]
    with pytest.raises(AirflowFailException) as failed:
        report(make_context, handed_on, [*"abc"], report_path=paths)
    shown = json.dumps(handed_on) + f"{failed.value!r}" + capsys.readouterr().out
    shown += "".join(Path(path).read_text() for path in paths)
    guesses = [
        digest
        for text in (WEAK, url)
        for name in ("md5", "sha1", "sha256")
        for digest in (
            getattr(hashlib, name)(text.encode()).hexdigest()[:16],
            hmac.new(b"run", text.encode(), name).hexdigest()[:16],
        )
    ]
    assert "Name a" in shown
    assert [secret for secret in (WEAK, SECRET, TOKEN, "wrong-token", *guesses) if secret in shown] == []
    for path in paths:  # nor the digests themselves
        for webhook in handed_on[0]["fleet"]["webhooks"]:
            assert webhook[-1] not in Path(path).read_text()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"fail_on": "errors"}, "fail_on='errors': must be one of 'error', 'warning', 'never'"),
        ({"report_path": "s3://bucket/fleet.pdf"}, "fleet.pdf': must end in one of .json, .md, .html"),
        ({"report_path": ["/tmp/a.json", "/tmp/b"]}, "report_path='/tmp/b': must end in"),
        ({"ignore": ["PW001"]}, "'PW001'"),
        ({"fleet": [5]}, "fleet: 5 given"),
        ({"fleet": "None"}, "fleet: 'None' given"),
        ({"fleet": [], "handed_on": []}, "fleet: no connection is named"),
        ({"handed_on": "text"}, "audits='text': must be what the audits returned"),
        ({"handed_on": [{"counts": {}}]}, "has no 'fleet'; give the audit fleet=[...]"),
        ({"handed_on": [{"fleet": {"conn_id": 5}}]}, "is not what an audit with fleet=[...] hands on"),
    ],
)
def test_a_wrong_argument_of_the_report_is_named(make_context: MakeContext, wrong: dict[str, Any], words: str) -> None:
    options: dict[str, Any] = {"handed_on": [], "fleet": ["a"]} | wrong
    with pytest.raises(AirflowFailException, match=re.escape(words)):
        report(make_context, options.pop("handed_on"), options.pop("fleet"), **options)


def test_without_a_fleet_an_audit_hands_on_nothing_and_takes_any_connection(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    returned = PartneroAuditWebhooksOperator(task_id="audit").execute(make_context())
    assert "fleet" not in returned


def _asset_events(conn_id: str) -> list[Any]:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    uri = partnero_audit_asset(conn_id).uri
    with create_session() as session:
        return [event.extra for event in session.scalars(select(AssetEvent)) if event.uri == uri]


def test_a_run_with_a_refused_token_is_red_by_its_report_alone_and_every_audit_is_an_event(
    airflow: Airflow, fleet: dict[str, Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, fleet["b"], "b")
    path = tmp_path / "fleet.json"
    with DAG("unit_fleet", schedule=None, start_date=datetime(2026, 1, 1)) as dag:

        @task
        def connections() -> list[str]:
            return [*"abc"]

        conn_ids: Any = connections()
        audit = PartneroAuditWebhooksOperator.partial(task_id="audit", fleet=conn_ids, fail_on="never")
        audited: Any = audit.expand(partnero_conn_id=conn_ids).output
        PartneroFleetReportOperator(
            task_id="report", audits=audited, fleet=conn_ids, report_path=f"['{path}', '{tmp_path}/fleet.html']"
        )
    before = {conn_id: len(_asset_events(conn_id)) for conn_id in "abc"}
    done = airflow.run(dag)
    assert [run.state for run in done["audit"]] == ["success", "failed", "success"]
    assert [run.state for run in done["report"]] == ["failed"]
    assert "refuses the token" in rows(json.loads(path.read_text()))["b"]["error"]
    assert (tmp_path / "fleet.html").exists()
    after = {conn_id: _asset_events(conn_id)[before[conn_id] :] for conn_id in "abc"}
    assert {conn_id: len(events) for conn_id, events in after.items()} == {"a": 1, "b": 0, "c": 1}
    assert after["a"][0]["counts"]["webhooks"] == 1
