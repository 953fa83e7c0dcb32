"""What was approved is what is written: nothing else, whatever happens between plan, approval and apply."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.operators.apply import Reconciliation
from airflow_provider_partnero.operators.keys import declared_key
from airflow_provider_partnero.operators.partnero import PartneroReconcileWebhooksOperator
from airflow_provider_partnero.sandbox import Profile, Sandbox

MakeContext = Callable[..., Any]
Entry = dict[str, Any]

TAKEN_KEYS = ("422", "409", "upsert", "second", "ignored")
CONN = "partnero_default"
SECRET = "sgn-4Xw9-never-to-be-seen"
URL_SECRET = "a8Kq2LmZ0pRt5Vw9"
WRITES = {"POST", "PUT", "DELETE"}


def entry(name: str, **others: Any) -> Entry:
    return {"name": name, "url": f"https://hooks.example.com/{name}", "events": ["partner.created"]} | others


def live(name: str, key: str, **others: Any) -> Entry:
    return entry(name) | {"key": key, "is_active": True, "signature": SECRET} | others


def operator(webhooks: Any, **options: Any) -> PartneroReconcileWebhooksOperator:
    return PartneroReconcileWebhooksOperator(task_id="reconcile", webhooks=webhooks, **options)


WANTED = [entry("A"), entry("B"), entry("C", events=["reward.paid"])]


def start(sandbox: Sandbox, **profile: Any) -> None:
    sandbox.reset(Profile(**profile))
    sandbox.put_webhooks([live("C", "keyC"), live("Old", "keyOld"), live("Older", "keyOlder")])


def approve(make_context: MakeContext, webhooks: Any = WANTED, **options: Any) -> dict[str, Any]:
    outcome: dict[str, Any] = operator(webhooks, **{"prune": True, "dry_run": True} | options).execute(make_context())
    handed_on: dict[str, Any] = json.loads(json.dumps(outcome))  # as XCom does it
    return handed_on


def written(sandbox: Sandbox) -> list[str]:
    return [
        f"{request.method} {request.path}" if request.method != "POST" else f"POST {request.body['name']}"
        for request in sandbox.requests()
        if request.method in WRITES
    ]


PLAN = ["POST A", "POST B", "PUT /webhooks/keyC", "DELETE /webhooks/keyOld", "DELETE /webhooks/keyOlder"]


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda outcome: outcome, id="outcome"),
        pytest.param(lambda outcome: outcome["fingerprint"], id="fingerprint"),
        pytest.param(lambda outcome: f" {outcome['fingerprint']}\n", id="rendered fingerprint"),
        pytest.param(str, id="outcome as Python renders it"),
        pytest.param(json.dumps, id="outcome as JSON"),
    ],
)
def test_an_approved_plan_is_applied_as_it_is(
    sandbox: Sandbox, make_context: MakeContext, form: Callable[[Any], Any]
) -> None:
    start(sandbox)
    approved = approve(make_context)
    assert written(sandbox) == []
    outcome = operator(WANTED, prune=True, plan=form(approved)).execute(make_context())
    assert written(sandbox) == PLAN
    assert outcome["fingerprint"] == approved["fingerprint"]


MADE_BY_HAND = live("By hand", "byHand")

CHANGES: dict[str, Callable[[Sandbox], None]] = {
    "two webhooks are made by hand": lambda sandbox: _put(sandbox, MADE_BY_HAND, live("By hand 2", "byHand2")),
    "one to delete is renamed": lambda sandbox: _put(sandbox, live("Renamed", "keyOld")),
    "one to delete delivers elsewhere": lambda sandbox: _put(sandbox, live("Old", "keyOld", url="https://new.example")),
    "one to delete is switched off": lambda sandbox: _put(sandbox, live("Old", "keyOld", is_active=False)),
    "one to change has other events": lambda sandbox: _put(sandbox, live("C", "keyC", events=["customer.created"])),
    "one to change is as declared already": lambda sandbox: _put(sandbox, live("C", "keyC", events=["reward.paid"])),
    "one to delete is gone": lambda sandbox: sandbox.delete_webhook("keyOld"),
    "one to create is there": lambda sandbox: _put(sandbox, live("A", "byHand")),
}


def _put(sandbox: Sandbox, *webhooks: Entry) -> None:
    there = {webhook["key"]: webhook for webhook in sandbox.webhooks()} | {one["key"]: one for one in webhooks}
    sandbox.put_webhooks(list(there.values()), whole=True)


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_live_change_nothing_is_written_and_both_plans_are_shown(
    sandbox: Sandbox, make_context: MakeContext, change: str
) -> None:
    start(sandbox)
    approved = approve(make_context)
    CHANGES[change](sandbox)
    before = sandbox.webhooks()
    with pytest.raises(AirflowFailException, match="not the approved one, and nothing was written") as raised:
        operator(WANTED, prune=True, max_deletes=9, plan=approved).execute(make_context())
    assert written(sandbox) == []
    assert sandbox.webhooks() == before
    first_rows = str(raised.value).splitlines()[1:4]
    assert [first_rows[0].split(), "Plan:" in first_rows[1]] == [["approved", "now"], True]
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "declared",
    [
        [*WANTED, entry("D")],
        WANTED[:2],
        [*WANTED[:2], entry("C", events=["reward.created"])],
        [entry("A", url="https://other.example"), *WANTED[1:]],
        [entry("A", key="another"), *WANTED[1:]],
    ],
    ids=["one more", "one fewer", "other events", "another URL", "another key"],
)
def test_after_a_change_of_the_declaration_nothing_is_written(
    sandbox: Sandbox, make_context: MakeContext, declared: list[Entry]
) -> None:
    start(sandbox)
    approved = approve(make_context)
    for try_number in (1, 2):
        with pytest.raises(AirflowFailException, match="nothing was written"):
            operator(declared, prune=True, plan=approved).execute(make_context(try_number=try_number))
    assert written(sandbox) == []


def test_a_plan_of_another_connection_is_another_plan(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.reset()
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", sandbox.connection_json)
    approved = approve(make_context, [entry("A")])
    with pytest.raises(AirflowFailException, match="not the approved one, and nothing was written"):
        operator([entry("A")], prune=True, plan=approved, partnero_conn_id="other").execute(make_context())
    assert written(sandbox) == []


def test_a_plan_of_another_programme_is_refused_where_partnero_tells_which_one_it_is(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    declared = [entry("A", key="chosen")]
    sandbox.reset()
    approved = approve(make_context, declared)
    assert approved["program"] == {"public_id": "DEMO1234"}
    sandbox.set_program("Another", "OTHER999")
    with pytest.raises(AirflowFailException, match="the programme DEMO1234, and this is OTHER999: nothing"):
        operator(declared, plan=approved).execute(make_context())
    assert written(sandbox) == []
    sandbox.fault(method="GET", path="/program", status=503)
    operator(declared, plan=approved).execute(make_context())
    assert written(sandbox) == ["POST A"]


def test_what_a_dry_run_hands_on_of_many_writes_stays_small(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.reset()
    approved = approve(make_context, [entry(f"W{number}") for number in range(1000)])
    assert len(json.dumps(approved["steps"])) <= 19_000
    assert len(json.dumps(approved)) < 60_000


def test_a_url_that_changes_in_its_hidden_part_only_is_another_plan(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    def declared(secret: str) -> list[Entry]:
        return [entry("A", url=f"https://hooks.example.com/a?token={secret}")]

    start(sandbox)
    approved = approve(make_context, declared(URL_SECRET))
    assert approved["fingerprint"] == approve(make_context, declared(URL_SECRET))["fingerprint"]
    assert URL_SECRET not in json.dumps(approved)
    with pytest.raises(AirflowFailException, match="nothing was written"):
        operator(declared(f"{URL_SECRET}x"), prune=True, plan=approved).execute(make_context())
    assert written(sandbox) == []


@pytest.mark.parametrize("taken_key", TAKEN_KEYS)
@pytest.mark.parametrize("fault", [{"drop": "before"}, {"drop": "after"}, {"status": 503, "applied": True}], ids=str)
def test_a_retry_does_the_rest_of_a_plan_that_failed_at_any_write(
    one_attempt: Sandbox, make_context: MakeContext, taken_key: str, fault: dict[str, Any]
) -> None:
    for number in range(len(PLAN)):
        start(one_attempt, taken_key=taken_key)
        approved = approve(make_context)
        _fail_at(one_attempt, number, fault)
        try:
            operator(WANTED, prune=True, plan=approved).execute(make_context())
        except Exception:
            one_attempt.clear_faults()
            operator(WANTED, prune=True, plan=approved).execute(make_context(try_number=2))
        assert sorted(webhook["name"] for webhook in one_attempt.webhooks()) == ["A", "B", "C"]
        assert one_attempt.webhooks()[0]["events"] == ["reward.paid"]


def test_a_retry_after_somebody_changed_the_rest_writes_nothing_more(
    one_attempt: Sandbox, make_context: MakeContext
) -> None:
    start(one_attempt)
    approved = approve(make_context)
    _fail_at(one_attempt, 2, {"drop": "before"})
    with pytest.raises(Exception, match="PUT"):
        operator(WANTED, prune=True, plan=approved).execute(make_context())
    one_attempt.clear_faults()
    one_attempt.clear_requests()
    _put(one_attempt, MADE_BY_HAND)
    with pytest.raises(AirflowFailException, match="writes that were not approved"):
        operator(WANTED, prune=True, plan=approved).execute(make_context(try_number=2))
    assert written(one_attempt) == []


MEDDLINGS: dict[str, Callable[[Sandbox], None]] = {
    "another event": lambda sandbox: _put(sandbox, live("Old", "keyOld", events=["reward.paid"])),
    "switched off": lambda sandbox: _put(sandbox, live("Old", "keyOld", is_active=False)),
    "renamed": lambda sandbox: _put(sandbox, live("Still needed", "keyOld")),
    "gone": lambda sandbox: sandbox.delete_webhook("keyOld"),
}


@pytest.mark.parametrize("meddling", MEDDLINGS)
def test_a_webhook_that_somebody_changes_while_the_plan_is_applied_is_left_alone(
    sandbox: Sandbox, make_context: MakeContext, meddling: str
) -> None:
    start(sandbox)
    approved = approve(make_context)

    class Meddling(PartneroReconcileWebhooksOperator):
        """Somebody saves a webhook right after the plan was found to be the approved one."""

        @property
        def hook(self) -> PartneroHook:
            hook = super().hook
            seen = hook.get_conn().update_webhook

            def update_webhook(*args: Any, **changed: Any) -> Any:
                MEDDLINGS[meddling](sandbox)
                return seen(*args, **changed)

            hook.get_conn().update_webhook = update_webhook  # type: ignore[method-assign]
            return hook

    with pytest.raises(AirflowFailException, match=r"'Old' .* while the approved plan was applied"):
        Meddling(task_id="reconcile", webhooks=WANTED, prune=True, plan=approved).execute(make_context())
    assert written(sandbox) == PLAN[:3]


@pytest.mark.parametrize("taken_key", TAKEN_KEYS)
def test_a_webhook_that_takes_a_key_while_the_plan_is_applied_is_left_alone(
    sandbox: Sandbox, make_context: MakeContext, taken_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.reset(Profile.parse(f"taken_key={taken_key}"))
    wanted = [entry("A", key="keyA")]
    approved = approve(make_context, wanted)
    theirs = live("Theirs", "keyA")
    apply = Reconciliation._apply

    def meddled(self: Reconciliation, *args: Any) -> None:
        sandbox.put_webhooks([theirs])
        apply(self, *args)

    monkeypatch.setattr(Reconciliation, "_apply", meddled)
    with pytest.raises(Exception, match="somebody changed 'A' since the plan was made"):
        operator(wanted, plan=approved).execute(make_context())
    assert written(sandbox) == []
    assert [webhook["name"] for webhook in sandbox.webhooks()] == ["Theirs"]


def test_a_retry_with_a_fingerprint_only_writes_nothing_and_says_what_to_give(
    one_attempt: Sandbox, make_context: MakeContext
) -> None:
    start(one_attempt)
    digest = approve(make_context)["fingerprint"]
    _fail_at(one_attempt, 3, {"drop": "before"})
    with pytest.raises(Exception, match="DELETE"):
        operator(WANTED, prune=True, plan=digest).execute(make_context())
    one_attempt.clear_faults()
    one_attempt.clear_requests()
    with pytest.raises(AirflowFailException, match="give plan= what the task with dry_run=True returned"):
        operator(WANTED, prune=True, plan=digest).execute(make_context(try_number=2))
    assert written(one_attempt) == []


def _fail_at(sandbox: Sandbox, number: int, fault: dict[str, Any]) -> None:
    method = PLAN[number].split()[0]
    sandbox.fault(method=method, skip=[line.split()[0] for line in PLAN[:number]].count(method), **fault)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("", "must be a plan's fingerprint"),
        ("None", "must be a plan's fingerprint"),
        ("yes", "must be a plan's fingerprint"),
        ({}, "no fingerprint and steps"),
        ({"fingerprint": "0" * 64, "steps": []}, "no fingerprint and steps"),
        ({"fingerprint": "0" * 64, "steps": ""}, "not those of its fingerprint"),
        ({"fingerprint": "0" * 64, "steps": "a:b"}, "not those of its fingerprint"),
        ({"fingerprint": "0" * 64, "steps": "AAAA"}, "not those of its fingerprint"),
        (7, "must be a plan's fingerprint"),
        pytest.param(None, "must be a plan's fingerprint", id="None, as a mapped task may get it"),
    ],
)
def test_what_is_no_plan_is_refused_before_anything_is_sent(
    sandbox: Sandbox, make_context: MakeContext, plan: Any, words: str
) -> None:
    with pytest.raises((AirflowFailException, ValueError), match=words):
        operator(WANTED, plan=plan).execute(make_context())
    assert sandbox.requests() == []


@pytest.mark.parametrize("keep", ["None", ["zapier*", "None"], ["zapier*", " "]])
def test_a_keep_that_a_template_rendered_to_nothing_is_refused_before_anything_is_sent(
    sandbox: Sandbox, make_context: MakeContext, keep: Any
) -> None:
    with pytest.raises((AirflowFailException, ValueError), match="each entry must be a pattern"):
        operator(WANTED, prune=True, keep=keep).execute(make_context())
    assert sandbox.requests() == []


ANY_WEBHOOK: dict[str, Any] = {
    "name": st.sampled_from("ABCDE"),
    "key": st.sampled_from(["key1", "key2", "key3", declared_key(CONN, "A"), declared_key(CONN, "D")]),
    "url": st.sampled_from(
        ["https://a.example.com/x", "https://b.example.org/y", f"https://air.example.net/partnero/webhooks/{CONN}"]
    ),
    "is_active": st.booleans(),
}


class Approvals(RuleBasedStateMachine):
    """Somebody changes live webhooks at any time, while plans are made, approved, applied and cut short."""

    def __init__(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        super().__init__()
        self.sandbox = sandbox
        self.make_context = make_context
        self.approved: dict[str, Any] | None = None
        self.tries = 0

    @initialize(
        taken_key=st.sampled_from(TAKEN_KEYS),
        prune=st.sampled_from([False, "owned", True]),
        keep=st.sampled_from([(), ("C*",), ("key1",), ("*.example.com",)]),
        declared=st.sets(st.sampled_from("ABC"), min_size=1),
        there=st.lists(st.fixed_dictionaries(ANY_WEBHOOK), min_size=1, max_size=4),
    )
    def begin(
        self, taken_key: str, prune: Any, keep: tuple[str, ...], declared: set[str], there: list[dict[str, Any]]
    ) -> None:
        self.sandbox.reset(Profile(taken_key=taken_key))  # type: ignore[arg-type]
        self.options = {"prune": prune, "keep": keep, "max_deletes": 99}
        self.declared = [entry(name, events=["reward.paid"]) for name in sorted(declared)]
        for saved in there:
            self.somebody_saves(**saved)

    @rule(**ANY_WEBHOOK)
    def somebody_saves(self, name: str, key: str, url: str, is_active: bool) -> None:
        if name in {webhook["name"] for webhook in self.sandbox.webhooks() if webhook["key"] != key}:
            return  # two of one name: no plan can be made
        _put(self.sandbox, live(name, key, url=url, is_active=is_active))

    @rule(choice=st.integers(0, 9))
    def somebody_deletes(self, choice: int) -> None:
        there = self.sandbox.webhooks()
        if there:
            self.sandbox.delete_webhook(there[choice % len(there)]["key"])

    @rule()
    def plan_and_approve(self) -> None:
        self.approved = approve(self.make_context, self.declared, **self.options)
        self.tries = 0

    @rule(saved=st.none() | st.fixed_dictionaries(ANY_WEBHOOK))
    def apply_what_was_planned(self, saved: dict[str, Any] | None) -> None:
        """Perhaps somebody saves a webhook while the approval waits."""
        self.plan_and_approve()
        if saved:
            self.somebody_saves(**saved)
        self.apply(None, "POST", 0)

    @precondition(lambda self: self.approved is not None)
    @rule(
        fault=st.sampled_from([None, {"drop": "before"}, {"drop": "after"}, {"status": 500}]),
        method=st.sampled_from(["POST", "PUT", "DELETE"]),
        skip=st.integers(0, 2),
    )
    def apply(self, fault: dict[str, Any] | None, method: str, skip: int) -> None:
        if fault:
            self.sandbox.fault(method=method, skip=skip, **fault)
        before = {webhook["key"]: webhook for webhook in self.sandbox.webhooks()}
        self.sandbox.clear_requests()
        self.tries += 1
        with suppress(PartneroError, AirflowFailException):  # refused or cut short; what counts is what was written
            operator(self.declared, plan=self.approved, **self.options).execute(
                self.make_context(try_number=self.tries)
            )
        self.sandbox.clear_faults()
        self._check_writes(before)

    def _check_writes(self, before: dict[str, Entry]) -> None:
        assert self.approved is not None
        actions = self.approved["plan"]["actions"]
        created = {action["name"]: action for action in actions if action["kind"] == "create"}
        may_write = {(action["kind"], action["key"]): action for action in actions}
        for request in self.sandbox.requests():
            key = request.path.rpartition("/")[2]
            if request.method == "POST":
                action = created[request.body["name"]]
                assert all(request.body[field] == action[field] for field in ("url", "events", "is_active"))
            elif request.method == "PUT":
                changes = may_write["update", key]["changes"]
                assert request.body == {change["field"]: change["new"] for change in changes}
            elif request.method == "DELETE":
                assert ("delete", key) in may_write or key not in before
        after = {webhook["key"]: webhook for webhook in self.sandbox.webhooks()}
        for key, webhook in before.items():
            if self._is_kept(webhook):
                assert after.get(key) == webhook

    def _is_kept(self, webhook: Entry) -> bool:
        if webhook["url"].endswith(f"/partnero/webhooks/{CONN}"):
            return True
        return any(
            {
                "C*": webhook["name"].startswith("C"),
                "key1": webhook["key"] == "key1",
                "*.example.com": ".example.com/" in webhook["url"],
            }[pattern]
            for pattern in self.options["keep"]
        )


@pytest.mark.parametrize(
    "examples", [pytest.param(25, id="25 examples"), pytest.param(300, id="300 examples", marks=pytest.mark.slow)]
)
def test_nothing_is_ever_written_that_the_approved_plan_does_not_hold(
    one_attempt: Sandbox, make_context: MakeContext, examples: int
) -> None:
    class Connected(Approvals):
        def __init__(self) -> None:
            super().__init__(one_attempt, make_context)

    run_state_machine_as_test(
        Connected,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
