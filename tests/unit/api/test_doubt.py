"""A create whose outcome was in doubt: nothing is created twice, and nothing is taken that may be somebody else's."""

from __future__ import annotations

import copy
import pickle
from typing import Any, get_args, get_type_hints

import pytest

from airflow_provider_partnero.api import (
    PartneroAmbiguousError,
    PartneroClient,
    PartneroConflictError,
    PartneroDuplicateError,
    PartneroServerError,
    PartneroValidationError,
    Webhook,
)
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.doubt import Snapshot, Verdict, judge
from airflow_provider_partnero.api.errors import is_final
from airflow_provider_partnero.api.keyed_create import PAUSES
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.operators.keys import create_under
from airflow_provider_partnero.sandbox import Profile, Sandbox

from .conftest import DEMO, MakeClient, sent

TAKEN_KEY = get_args(get_type_hints(Profile)["taken_key"])
KEY = "demoKey00001"
THEIRS = {**DEMO, "key": "theirs000001", "is_active": True}

# Ways in which the first POST leaves its outcome in doubt; each is carried out, at once or later.
DOUBTS: dict[str, dict[str, Any]] = {
    "reset": {"drop": "after"},
    "truncated": {"body": "truncated"},
    "not JSON": {"body": "html", "applied": True},
    "408": {"status": 408, "applied": True},
    "425": {"status": 425, "applied": True},
    "bare 429": {"status": 429, "body": "empty", "applied": True},
    "500": {"status": 500, "applied": True},
    "504": {"status": 504, "applied": True},
    "nothing but 103": {"drop": "after", "wire": {"interim": 1}},
    "nothing but 100": {"drop": "after", "wire": {"interim": 2, "interim_status": 100}},
    "503 after 103": {"status": 503, "applied": True, "wire": {"interim": 1}},
    **{f"504, {count} requests late": {"status": 504, "late_requests": count} for count in (1, 3, len(PAUSES))},
    "408, late": {"status": 408, "late_requests": 2},
    "reset, late": {"drop": "before", "late_requests": 2},
    "bare 429, late": {"status": 429, "body": "html", "late_requests": 2},
}
each_profile = pytest.mark.parametrize("taken_key", TAKEN_KEY)
each_doubt = pytest.mark.parametrize("doubt", DOUBTS.values(), ids=DOUBTS)


def keys(sandbox: Sandbox) -> list[str]:
    return [webhook["key"] for webhook in sandbox.webhooks()]


def count(sandbox: Sandbox, method: str) -> int:
    return [request.method for request in sandbox.requests()].count(method)


@each_profile
@each_doubt
@pytest.mark.parametrize("there", [[], [THEIRS]], ids=["alone", "beside another's of the same content"])
def test_a_create_carried_out_in_doubt_leaves_one_webhook_of_its_own(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any, doubt: dict[str, Any], there: list[dict[str, Any]]
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.put_webhooks(there)
    sandbox.fault(method="POST", **doubt)
    made = make_client().create_webhook(**DEMO, key=KEY)
    assert keys(sandbox) == [*(webhook["key"] for webhook in there), made.key]
    if taken_key != "ignored":
        assert made.key == KEY
        assert count(sandbox, "POST") == 1


@each_profile
@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("status", [100, 102, 103])
def test_interim_answers_before_a_success_are_no_doubt(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any, key: str | None, status: int
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.fault(method="POST", wire={"interim": 2, "interim_status": status})
    made = make_client().create_webhook(**DEMO, key=key)
    assert keys(sandbox) == [made.key]
    assert count(sandbox, "POST") == 1


def test_if_keys_are_ignored_two_creates_without_an_answer_are_named_and_no_third_is_sent(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    sandbox.fault(method="POST", status=504, applied=True, times=100)
    with pytest.raises(PartneroAmbiguousError, match="appeared with the same content") as raised:
        make_client().create_webhook(**DEMO, key=KEY)
    assert count(sandbox, "POST") == 2
    assert list(raised.value.keys) == keys(sandbox)
    assert is_final(raised.value)


@pytest.mark.parametrize("taken_key", ["422", "409", "upsert"])
def test_two_creates_in_doubt_leave_one_webhook(sandbox: Sandbox, make_client: MakeClient, taken_key: Any) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.fault(method="POST", drop="after")
    sandbox.fault(method="GET", path="^/webhooks/", skip=1, status=404, times=len(PAUSES) + 1)
    sandbox.fault(method="POST", drop="after")
    made = make_client().create_webhook(**DEMO, key=KEY)
    assert keys(sandbox) == [made.key]


@pytest.mark.parametrize("taken_key", ["422", "409"])
def test_a_key_that_is_refused_after_a_doubt_is_the_one_of_this_create(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any
) -> None:
    """No other key is tried: the webhook is there, though the server does not show it yet."""
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.fault(method="POST", status=504, applied=True)
    sandbox.fault(method="GET", path="^/webhooks/", status=404, times=100)
    spec = WebhookSpec(DEMO["name"], DEMO["url"], tuple(DEMO["events"]))
    with pytest.raises(PartneroAmbiguousError, match="now Partnero refuses the key") as raised:
        create_under(make_client(), spec, [KEY, "demoKey00002"])
    assert not is_final(raised.value)
    assert keys(sandbox) == [KEY]
    assert count(sandbox, "POST") == 2


@each_profile
def test_a_create_carried_out_right_after_the_last_look_leaves_one_webhook(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.fault(method="POST", status=504, late_requests=len(PAUSES) + 1)
    made = make_client().create_webhook(**DEMO, key=KEY)
    assert keys(sandbox) == [made.key]
    assert count(sandbox, "POST") == 2


@pytest.mark.parametrize("taken_key", ["422", "409", "upsert", "second"])
def test_a_doubtful_create_on_a_server_that_keeps_keys_never_takes_what_another_creates_meanwhile(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.fault(method="POST", status=503, mutate=[{"insert": THEIRS}])
    # A server that keeps keys may still make a second webhook of a late create, so both are named.
    with pytest.raises(PartneroDuplicateError) as raised:
        make_client().create_webhook(**DEMO, key=KEY)
    assert raised.value.keys == (KEY, THEIRS["key"])
    assert all(repr(key) in str(raised.value) for key in raised.value.keys)
    assert keys(sandbox) == [THEIRS["key"], KEY]


def test_a_create_that_is_carried_out_after_its_repetition_is_named_and_nothing_is_deleted(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.reset(Profile(taken_key="second"))
    # The last look and the second POST do not see it yet.
    sandbox.fault(method="POST", status=504, late_requests=len(PAUSES) + 2)
    with pytest.raises(PartneroDuplicateError) as raised:
        make_client().create_webhook(**DEMO, key=KEY)
    assert sorted(raised.value.keys) == sorted(keys(sandbox))
    assert len(sandbox.webhooks()) == 2


def test_if_keys_are_ignored_a_create_carried_out_after_its_repetition_is_deleted_again(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    sandbox.fault(method="POST", status=504, late_requests=len(PAUSES) + 2)
    made = make_client().create_webhook(**DEMO, key=KEY)
    assert keys(sandbox) == [made.key]
    assert count(sandbox, "DELETE") == 1


def test_a_server_known_to_ignore_keys_is_not_sent_a_second_create(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    client = make_client()
    client.create_webhook(**DEMO | {"name": "Another"}, key="another")
    sandbox.clear_requests()
    sandbox.fault(method="POST", drop="after")
    made = client.create_webhook(**DEMO, key=KEY)
    assert made.key == keys(sandbox)[-1]
    assert (count(sandbox, "POST"), count(sandbox, "DELETE")) == (1, 0)


def test_a_duplicate_that_cannot_be_deleted_is_named(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    sandbox.fault(method="POST", drop="after")
    sandbox.fault(method="DELETE", status=500, times=99)
    with pytest.raises(PartneroDuplicateError, match="could not be deleted") as raised:
        make_client().create_webhook(**DEMO, key=KEY)
    assert sorted(raised.value.keys) == sorted(keys(sandbox))


def test_a_create_in_doubt_to_the_end_on_a_server_that_may_ignore_keys_names_what_appeared(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    sandbox.fault(method="POST", drop="after")
    with pytest.raises(PartneroAmbiguousError) as raised:
        make_client(max_attempts=1).create_webhook(**DEMO, key=KEY)
    [only] = keys(sandbox)
    assert only in str(raised.value)
    assert not is_final(raised.value)


def test_a_create_in_doubt_whose_repetition_is_refused_names_what_appeared(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """Such as "url has already been taken": by what the first POST made."""
    sandbox.reset(Profile(taken_key="ignored"))
    sandbox.fault(method="POST", drop="after")
    sandbox.fault(method="POST", skip=1, status=422)
    with pytest.raises(PartneroAmbiguousError, match="was sent and may have happened") as raised:
        make_client().create_webhook(**DEMO, key=KEY)
    [only] = keys(sandbox)
    assert only in str(raised.value)
    assert isinstance(raised.value.__cause__, PartneroValidationError)


def test_a_create_in_doubt_whose_repetition_is_refused_finds_what_the_first_made(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.fault(method="POST", status=504, late_requests=8)
    sandbox.fault(method="POST", skip=1, status=422)
    assert make_client(page_concurrency=1).create_webhook(**DEMO, key=KEY).key == KEY
    assert keys(sandbox) == [KEY]


def test_a_create_that_nothing_came_of_raises_the_last_failure(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.put_webhooks([THEIRS])
    sandbox.fault(method="POST", status=503, times=99)
    with pytest.raises(PartneroServerError):
        make_client(max_attempts=2).create_webhook(**DEMO, key=KEY)
    assert keys(sandbox) == [THEIRS["key"]]


def test_beyond_one_page_a_lost_answer_of_a_server_that_ignores_keys_is_undone_and_reported(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    sandbox.seed(150)
    sandbox.fault(method="POST", drop="after")
    with pytest.raises(PartneroAmbiguousError) as raised:
        make_client().create_webhook(**DEMO, key=KEY)
    assert len(sandbox.webhooks()) == 151
    assert raised.value.keys == (keys(sandbox)[-1],)
    assert is_final(raised.value)


@pytest.mark.parametrize("taken_key", TAKEN_KEY)
@pytest.mark.parametrize("late", [False, True])
def test_beyond_one_page_a_create_in_doubt_leaves_one_webhook(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any, late: bool
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.seed(150)
    theirs = [] if taken_key == "ignored" else [THEIRS]
    sandbox.put_webhooks([*sandbox.webhooks(), *theirs])
    sandbox.fault(method="POST", status=504, **({"late_requests": 6} if late else {}))
    made = make_client(page_concurrency=1).create_webhook(**DEMO, key=KEY)
    assert keys(sandbox)[150:] == [*(webhook["key"] for webhook in theirs), made.key]


def test_a_list_that_cannot_be_read_does_not_stop_a_create(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.fault(method="GET", path="^/webhooks$", status=500, times=99)
    assert make_client(max_attempts=2).create_webhook(**DEMO, key=KEY).key == KEY


class TestTheLastLookAfterTheLastWait:
    @pytest.mark.parametrize("seconds", [120, 10, 1])
    def test_a_create_ends_within_its_deadline_and_still_looks_last(
        self, sandbox: Sandbox, make_client: MakeClient, seconds: float
    ) -> None:
        now = [0.0]
        waits: list[float] = []

        def wait(pause: float, _stopped: object) -> None:
            now[0] += pause
            waits.append(pause)

        clock = Clock(now=lambda: now[0], wait=wait, uniform=lambda _low, high: high)
        sandbox.fault(method="POST", status=504, late_requests=len(PAUSES))
        made = make_client(deadline=seconds, clock=clock).create_webhook(**DEMO, key=KEY)
        assert made.key == KEY
        assert count(sandbox, "POST") == 1
        assert sum(waits) < seconds
        assert sent(sandbox)[-1] == f"GET /webhooks/{KEY}"

    def test_a_late_create_is_seen_in_real_time(self, sandbox: Sandbox, make_client: MakeClient) -> None:
        sandbox.fault(method="POST", status=504, late=0.7)
        made = make_client(clock=Clock(), max_wait=0.1).create_webhook(**DEMO, key=KEY)
        assert keys(sandbox) == [made.key] == [KEY]
        assert count(sandbox, "POST") == 1


class TestATakenKey:
    """The client looks before it posts, so no profile changes or doubles what is there."""

    @each_profile
    def test_an_equal_webhook_is_adopted(self, sandbox: Sandbox, client: PartneroClient, taken_key: Any) -> None:
        sandbox.set_profile(Profile(taken_key=taken_key))
        sandbox.put_webhooks([THEIRS])
        assert client.create_webhook(**DEMO, key=THEIRS["key"]).key == THEIRS["key"]
        assert count(sandbox, "POST") == 0

    @each_profile
    @pytest.mark.parametrize("if_exists", ["adopt", "fail"])
    def test_a_different_one_is_a_conflict(
        self, sandbox: Sandbox, client: PartneroClient, taken_key: Any, if_exists: Any
    ) -> None:
        sandbox.set_profile(Profile(taken_key=taken_key))
        sandbox.put_webhooks([THEIRS])
        before = sandbox.webhooks()
        with pytest.raises(PartneroConflictError, match="differs in name"):
            client.create_webhook(**DEMO | {"name": "Mine"}, key=THEIRS["key"], if_exists=if_exists)
        assert sandbox.webhooks() == before
        assert count(sandbox, "POST") == 0

    @each_profile
    def test_an_equal_one_is_a_conflict_if_it_must_not_exist(
        self, sandbox: Sandbox, client: PartneroClient, taken_key: Any
    ) -> None:
        sandbox.set_profile(Profile(taken_key=taken_key))
        sandbox.put_webhooks([THEIRS])
        with pytest.raises(PartneroConflictError, match="exists already, and if_exists='fail'"):
            client.create_webhook(**DEMO, key=THEIRS["key"], if_exists="fail")
        assert count(sandbox, "POST") == 0

    @pytest.mark.parametrize("taken_key", ["422", "409"])
    def test_one_that_appears_after_the_look_is_a_conflict_if_it_must_not_exist(
        self, sandbox: Sandbox, client: PartneroClient, taken_key: Any
    ) -> None:
        sandbox.set_profile(Profile(taken_key=taken_key))
        sandbox.fault(method="POST", mutate=[{"insert": THEIRS}])
        with pytest.raises(PartneroConflictError, match="if_exists='fail'"):
            client.create_webhook(**DEMO, key=THEIRS["key"], if_exists="fail")

    @each_profile
    def test_after_a_doubt_its_own_webhook_is_no_conflict(
        self, sandbox: Sandbox, client: PartneroClient, taken_key: Any
    ) -> None:
        sandbox.set_profile(Profile(taken_key=taken_key))
        sandbox.fault(method="POST", drop="after")
        assert client.create_webhook(**DEMO, key=KEY, if_exists="fail").key == keys(sandbox)[0]

    def test_another_choice_is_refused_before_anything_is_sent(self, sandbox: Sandbox, client: PartneroClient) -> None:
        with pytest.raises(ValueError, match="if_exists='maybe': must be 'adopt' or 'fail'"):
            client.create_webhook(**DEMO, key=KEY, if_exists="maybe")  # type: ignore[arg-type]
        assert sandbox.requests() == []

    def test_a_key_taken_between_look_and_post_leaves_the_one_that_has_it(
        self, sandbox: Sandbox, client: PartneroClient
    ) -> None:
        sandbox.set_profile(Profile(taken_key="second"))
        sandbox.fault(method="POST", mutate=[{"insert": {**THEIRS, "key": KEY}}])
        assert client.create_webhook(**DEMO, key=KEY, is_retry=True).key == KEY
        assert keys(sandbox) == [KEY]


@each_profile
@pytest.mark.parametrize("late", [1, 2, 3])
def test_a_retry_after_a_killed_worker_leaves_one_webhook_or_names_what_is_there(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any, late: int
) -> None:
    def die(_seconds: float, _stopped: object) -> None:
        raise KeyboardInterrupt

    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.fault(method="POST", status=504, late_requests=late)
    with pytest.raises(KeyboardInterrupt):
        make_client(clock=Clock(wait=die)).create_webhook(**DEMO, key=KEY)
    try:
        made = [make_client().create_webhook(**DEMO, key=KEY, is_retry=True).key]
    except (PartneroAmbiguousError, PartneroDuplicateError) as error:
        made = sorted(error.keys)
    assert sorted(keys(sandbox)) == made
    assert len(made) == 1 or taken_key == "second"


def test_what_was_just_listed_is_not_read_again(sandbox: Sandbox, client: PartneroClient) -> None:
    client.create_webhook(**DEMO, key=KEY, listed=list(client.iter_webhooks()))
    assert sent(sandbox) == ["GET /webhooks", "POST /webhooks"]


def webhook(key: str) -> Webhook:
    return Webhook.from_api({**DEMO, "key": key, "is_active": True})


class TestTheDecision:
    """``judge``, which decides about webhooks of the same content."""

    MINE, OTHER, MORE = webhook(KEY), webhook("other"), webhook("more")
    EMPTY = Snapshot(frozenset(), is_before=True)

    def judge(self, made: Webhook, *others: Webhook, **options: Any) -> Verdict:
        given = {"key": KEY, "was_answered": True, "snapshot": self.EMPTY, "unseen": 1, **options}
        return judge(made, others, **given)

    def test_alone_it_is_the_one(self) -> None:
        assert self.judge(self.MINE) == Verdict(self.MINE)
        assert self.judge(self.OTHER) == Verdict(self.OTHER)

    def test_what_was_there_before_is_not_its_own(self) -> None:
        before = Snapshot({"more"}, is_before=True)
        assert self.judge(self.MINE, self.MORE, snapshot=before) == Verdict(self.MINE)
        assert self.judge(self.OTHER, self.MORE, snapshot=before) == Verdict(self.OTHER)

    def test_if_keys_are_ignored_the_one_that_an_answer_named_is_the_later_one(self) -> None:
        assert self.judge(self.OTHER, self.MORE) == Verdict(self.MORE, (self.OTHER,))
        assert self.judge(self.OTHER, self.MORE, was_answered=False) == Verdict(self.OTHER, (self.MORE,))

    def test_if_keys_are_kept_another_one_is_never_deleted(self) -> None:
        with pytest.raises(PartneroDuplicateError):
            self.judge(self.MINE, self.MORE)

    def test_more_than_it_can_have_made_are_somebody_elses(self) -> None:
        with pytest.raises(PartneroDuplicateError):
            self.judge(self.OTHER, self.MORE, webhook("third"))
        assert self.judge(self.OTHER, self.MORE, webhook("third"), unseen=2).kept == self.MORE

    def test_without_knowing_what_was_there_only_what_an_answer_named_is_deleted(self) -> None:
        assert self.judge(self.OTHER, self.MORE, snapshot=None) == Verdict(None, (self.OTHER,), ("more",))
        with pytest.raises(PartneroDuplicateError):
            self.judge(self.MINE, self.MORE, snapshot=None)

    def test_what_an_earlier_try_may_have_made_is_a_suspect(self) -> None:
        later = Snapshot({"more"}, is_before=False)
        assert self.judge(self.OTHER, self.MORE, snapshot=later) == Verdict(None, (self.OTHER,), ("more",))
        new = webhook("new")
        assert self.judge(self.OTHER, new, snapshot=later) == Verdict(new, (self.OTHER,))
        assert self.judge(self.OTHER, self.MORE, new, snapshot=later).suspects == ("more", "new")


@pytest.mark.parametrize("error", [PartneroAmbiguousError("w", ["a"]), PartneroDuplicateError("w", ["a", "b"])])
def test_the_errors_survive_pickling_and_copying(error: Any) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (str(twin), twin.keys) == (str(error), error.keys)


def test_only_an_outcome_that_no_try_can_tell_is_final() -> None:
    assert is_final(PartneroAmbiguousError("w", ["a"]))
    assert not is_final(PartneroAmbiguousError("w"))
    assert is_final(PartneroDuplicateError("w", ["a", "b"]))
