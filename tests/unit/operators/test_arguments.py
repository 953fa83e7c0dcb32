"""Arguments after templating, and the errors about invalid ones."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.arguments import checked_url
from airflow_provider_partnero.operators.arguments import OptionalArgument, as_events, as_flag, as_texts
from airflow_provider_partnero.operators.partnero import (
    PartneroAuditWebhooksOperator,
    PartneroCreateWebhookOperator,
    PartneroDeleteWebhookOperator,
    PartneroGetWebhookOperator,
    PartneroListWebhooksOperator,
    PartneroReconcileWebhooksOperator,
    PartneroRegisterReceiverOperator,
    PartneroUnregisterReceiverOperator,
    PartneroUpdateWebhookOperator,
)
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from tests.conftest import MakeContext

OLD: dict[str, Any] = {
    "key": "k",
    "name": "Old",
    "url": "https://old.example/",
    "events": ["partner.created"],
    "is_active": True,
}
ARGUMENTS: dict[Any, dict[str, Any]] = {
    PartneroListWebhooksOperator: {"is_active": "x", "events": "x"},
    PartneroGetWebhookOperator: {"webhook_key": "x"},
    PartneroCreateWebhookOperator: {
        "name": "x", "url": "x", "events": "x", "is_active": "x", "webhook_key": "x", "secret_to": "x"
    },
    PartneroUpdateWebhookOperator: {
        "webhook_key": "x", "name": "x", "url": "x", "is_active": "x", "events": "x"
    },
    PartneroDeleteWebhookOperator: {"webhook_key": "x"},
    PartneroWebhookActiveSensor: {"webhook_key": "x"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, True), (False, False), ("True", True), ("False", False), ("true", True), (" FALSE ", False)],
)
def test_a_flag_is_itself_or_its_text(value: Any, flag: bool) -> None:
    assert as_flag(value, argument="a") is flag


@pytest.mark.parametrize("value", [1, 0, "1", "yes", "on", [], {}, 1.0])
def test_anything_but_a_flag_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"is_active=.*: must be True or False"):
        as_flag(value, argument="is_active")


@pytest.mark.parametrize("nothing", [None, "", "None", "  ", " None "])
@pytest.mark.parametrize(("name", "read"), [("is_active", as_flag), ("events", as_events), ("url", checked_url)])
def test_a_given_argument_that_renders_to_nothing_is_refused(name: str, read: Any, nothing: Any) -> None:
    given = OptionalArgument.of(name, "{{ value }}", read)
    with pytest.raises(ValueError, match=rf"^{name}=.* must "):
        given.value(nothing)
    assert OptionalArgument.of(name, None, read).value(None) is None


@pytest.mark.parametrize(
    ("value", "events"),
    [
        (["a.b", "c.d"], ("a.b", "c.d")),
        (("a.b",), ("a.b",)),
        (iter(["a.b"]), ("a.b",)),
        ("a.b", ("a.b",)),
        ("a.b, c.d,", ("a.b", "c.d")),
        ("['a.b', 'c.d']", ("a.b", "c.d")),
        ('["a.b"]', ("a.b",)),
        ("('a.b', 'c.d')", ("a.b", "c.d")),
        ("('a.b')", ("a.b",)),
        (" [ 'a.b' ] ", ("a.b",)),
        ("[]", ()),
    ],
)
def test_events_are_a_list_or_its_text(value: Any, events: tuple[str, ...]) -> None:
    assert as_texts(value, argument="events") == events


@pytest.mark.parametrize("value", [None, 5, True, "[1,", "['a'", "({[]: 1})", "[x]", "(5)", "(None)", "[" * 100_000])
def test_anything_but_a_list_of_events_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must be a list of event names"):
        as_texts(value, argument="events")


@pytest.mark.parametrize("events", [None, 5, "[1, 2]", ["partner.created", None], [""], "", "[]"])
def test_a_create_with_invalid_events_fails_at_once_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, events: Any
) -> None:
    create = PartneroCreateWebhookOperator(task_id="c", name="n", url="https://a.example/", events="{{ events }}")
    create.events = events
    with pytest.raises(AirflowFailException, match="events=") as failed:
        create.execute(make_context())
    assert isinstance(failed.value.__cause__, ValueError)
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("change", "shall_be"),
    [
        ({"name": "New"}, {"name": "New"}),
        ({"url": "https://new.example/"}, {"url": "https://new.example/"}),
        ({"is_active": False}, {"is_active": False}),
        ({"is_active": "False", "name": None}, {"is_active": False}),
        ({"events": "customer.created"}, {"events": ["customer.created"]}),
        ({"name": "New", "url": None, "is_active": None, "events": None}, {"name": "New"}),
    ],
)
def test_an_update_sends_only_the_given_fields(
    sandbox: Sandbox, make_context: MakeContext, change: dict[str, Any], shall_be: dict[str, Any]
) -> None:
    sandbox.put_webhooks([{**OLD, "signature": "stays-as-it-is"}])
    returned = PartneroUpdateWebhookOperator(task_id="u", webhook_key="k", **change).execute(make_context())
    assert returned == OLD | shall_be
    assert sandbox.webhooks() == [OLD | shall_be | {"signature": "stays-as-it-is"}]
    [request] = sandbox.requests()
    assert request.method == "PUT"


@pytest.mark.parametrize(
    "change", [{}, {"name": None}, {"is_active": "None"}, {"url": "ftp://x"}, {"events": []}, {"is_active": "maybe"}]
)
def test_an_update_without_or_with_invalid_values_fails_at_once_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, change: dict[str, Any]
) -> None:
    with pytest.raises(AirflowFailException) as failed:
        PartneroUpdateWebhookOperator(task_id="u", webhook_key="k", **change).execute(make_context())
    assert isinstance(failed.value.__cause__, ValueError)
    assert sandbox.requests() == []


PADDED = [" k", "k ", "k\n", "\tk", "k\x00", "\x7fk", "k\u200b", "\ufeffk", "\u202ak", "k\u00a0"]
LISTED = ["[]", "['k']", "[None]", "{}", "{'key': 'k'}"]
WRONG_KEYS: list[Any] = ["", " ", "a/b", ".", "..", "\ud800", None, "None", " None", 5, b"k", ["k"], *LISTED, *PADDED]
KEYED: list[Any] = [
    PartneroGetWebhookOperator,
    PartneroUpdateWebhookOperator,
    PartneroDeleteWebhookOperator,
    PartneroWebhookActiveSensor,
]


@pytest.mark.parametrize("key", WRONG_KEYS, ids=repr)
@pytest.mark.parametrize("operator", KEYED)
def test_a_wrong_key_is_refused_when_the_dag_is_parsed(operator: Any, key: Any) -> None:
    with pytest.raises(ValueError, match=rf"^webhook_key={re.escape(repr(key))}: must be ") as refused:
        operator(task_id="t", webhook_key=key)
    # A mapped task runs its constructor in the task, where it must fail without a retry.
    assert isinstance(refused.value, AirflowFailException)


@pytest.mark.parametrize("key", WRONG_KEYS, ids=repr)
@pytest.mark.parametrize("operator", KEYED)
def test_a_template_that_renders_to_a_wrong_key_fails_at_once_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, operator: Any, key: Any
) -> None:
    with DAG("native", schedule=None, start_date=datetime(2026, 1, 1), render_template_as_native_obj=True):
        task = operator(
            task_id="t", webhook_key="{{ key }}", **({"name": "N"} if "Update" in operator.__name__ else {})
        )
    task.render_template_fields({"key": key})
    with pytest.raises(AirflowFailException, match=rf"^webhook_key={re.escape(repr(task.webhook_key))}: must be "):
        task.execute(make_context())
    assert sandbox.requests() == []


@pytest.mark.parametrize("operator", KEYED)
def test_a_key_from_another_task_is_not_checked_before_it_is_there(operator: Any) -> None:
    with DAG("late", schedule=None, start_date=datetime(2026, 1, 1)):
        listing: Any = PartneroListWebhooksOperator(task_id="list")
        for number, key in enumerate([listing.output["key"], " {{ key }} ", "{% if x %}k{% endif %}"]):
            operator(task_id=f"t{number}", webhook_key=key)


NAMES: list[Any] = ["", "  ", "None", " n", "n\n", "n\u200b", "\x1bn", 5]
EVENTS: list[Any] = [
    [],
    "[]",
    "None",
    ["None"],
    [""],
    [None],
    ["partner.created "],
    ["a.b\n", "c.d"],
    ["\x00a.b"],
    b"a.b",
]
EVENTS += [{"partner.created": True}, "{'partner.created': True}", "[1, 2]", [["a.b"]]]
RECEIVER = {"base_url": "https://airflow.example/"}
CREATE = {"name": "n", "url": "https://a.example/", "events": ["partner.created"]}
WRONG_TEXTS: list[Any] = [
    *((PartneroCreateWebhookOperator, CREATE, "name", name) for name in [*NAMES, None]),
    *((PartneroUpdateWebhookOperator, {"webhook_key": "k"}, "name", name) for name in NAMES),
    *((PartneroRegisterReceiverOperator, {**RECEIVER, "events": "a.b"}, "webhook_name", name) for name in NAMES),
    *((PartneroUnregisterReceiverOperator, RECEIVER, "webhook_name", name) for name in NAMES),
    *((PartneroCreateWebhookOperator, CREATE, "events", events) for events in [*EVENTS, None, ""]),
    *((PartneroRegisterReceiverOperator, RECEIVER, "events", events) for events in [*EVENTS, None, ""]),
    *((PartneroUpdateWebhookOperator, {"webhook_key": "k"}, "events", events) for events in [*EVENTS, ""]),
    *((PartneroListWebhooksOperator, {}, "events", events) for events in [*EVENTS, ""]),
    *((PartneroAuditWebhooksOperator, {}, "required_events", events) for events in EVENTS if events not in ([], "[]")),
    *((PartneroCreateWebhookOperator, CREATE, "webhook_key", key) for key in ["", "None", *PADDED]),
]


@pytest.mark.parametrize(
    ("operator", "others", "argument", "value"), WRONG_TEXTS, ids=lambda value: getattr(value, "__name__", repr(value))
)
def test_a_wrong_name_event_or_optional_key_is_refused_at_parse_time_and_in_the_task_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, operator: Any, others: dict[str, Any], argument: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=f"^{argument}=.* (must be|must hold|is not an event name)"):
        operator(task_id="t", **{**others, argument: value})
    task = operator(task_id="t", **{**others, argument: "{{ later }}"})
    setattr(task, argument, value)
    with pytest.raises(AirflowFailException, match=f"^{argument}=.* (must be|must hold|is not an event name)"):
        task.execute(make_context())
    assert sandbox.requests() == []


def test_names_that_only_look_padded_are_created(sandbox: Sandbox, make_context: MakeContext) -> None:
    names = [
        "Wales \U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
        "\u2067\u05e9\u05dd\u2069",
        "Airflow \uf8ff",
    ]
    for name in names:
        create = PartneroCreateWebhookOperator(
            task_id="c", name=name, url="https://a.example/", events="partner.created"
        )
        create.execute(make_context(task_id=name))
    assert [webhook["name"] for webhook in sandbox.webhooks()] == names


def test_events_may_be_a_set_or_a_generator_and_are_the_same_in_every_run(make_context: MakeContext) -> None:
    assert as_texts({"c.d", "a.b"}, argument="events") == ("a.b", "c.d")
    assert as_texts("{'c.d', 'a.b'}", argument="events") == ("a.b", "c.d")
    create = PartneroCreateWebhookOperator(task_id="c", name="n", url="https://a.example/", events=iter(["a.b"]))
    assert list(create.events) == ["a.b"], "the constructor must not use it up"


@pytest.mark.parametrize("key", ["a b", "%2f", "ü☃", "a?b#c", "a\\b", "'\"", "x" * 5000, "none"])
def test_a_strange_key_is_fetched_changed_and_deleted(sandbox: Sandbox, make_context: MakeContext, key: str) -> None:
    sandbox.put_webhooks([{**OLD, "key": key}, OLD])
    context = make_context()
    assert PartneroGetWebhookOperator(task_id="g", webhook_key=key).execute(context)["key"] == key
    assert PartneroUpdateWebhookOperator(task_id="u", webhook_key=key, name="N").execute(context)["name"] == "N"
    PartneroDeleteWebhookOperator(task_id="d", webhook_key=key).execute(context)
    assert [webhook["key"] for webhook in sandbox.webhooks()] == ["k"]


@pytest.mark.parametrize("operator", ARGUMENTS, ids=lambda operator: operator.__name__)
def test_every_argument_renders_and_every_template_field_is_an_argument(operator: Any) -> None:
    fields = {*ARGUMENTS[operator], "partnero_conn_id"}
    assert set(operator.template_fields) == fields
    with DAG("rendering", schedule=None, start_date=datetime(2026, 1, 1)):
        made = operator(task_id="t", **{field: "{{ ti }}-" + field for field in fields})
    made.render_template_fields({"ti": "rendered"})
    assert {field: getattr(made, field) for field in fields} == {field: f"rendered-{field}" for field in fields}


@pytest.mark.parametrize("is_native", [False, True])
@pytest.mark.parametrize(
    ("is_active", "events", "keys"), [(True, ["partner.created"], "k"), (False, ["partner.created"], "l")]
)
def test_a_list_filters_the_same_with_and_without_native_templates(
    sandbox: Sandbox, make_context: MakeContext, is_native: bool, is_active: bool, events: Any, keys: str
) -> None:
    sandbox.put_webhooks([OLD, {**OLD, "key": "l", "is_active": False}])
    with DAG("native", schedule=None, start_date=datetime(2026, 1, 1), render_template_as_native_obj=is_native):
        listing = PartneroListWebhooksOperator(task_id="l", is_active="{{ active }}", events="{{ wanted }}")
    listing.render_template_fields({"active": is_active, "wanted": events})  # type: ignore[typeddict-unknown-key]
    assert "".join(webhook["key"] for webhook in listing.execute(make_context())) == keys


@pytest.mark.parametrize(
    ("operator", "arguments"),
    [
        (PartneroCreateWebhookOperator, {"name": "n", "url": "u", "events": "e", "if_exists": "x"}),
        (PartneroDeleteWebhookOperator, {"webhook_key": "k", "if_missing": "wait"}),
        (PartneroWebhookActiveSensor, {"webhook_key": "k", "if_missing": "ignore"}),
    ],
)
def test_a_wrong_choice_is_refused_when_the_dag_is_parsed_and_the_error_says_what_is_allowed(
    operator: Any, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"if_\w+='\w+': must be '\w+' or '\w+'"):
        operator(task_id="t", **arguments)


def test_the_task_page_of_the_sensor_says_what_it_does() -> None:
    sensor = PartneroWebhookActiveSensor(task_id="t", webhook_key="k")
    assert "until a webhook is active" in str(sensor.doc_md)
    assert ":param" not in str(sensor.doc_md)
    assert PartneroWebhookActiveSensor(task_id="t", webhook_key="k", doc_md="mine").doc_md == "mine"


def test_a_live_webhook_whose_key_no_request_can_name_is_shown_and_left_alone_by_prune(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    keys = [" k", "None", "a/b"]
    sandbox.put_webhooks([*({**OLD, "key": key, "name": key} for key in keys), OLD])
    assert [row["key"] for row in PartneroListWebhooksOperator(task_id="l").execute(make_context())] == [*keys, "k"]
    audited = PartneroAuditWebhooksOperator(task_id="a", fail_on="never").execute(make_context())
    assert audited["counts"]["by_rule"]["PW017"] == len(keys)
    prunes = PartneroReconcileWebhooksOperator(task_id="r", webhooks=[], prune=True)
    assert [entry["key"] for entry in prunes.execute(make_context())["done"]] == ["k"]
    assert [webhook["key"] for webhook in sandbox.webhooks()] == keys
