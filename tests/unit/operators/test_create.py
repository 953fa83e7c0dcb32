"""A create makes one webhook, however often the task is tried and whatever Partnero does with keys."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api import PartneroAmbiguousError, PartneroConflictError, PartneroError
from airflow_provider_partnero.operators.keys import derived_key
from airflow_provider_partnero.operators.partnero import PartneroCreateWebhookOperator, PartneroUpdateWebhookOperator
from airflow_provider_partnero.sandbox import Profile, Sandbox
from tests.conftest import MakeContext

DEMO: dict[str, Any] = {"name": "Demo", "url": "https://receiver.example/demo", "events": ["partner.created"]}
TAKEN_KEY = get_args(get_type_hints(Profile)["taken_key"])
HONOURED = [profile for profile in TAKEN_KEY if profile != "ignored"]
LOST = [{"drop": "after"}, {"status": 503, "applied": True}, {"body": "truncated"}, {"body": "cut"}]


def _create(**arguments: Any) -> PartneroCreateWebhookOperator:
    return PartneroCreateWebhookOperator(task_id="create", **{**DEMO, **arguments})


def _requests(sandbox: Sandbox) -> list[str]:
    return [f"{request.method} {request.path}" for request in sandbox.requests()]


def _fail_first_try(sandbox: Sandbox, make_context: MakeContext, fault: dict[str, Any], **arguments: Any) -> None:
    """Run a try that creates the webhook but does not learn of it, since the POST and later GETs get no answer."""
    sandbox.fault(method="POST", **fault)
    sandbox.fault(method="GET", skip=2, drop="before", times=50)
    with pytest.raises(PartneroError):
        _create(**arguments).execute(make_context(try_number=1))
    sandbox.clear_faults()
    assert len(sandbox.webhooks()) == 1


def test_the_derived_key_is_the_documented_one(sandbox: Sandbox, make_context: MakeContext) -> None:
    made = _create().execute(make_context(dag_id="d", task_id="t", run_id="r", map_index=3))
    assert made["key"] == derived_key("partnero_default", "d", "t", "r", 3)


def test_the_derived_key_depends_on_the_connection(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", sandbox.connection_json)
    keys = {_create(partnero_conn_id=conn).execute(make_context())["key"] for conn in ("partnero_default", "other")}
    assert len(keys) == 2


@pytest.mark.parametrize("fields", [{"map_index": None}, {"map_index": -1}])
def test_an_unmapped_task_has_one_key_in_all_versions_of_airflow(
    sandbox: Sandbox, make_context: MakeContext, fields: dict[str, Any]
) -> None:
    assert _create().execute(make_context(**fields))["key"] == derived_key("partnero_default", "dag", "task", "run", -1)


@pytest.mark.parametrize("taken_key", TAKEN_KEY)
def test_the_first_try_looks_for_key_and_content_and_posts_once_under_every_profile(
    sandbox: Sandbox, make_context: MakeContext, taken_key: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    key = derived_key("partnero_default", "dag", "task", "run", -1)
    _create().execute(make_context())
    assert _requests(sandbox) == [f"GET /webhooks/{key}", "GET /webhooks", "POST /webhooks"]


@pytest.mark.parametrize("taken_key", HONOURED)
@pytest.mark.parametrize("fault", LOST, ids=str)
@pytest.mark.parametrize("webhook_key", [None, "mine"])
@pytest.mark.parametrize("delay", [0, 600])
def test_a_retry_after_a_lost_answer_adopts_the_one_webhook(
    one_attempt: Sandbox,
    make_context: MakeContext,
    taken_key: Any,
    fault: dict[str, Any],
    webhook_key: str | None,
    delay: float,
) -> None:
    one_attempt.reset(Profile(taken_key=taken_key))
    one_attempt.set_activation_delay(delay)
    _fail_first_try(one_attempt, make_context, fault, webhook_key=webhook_key)
    one_attempt.clear_requests()

    for try_number in (2, 3):
        adopted = _create(webhook_key=webhook_key).execute(make_context(try_number=try_number))
        assert [adopted["key"]] == [webhook["key"] for webhook in one_attempt.webhooks()]
    assert "POST" not in {request.method for request in one_attempt.requests()}


@pytest.mark.parametrize("fault", LOST, ids=str)
@pytest.mark.parametrize("webhook_key", [None, "mine"])
@pytest.mark.parametrize("made_by", ["an earlier try", "another run"])
def test_if_partnero_ignores_keys_a_retry_takes_over_nothing_leaves_nothing_and_names_what_is_there(
    one_attempt: Sandbox, make_context: MakeContext, fault: dict[str, Any], webhook_key: str | None, made_by: str
) -> None:
    one_attempt.reset(Profile(taken_key="ignored"))
    if made_by == "another run":
        _create().execute(make_context(run_id="other"))
    else:
        _fail_first_try(one_attempt, make_context, fault, webhook_key=webhook_key)
    [there] = one_attempt.webhooks()
    with pytest.raises(AirflowFailException, match=there["key"]) as failed:
        _create(webhook_key=webhook_key).execute(make_context(try_number=2))
    assert isinstance(failed.value.__cause__, PartneroAmbiguousError)
    assert one_attempt.webhooks() == [there]


@pytest.mark.parametrize("taken_key", TAKEN_KEY)
def test_a_retry_after_a_try_that_sent_nothing_creates_the_webhook(
    sandbox: Sandbox, make_context: MakeContext, taken_key: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    made = _create().execute(make_context(try_number=2))
    assert [made["key"]] == [webhook["key"] for webhook in sandbox.webhooks()]


@pytest.mark.parametrize("taken_key", TAKEN_KEY)
@pytest.mark.parametrize("try_number", [1, 2])
@pytest.mark.parametrize("fault", [None, {"status": 503}, {"status": 408}, {"drop": "before"}], ids=str)
def test_two_runs_with_the_same_content_never_share_a_webhook(
    sandbox: Sandbox, make_context: MakeContext, taken_key: Any, try_number: int, fault: dict[str, Any] | None
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    first = _create().execute(make_context(run_id="A"))
    if fault:
        sandbox.fault(method="POST", **fault)
    second = _create()
    context = make_context(run_id="B", try_number=try_number)
    if (taken_key, try_number) == ("ignored", 2):  # nothing tells whose webhook is there
        with pytest.raises(AirflowFailException, match=first["key"]):
            second.execute(context)
        assert [webhook["key"] for webhook in sandbox.webhooks()] == [first["key"]]
        return
    assert [first["key"], second.execute(context)["key"]] == [webhook["key"] for webhook in sandbox.webhooks()]


@pytest.mark.parametrize("taken_key", TAKEN_KEY)
def test_a_lost_answer_is_resolved_within_the_same_try(
    sandbox: Sandbox, make_context: MakeContext, taken_key: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.set_activation_delay(600)
    sandbox.fault(method="POST", drop="after")
    made = _create().execute(make_context())
    assert [made["key"]] == [webhook["key"] for webhook in sandbox.webhooks()]


@pytest.mark.large
@pytest.mark.parametrize("taken_key", TAKEN_KEY)
def test_a_hundred_mapped_tasks_with_the_same_content_make_a_hundred_webhooks(
    sandbox: Sandbox, make_context: MakeContext, taken_key: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    for index in range(100):
        _create().execute(make_context(map_index=index))
    assert len(sandbox.webhooks()) == 100


@pytest.mark.parametrize("try_number", [1, 2])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Other"),
        ("url", "https://receiver.example/other"),
        ("events", ["partner.created", "partner.updated"]),
    ],
)
def test_a_given_key_of_a_different_webhook_is_a_conflict_at_once(
    sandbox: Sandbox, make_context: MakeContext, try_number: int, field: str, value: Any
) -> None:
    sandbox.put_webhooks([{**DEMO, "key": "mine", "is_active": True, field: value}])
    with pytest.raises(AirflowFailException, match=f"differs in {field}") as failed:
        _create(webhook_key="mine").execute(make_context(try_number=try_number))
    assert isinstance(failed.value.__cause__, PartneroConflictError)
    assert _requests(sandbox) == ["GET /webhooks/mine"]


def test_an_inactive_webhook_with_the_given_key_is_a_conflict_on_the_first_try(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.put_webhooks([{**DEMO, "key": "mine", "is_active": False}])
    with pytest.raises(AirflowFailException, match="differs in is_active"):
        _create(webhook_key="mine").execute(make_context())


def test_the_same_events_in_another_order_are_the_same_webhook(sandbox: Sandbox, make_context: MakeContext) -> None:
    events = ["partner.created", "customer.created"]
    sandbox.put_webhooks([{**DEMO, "key": "mine", "is_active": True, "events": events[::-1]}])
    assert _create(webhook_key="mine", events=events).execute(make_context())["key"] == "mine"


def test_without_a_key_the_tasks_own_is_derived(sandbox: Sandbox, make_context: MakeContext) -> None:
    made = _create(webhook_key=None).execute(make_context())
    assert made["key"] == derived_key("partnero_default", "dag", "task", "run", -1)


@pytest.mark.parametrize("nothing", [None, "", "None", " None "])
def test_a_key_that_renders_to_nothing_is_refused(
    sandbox: Sandbox, make_context: MakeContext, nothing: str | None
) -> None:
    create = _create(webhook_key="{{ key }}")
    create.webhook_key = nothing
    with pytest.raises(AirflowFailException, match=r"^webhook_key="):
        create.execute(make_context())
    assert sandbox.requests() == []


def test_not_idempotent_sends_one_post_and_leaves_the_key_to_partnero(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    keys = {_create(idempotent=False).execute(make_context())["key"] for _ in range(2)}
    assert _requests(sandbox) == ["POST /webhooks"] * 2
    assert keys == {webhook["key"] for webhook in sandbox.webhooks()}
    assert len(keys) == 2


def test_not_idempotent_with_a_given_key_is_safe_too(one_attempt: Sandbox, make_context: MakeContext) -> None:
    _fail_first_try(one_attempt, make_context, {"drop": "after"}, webhook_key="mine", idempotent=False)
    _create(webhook_key="mine", idempotent=False).execute(make_context(try_number=2))
    assert len(one_attempt.webhooks()) == 1


@pytest.mark.parametrize(
    "fault",
    [*LOST, {"status": 408}, {"status": 408, "applied": True}, {"status": 425}, {"status": 429, "body": "html"}],
    ids=str,
)
def test_without_a_key_an_unknown_outcome_fails_the_task_with_the_reason(
    sandbox: Sandbox, make_context: MakeContext, fault: dict[str, Any]
) -> None:
    sandbox.fault(method="POST", **fault)
    with pytest.raises(AirflowFailException, match="may have happened") as failed:
        _create(idempotent=False).execute(make_context())
    assert isinstance(failed.value.__cause__, PartneroAmbiguousError)
    assert _requests(sandbox) == ["POST /webhooks"]


def test_with_a_key_an_unknown_outcome_is_left_to_the_next_try(one_attempt: Sandbox, make_context: MakeContext) -> None:
    one_attempt.fault(method="POST", drop="after")
    one_attempt.fault(method="GET", skip=2, status=503, times=50)
    with pytest.raises(PartneroAmbiguousError):
        _create().execute(make_context())


def test_a_key_freed_between_look_and_retry_is_posted_again(one_attempt: Sandbox, make_context: MakeContext) -> None:
    _fail_first_try(one_attempt, make_context, {"drop": "after"})
    one_attempt.delete_webhook(one_attempt.webhooks()[0]["key"])
    made = _create().execute(make_context(try_number=2))
    assert [made["key"]] == [webhook["key"] for webhook in one_attempt.webhooks()]


@pytest.mark.parametrize("name", ["日本語 ☃", "Robert'); DROP TABLE", "{% not jinja %}", "two  blanks", "x" * 5000])
@pytest.mark.parametrize("taken_key", ["422", "second"])
def test_hostile_names_are_recognised_on_a_retry(
    one_attempt: Sandbox, make_context: MakeContext, name: str, taken_key: Any
) -> None:
    one_attempt.reset(Profile(taken_key=taken_key))
    _fail_first_try(one_attempt, make_context, {"drop": "after"}, name=name)
    _create(name=name).execute(make_context(try_number=2))
    assert len(one_attempt.webhooks()) == 1


KEYS = [derived_key("partnero_default", "dag", "task", "run", -1, *more) for more in ((), (1,), (2,))]


def _refuse(sandbox: Sandbox, keys: list[str]) -> None:
    """Make Partnero take these keys just before a POST, and free them before the next look."""
    for key in keys:
        ghost = {**DEMO, "key": key, "name": "Ghost"}
        sandbox.fault(method="POST", mutate=[{"insert": ghost}])
        sandbox.fault(method="GET", path=f"^/webhooks/{key}$", skip=1, mutate=[{"delete": key}])


@pytest.mark.parametrize("taken_key", ["422", "409"])
@pytest.mark.parametrize("refused", [1, 2])
def test_a_derived_key_that_partnero_refuses_after_a_deletion_is_replaced(
    sandbox: Sandbox, make_context: MakeContext, taken_key: Any, refused: int
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    _refuse(sandbox, KEYS[:refused])
    assert _create().execute(make_context(try_number=1))["key"] == KEYS[refused]
    # A retry looks for every key.
    assert _create().execute(make_context(try_number=2))["key"] == KEYS[refused]
    assert len(sandbox.webhooks()) == 1


@pytest.mark.parametrize("taken_key", ["422", "409"])
def test_a_given_key_is_never_replaced(sandbox: Sandbox, make_context: MakeContext, taken_key: Any) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    _refuse(sandbox, ["mine"])
    with pytest.raises(AirflowFailException, match=taken_key):
        _create(webhook_key="mine").execute(make_context())
    assert sandbox.webhooks() == []


def test_a_derived_key_of_a_different_webhook_is_a_conflict_and_never_replaced(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.fault(method="POST", mutate=[{"insert": {**DEMO, "key": KEYS[0], "name": "Other"}}])
    with pytest.raises(AirflowFailException, match="differs in name"):
        _create().execute(make_context())
    assert len(sandbox.webhooks()) == 1


def test_a_refusal_for_another_reason_tries_no_other_key(sandbox: Sandbox, make_context: MakeContext) -> None:
    with pytest.raises(AirflowFailException, match=r"events\.0"):
        _create(events=["no.such.event"]).execute(make_context())
    assert _requests(sandbox) == [f"GET /webhooks/{KEYS[0]}", "GET /webhooks", "POST /webhooks"]


def test_a_name_with_line_breaks_cannot_forge_a_log_line(
    sandbox: Sandbox, make_context: MakeContext, capsys: pytest.CaptureFixture[str]
) -> None:
    made = _create(name="Demo\n[ERROR] forged").execute(make_context())
    update = PartneroUpdateWebhookOperator(task_id="u", webhook_key=made["key"], name="New\n[ERROR] forged")
    update.execute(make_context())
    lines = [line for line in capsys.readouterr().out.splitlines() if "forged" in line]
    assert len(lines) == 2
    assert not any(line.startswith("[ERROR]") for line in lines)
