"""Webhooks as code against the sandbox: one end state, whatever fails on the way, and no write too many."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api import PartneroError
from airflow_provider_partnero.operators import reconciling
from airflow_provider_partnero.operators.partnero import PartneroReconcileWebhooksOperator
from airflow_provider_partnero.sandbox import Profile, Sandbox
from tests.conftest import MakeContext

WRITES = {"POST", "PUT", "DELETE"}


def _spec(name: str, **others: Any) -> dict[str, Any]:
    return {"name": name, "url": f"https://{name.lower()}.example/x", "events": ["partner.created"], **others}


DECLARED = [_spec("A"), _spec("B", events=["partner.created", "customer.created"]), _spec("C", is_active=False)]
LIVE = [
    {"key": "liveB", **_spec("B")},
    {"key": "liveC", **_spec("C")},
    {"key": "liveX", **_spec("X")},
]


def _reconcile(webhooks: Any = DECLARED, **options: Any) -> PartneroReconcileWebhooksOperator:
    return PartneroReconcileWebhooksOperator(task_id="reconcile", webhooks=webhooks, **options)


def _state(sandbox: Sandbox) -> list[tuple[Any, ...]]:
    return sorted(
        (webhook["name"], webhook["url"], tuple(sorted(webhook["events"])), webhook["is_active"])
        for webhook in sandbox.webhooks()
    )


def _wanted(specs: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(
        (spec["name"], spec["url"], tuple(sorted(set(spec["events"]))), spec.get("is_active", True)) for spec in specs
    )


def _writes(sandbox: Sandbox) -> list[str]:
    return [request.method for request in sandbox.requests() if request.method in WRITES]


def test_the_programme_becomes_what_is_declared_and_a_second_run_writes_nothing(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.put_webhooks(LIVE)
    done = _reconcile(prune=True).execute(make_context())
    assert _state(sandbox) == _wanted(DECLARED)
    assert done["plan"]["summary"] == "Plan: 1 to create, 2 to update, 1 to delete, 0 unchanged."
    assert [(entry["kind"], entry["name"]) for entry in done["done"]] == [
        ("create", "A"),
        ("update", "B"),
        ("update", "C"),
        ("delete", "X"),
    ]
    assert json.loads(json.dumps(done)) == done

    sandbox.clear_requests()
    again = _reconcile(prune=True).execute(make_context())
    assert _writes(sandbox) == []
    assert again["done"] == []


def test_a_dry_run_writes_nothing_and_returns_the_plan(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.put_webhooks(LIVE)
    done = _reconcile(prune=True, dry_run="True").execute(make_context())
    assert (done["dry_run"], done["done"], _writes(sandbox)) == (True, [], [])
    assert done["plan"]["counts"]["create"] == 1


def test_without_prune_nothing_undeclared_is_touched(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.put_webhooks(LIVE)
    done = _reconcile().execute(make_context())
    assert "liveX" in {webhook["key"] for webhook in sandbox.webhooks()}
    assert "DELETE" not in _writes(sandbox)
    assert done["plan"]["counts"]["undeclared"] == 1


def test_more_deletes_than_allowed_are_refused_before_anything_is_written(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.seed(6)
    with pytest.raises(AirflowFailException, match="deletes 6 webhooks and max_deletes=5: nothing was written"):
        _reconcile(prune=True).execute(make_context())
    assert _writes(sandbox) == []
    _reconcile(prune=True, max_deletes="6").execute(make_context())
    assert _state(sandbox) == _wanted(DECLARED)


def test_what_is_known_by_name_only_is_taken_over_unless_that_is_forbidden(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.put_webhooks(LIVE)
    with pytest.raises(AirflowFailException, match=r"adopt=True: 'B' \(key '?liveB'?\), 'C'"):
        _reconcile(adopt=False).execute(make_context())
    assert _writes(sandbox) == []
    for webhook in LIVE:
        sandbox.delete_webhook(webhook["key"])
    _reconcile(adopt=False).execute(make_context())
    assert _reconcile(adopt=False).execute(make_context())["done"] == []


def test_a_webhook_we_made_is_known_again_under_another_name(sandbox: Sandbox, make_context: MakeContext) -> None:
    _reconcile([_spec("A")]).execute(make_context())
    [made] = sandbox.webhooks()
    sandbox.put_webhooks([made | {"name": "renamed by hand"}])
    _reconcile([_spec("A")]).execute(make_context())
    assert _state(sandbox) == _wanted([_spec("A")])


@pytest.mark.parametrize("taken_key", get_args(get_type_hints(Profile)["taken_key"]))
@pytest.mark.parametrize("fault", [{"drop": "after"}, {"drop": "before"}, {"status": 500, "applied": True}], ids=str)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("nth", [0, 1])
def test_a_crash_at_any_write_is_mended_by_the_next_run(
    one_attempt: Sandbox, make_context: MakeContext, taken_key: Any, fault: dict[str, Any], method: str, nth: int
) -> None:
    one_attempt.reset(Profile(taken_key=taken_key))
    declared = [_spec("A"), _spec("A2"), *DECLARED[1:]]
    one_attempt.put_webhooks([*LIVE, {"key": "liveY", **_spec("Y")}])
    one_attempt.fault(method=method, skip=nth, **fault)
    context = make_context()
    try:
        _reconcile(declared, prune=True).execute(context)
        assert method == "POST", "only a create can be settled within the run"
    except PartneroError:
        assert context["ti"].pushed["half_applied"]["not_done"]
    _reconcile(declared, prune=True).execute(make_context())
    assert _state(one_attempt) == _wanted(declared)
    one_attempt.clear_requests()
    _reconcile(declared, prune=True).execute(make_context())
    assert _writes(one_attempt) == []


def test_a_plan_that_fails_half_way_says_what_was_done_and_what_was_not(
    sandbox: Sandbox, make_context: MakeContext, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.put_webhooks(LIVE)
    sandbox.fault(method="PUT", skip=1, status=422)
    context = make_context()
    with caplog.at_level(logging.ERROR), pytest.raises(AirflowFailException, match="422"):
        _reconcile(prune=True).execute(context)
    half = context["ti"].pushed["half_applied"]
    assert [entry["name"] for entry in half["done"]] == ["A", "B"]
    assert [entry["name"] for entry in half["not_done"]] == ["C", "X"]


@pytest.mark.parametrize(
    ("webhooks", "words"),
    [
        ([_spec("A"), _spec("A")], "2 declared webhooks have the name"),
        ([{"name": "A", "url": "https://a.example/"}], r"webhooks\[0\]: events missing"),
        ([_spec("A", evnts=[])], "evnts"),
        ([_spec("A", url="ftp://x")], r"webhooks\[0\].*url"),
        ("not: [closed", "no YAML"),
        ("nothing.yaml", "nothing.yaml"),
    ],
)
def test_a_wrong_declaration_fails_at_once_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, webhooks: Any, words: str
) -> None:
    with pytest.raises((AirflowFailException, LookupError, OSError), match=words):
        _reconcile(webhooks).execute(make_context())
    assert sandbox.requests() == []


def test_two_live_webhooks_of_a_declared_name_fail_at_once_with_their_keys(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.put_webhooks([{"key": "one", **_spec("A")}, {"key": "two", **_spec("A")}])
    with pytest.raises(AirflowFailException, match=r"one.*two"):
        _reconcile([_spec("A")]).execute(make_context())
    assert _writes(sandbox) == []


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
def test_a_file_is_read_from_an_absolute_path_and_rendered(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"webhooks{suffix}"
    path.write_text(json.dumps({"webhooks": [_spec("{{ params.name }}", url="https://a.example/")]}))
    operator = _reconcile(str(path))
    operator.render_template_fields({"params": {"name": "Rendered"}})
    operator.execute(make_context())
    assert [webhook["name"] for webhook in sandbox.webhooks()] == ["Rendered"]


def test_a_url_that_ends_like_a_file_is_no_file(sandbox: Sandbox, make_context: MakeContext) -> None:
    operator = _reconcile([_spec("A", url="https://a.example/hook.json")])
    operator.render_template_fields({})
    operator.execute(make_context())
    assert sandbox.webhooks()[0]["url"] == "https://a.example/hook.json"


def test_a_webhook_that_somebody_deletes_meanwhile_does_not_stop_the_prune(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.put_webhooks(LIVE)
    sandbox.fault(method="DELETE", mutate=[{"delete": "liveX"}])
    _reconcile(prune=True).execute(make_context())
    assert _state(sandbox) == _wanted(DECLARED)


def test_it_waits_until_all_that_shall_be_active_are(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "_LOOK_EVERY", 0.05)
    sandbox.set_activation_delay(0.5)
    _reconcile(wait_until_active=True).execute(make_context())
    assert _state(sandbox) == _wanted(DECLARED)

    monkeypatch.setattr(reconciling, "_ACTIVE_WITHIN", 0.1)
    sandbox.set_activation_delay(60)
    with pytest.raises(PartneroError, match="not active yet: 'late'"):
        _reconcile([*DECLARED, _spec("late")], wait_until_active=True).execute(make_context())


def test_xcom_stays_small_for_a_thousand_webhooks(
    sandbox: Sandbox, make_context: MakeContext, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        done = _reconcile([_spec(f"W{number}") for number in range(1000)]).execute(make_context())
    assert len(sandbox.webhooks()) == 1000
    assert (len(done["done"]), done["done_left_out"]) == (100, 900)
    assert (len(done["plan"]["actions"]), done["plan"]["counts"]["create"]) == (100, 1000)
    assert len(json.dumps(done)) < 65_000


def test_no_secret_is_in_the_log_the_return_value_or_xcom(
    sandbox: Sandbox, make_context: MakeContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="airflow.task")
    url = "https://u:pAsSwOrD1@a.example/?token=tOkEnInUrL"
    sandbox.put_webhooks([{"key": "k", **_spec("A", url=url), "signature": "sIgNaTuRe"}])
    context = make_context()
    done = _reconcile([_spec("A")]).execute(context)
    shown = f"{done}{context['ti'].pushed}" + "".join(
        record.getMessage() for record in caplog.records if "airflow" in record.name
    )
    assert "update" in shown
    assert [secret for secret in ("pAsSwOrD1", "tOkEnInUrL", "sIgNaTuRe") if secret in shown] == []


NAMES = st.sampled_from(["A", "B", "C", "D", "E"])
EVENTS = st.sets(st.sampled_from(["partner.created", "customer.created", "partner.updated"]), min_size=1)


@st.composite
def _specs(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(NAMES, unique=True, max_size=5))
    return [_spec(name, events=sorted(draw(EVENTS)), is_active=draw(st.booleans())) for name in names]


@given(_specs(), _specs(), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_declaration_is_reached_in_one_run_and_kept_by_the_second(
    sandbox: Sandbox, make_context: MakeContext, declared: list[dict[str, Any]], live: list[dict[str, Any]], prune: bool
) -> None:
    sandbox.reset()
    sandbox.put_webhooks({"key": f"live{number}", **spec} for number, spec in enumerate(live))
    names = {spec["name"] for spec in declared}
    outside = [] if prune else [spec for spec in live if spec["name"] not in names]
    _reconcile(declared, prune=prune).execute(make_context())
    assert _state(sandbox) == _wanted([*declared, *outside])
    sandbox.clear_requests()
    _reconcile(declared, prune=prune).execute(make_context())
    assert _writes(sandbox) == []
