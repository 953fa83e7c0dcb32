"""Reconciling: the webhooks match the declaration in the end, whatever fails meanwhile, and nothing else changes."""

from __future__ import annotations

import itertools
import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from airflow.sdk import DAG, task
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.operators import apply
from airflow_provider_partnero.operators.keys import declared_key, declared_keys
from airflow_provider_partnero.operators.partnero import PartneroReconcileWebhooksOperator
from airflow_provider_partnero.sandbox import Profile, Sandbox

Context = Any  # see make_context
MakeContext = Callable[..., Context]
Entry = dict[str, Any]

TAKEN_KEYS = ("422", "409", "upsert", "second", "ignored")
SECRET = "sgn-4Xw9-never-to-be-seen"
URL_SECRET = "urlsecret77abc"
WRITES = {"POST", "PUT", "DELETE"}


def entry(name: str, **others: Any) -> Entry:
    url = f"https://hooks.example.com/{quote(name)}"
    return {"name": name, "url": url, "events": ["partner.created"]} | others


def live(name: str, key: str, **others: Any) -> Entry:
    return entry(name) | {"key": key, "is_active": True, "signature": SECRET} | others


def operator(webhooks: Any, **options: Any) -> PartneroReconcileWebhooksOperator:
    return PartneroReconcileWebhooksOperator(task_id="reconcile", webhooks=webhooks, **options)


def run(webhooks: Any, make_context: MakeContext, **options: Any) -> dict[str, Any]:
    outcome: dict[str, Any] = operator(webhooks, **options).execute(make_context())
    return outcome


def writes(sandbox: Sandbox) -> list[str]:
    return [
        f"{request.method} {request.path}" if request.method != "POST" else f"POST {request.body['name']}"
        for request in sandbox.requests()
        if request.method in WRITES
    ]


def content(webhook: Entry) -> tuple[Any, ...]:
    return webhook["name"], webhook["url"], tuple(sorted(set(webhook["events"]))), webhook.get("is_active", True)


def contents(webhooks: list[Entry]) -> list[tuple[Any, ...]]:
    return sorted(map(content, webhooks))


def in_dag(folder: Path, webhooks: Any, *, native: bool = False, **options: Any) -> PartneroReconcileWebhooksOperator:
    """An operator of a DAG file in the folder, before its templates are rendered."""
    with DAG("declares", schedule=None, render_template_as_native_obj=native) as dag:
        dag.fileloc = str(folder / "declares.py")
        made = operator(webhooks, **options)
    made.resolve_template_files()
    return made


def run_rendered(made: PartneroReconcileWebhooksOperator, context: Context, **variables: Any) -> Any:
    made.render_template_fields(context | variables)
    return made.execute(context | variables)


class TestDeclarations:
    """The forms that a declaration may have."""

    def test_a_list_of_mappings(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        wanted = [entry("A"), entry("B", is_active=False, events=["reward.paid", "partner.created"])]
        outcome = run(wanted, make_context)
        assert contents(sandbox.webhooks()) == contents(wanted)
        assert outcome["plan"]["counts"] == {"create": 2, "update": 0, "delete": 0, "unchanged": 0, "undeclared": 0}
        assert [(done["kind"], done["name"]) for done in outcome["done"]] == [("create", "A"), ("create", "B")]
        assert {done["key"] for done in outcome["done"]} == {webhook["key"] for webhook in sandbox.webhooks()}
        assert outcome["done_left_out"] == 0
        assert outcome["dry_run"] is False

    @pytest.mark.parametrize("native", [False, True])
    @pytest.mark.parametrize("absolute", [False, True])
    @pytest.mark.parametrize(
        ("suffix", "text"),
        [
            (".json", json.dumps([entry("A")])),
            (".json", json.dumps({"webhooks": [entry("A", is_active=True, key=None)]})),
            (".json", json.dumps({"webhooks": [entry("A")]}, indent="\t")),
            (".yaml", f"- name: A\n  url: {entry('A')['url']}\n  events: [partner.created]\n"),
            (".yml", f"webhooks:\n- name: A\n  url: {entry('A')['url']}\n  events:\n  - partner.created\n"),
        ],
    )
    def test_a_file_beside_the_dag_or_anywhere(
        self,
        sandbox: Sandbox,
        make_context: MakeContext,
        tmp_path: Path,
        suffix: str,
        text: str,
        absolute: bool,
        native: bool,
    ) -> None:
        dags = tmp_path / "dags"
        dags.mkdir()
        path = (tmp_path if absolute else dags) / f"declared{suffix}"
        path.write_text(text)
        made = in_dag(dags, str(path) if absolute else path.name, native=native)
        run_rendered(made, make_context())
        assert contents(sandbox.webhooks()) == contents([entry("A")])

    @pytest.mark.parametrize("absolute", [False, True])
    def test_a_path_from_a_template(
        self, sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, absolute: bool
    ) -> None:
        (tmp_path / "prod.json").write_text(json.dumps([entry("{{ team }}")]))
        folder = f"{tmp_path}/" if absolute else ""
        made = in_dag(tmp_path, f"{folder}{{{{ stage }}}}.json{{{{ '' }}}}")
        context = make_context() | {"stage": "prod", "team": "Sales"}
        run_rendered(made, context)
        assert [webhook["name"] for webhook in sandbox.webhooks()] == ["Sales"]

    def test_jinja_inside_the_file_is_rendered(
        self, sandbox: Sandbox, make_context: MakeContext, tmp_path: Path
    ) -> None:
        (tmp_path / "declared.yaml").write_text(
            "{% for team in teams %}\n- name: '{{ team }}'\n  url: https://{{ host }}/{{ team }}\n"
            "  events: [partner.created]\n{% endfor %}\n"
        )
        run_rendered(in_dag(tmp_path, "declared.yaml"), make_context(), teams=["A", "B"], host="hooks.example.com")
        assert contents(sandbox.webhooks()) == contents([entry("A"), entry("B")])

    @pytest.mark.parametrize("native", [False, True])
    @pytest.mark.parametrize("name", ["Q/A", "CRM \N{GRINNING FACE}", 'it\'s \\ "new"'])
    def test_a_json_file_is_read_as_json_also_in_a_dag_with_native_objects(
        self, sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, name: str, native: bool
    ) -> None:
        (tmp_path / "declared.json").write_text("\ufeff" + json.dumps([entry(name)]).replace("/", "\\/"))
        run_rendered(in_dag(tmp_path, "declared.json", native=native), make_context())
        assert [webhook["name"] for webhook in sandbox.webhooks()] == [name]

    @pytest.mark.parametrize(
        ("content", "words"),
        [(b"- name: {{", r"file 'declared.yaml', line 1: "), (b"- name: \xfc", r"file 'declared.yaml' must be UTF-8")],
    )
    def test_a_file_that_cannot_be_rendered_fails_at_once_and_is_named(
        self, sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, content: bytes, words: str
    ) -> None:
        (tmp_path / "declared.yaml").write_bytes(content)
        with pytest.raises(AirflowFailException, match=words):
            run_rendered(in_dag(tmp_path, "declared.yaml"), make_context())
        assert sandbox.requests() == []

    def test_events_are_trimmed_as_partnero_trims_them(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        run([entry("A", events=[" partner.created\n", "partner.created"])], make_context)
        assert [webhook["events"] for webhook in sandbox.webhooks()] == [["partner.created"]]

    @pytest.mark.parametrize("url", ["https://hooks.example.com/data.json", "https://hooks.example.com/data.yaml"])
    def test_a_webhook_whose_url_ends_like_a_file_is_not_taken_for_one(
        self, sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, url: str
    ) -> None:
        run_rendered(in_dag(tmp_path, [entry("A", url=url)]), make_context())
        assert [webhook["url"] for webhook in sandbox.webhooks()] == [url]

    @pytest.mark.parametrize("write", [json.dumps, repr, str])
    @pytest.mark.parametrize(
        "wanted",
        [
            entry("A"),
            entry("A", is_active=False, key=None),
            entry("quotes \" and ' and \\", url="https://hooks.example.com/a/b"),
            entry("emoji \N{GRINNING FACE}"),
        ],
    )
    def test_the_text_of_a_list(
        self, sandbox: Sandbox, make_context: MakeContext, wanted: Entry, write: Callable[[Any], str]
    ) -> None:
        run(write([wanted]), make_context)
        assert contents(sandbox.webhooks()) == contents([wanted])
        assert sandbox.webhooks()[0]["key"] == declared_key("partnero_default", wanted["name"])

    def test_json_with_the_slashes_of_php(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        run(json.dumps([entry("A")]).replace("/", "\\/"), make_context)
        assert contents(sandbox.webhooks()) == contents([entry("A")])

    def test_the_output_of_another_task_and_mapped_paths(self, sandbox: Sandbox, airflow: Any, tmp_path: Path) -> None:
        wanted = [entry("A", url="https://hooks.example.com/data.json")]
        (tmp_path / "b.yaml").write_text(json.dumps([entry("{{ 'B' }}")]))
        with DAG("reconciles_xcom", schedule=None, template_searchpath=str(tmp_path)) as dag:

            @task
            def declared() -> list[Entry]:
                return wanted

            operator_class = PartneroReconcileWebhooksOperator
            first = operator_class(task_id="first", webhooks=declared())  # type: ignore[arg-type]
            text = operator_class(task_id="text", webhooks="{{ ti.xcom_pull(task_ids='declared') }}")
            mapped = operator_class.partial(task_id="mapped").expand(
                webhooks=["b.yaml", [entry("C", url=wanted[0]["url"])]]
            )
            absolute = operator_class.partial(task_id="absolute", webhooks=str(tmp_path / "b.yaml")).expand(
                dry_run=[True]
            )
            first >> text >> mapped >> absolute
        done = airflow.run(dag)
        states = {task_id: [one.state for one in runs] for task_id, runs in done.items()}
        assert states["first"] == states["text"] == states["absolute"] == ["success"]
        assert states["mapped"] == ["success", "success"]
        assert sorted(webhook["name"] for webhook in sandbox.webhooks()) == ["A", "B", "C"]
        assert done["text"][0].returned["done"] == []

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ([entry("A"), {"name": "B", "url": "https://x.example/"}], ["webhooks[1]", "events missing"]),
            ([entry("A", events=[])], ["webhooks[0]", "events=[]", "at least one event"]),
            ([entry("A", url="ftp://x.example/")], ["webhooks[0]", "ftp://x.example/", "http:// or https://"]),
            ([entry("A", is_active="yes")], ["webhooks[0]", "is_active='yes'", "True or False"]),
            ([entry("A", key="a/b")], ["webhooks[0]", "key='a/b'", "without '/'"]),
            ([entry("A", evnets=[])], ["webhooks[0]", "'evnets'", "did you mean 'events'", "is_active"]),
            (["A"], ["webhooks[0] must be a mapping", "not str"]),
            ("", ["not nothing", "a list of webhooks"]),
            ("webhooks: 3", ["not int", "a list of webhooks"]),
            ("- name: A\n  name: B\n", ["line 2", "'name'", "twice"]),
            ('[{"name": "A", ]', ["invalid YAML in line 1"]),
            ([entry("A"), entry("A", key="other")], ["2 declared webhooks", '"A"', "give each its own"]),
            ([entry("A", key="k"), entry("B", key="k")], ["2 declared webhooks", 'key "k"']),
        ],
    )
    def test_a_wrong_declaration_fails_at_once_and_says_what_and_what_is_allowed(
        self, sandbox: Sandbox, make_context: MakeContext, wrong: Any, words: list[str]
    ) -> None:
        with pytest.raises(AirflowFailException) as failed:
            run(wrong, make_context, prune=True)
        assert all(word in str(failed.value) for word in words), str(failed.value)
        assert sandbox.requests() == []

    def test_a_missing_file_is_named(self, sandbox: Sandbox, make_context: MakeContext, tmp_path: Path) -> None:
        with pytest.raises(Exception, match=r"missing\.yaml"):
            run_rendered(in_dag(tmp_path, "missing.yaml"), make_context())
        assert sandbox.requests() == []


class TestOptions:
    @pytest.mark.parametrize("option", ["prune", "dry_run", "adopt", "wait_until_active"])
    @pytest.mark.parametrize("value", ["perhaps", 1, None])
    def test_an_invalid_flag_fails_before_anything_is_sent(
        self, sandbox: Sandbox, make_context: MakeContext, option: str, value: Any
    ) -> None:
        allowed = "True, False or 'owned'" if option == "prune" else "True or False"
        with pytest.raises(AirflowFailException, match=rf"{option}={value!r}: must be {allowed}"):
            run([entry("A")], make_context, **{option: value})
        assert sandbox.requests() == []

    @pytest.mark.parametrize("value", ["many", -1, "1.5", True, None, ""])
    def test_an_invalid_number_of_deletes_fails_before_anything_is_sent(
        self, sandbox: Sandbox, make_context: MakeContext, value: Any
    ) -> None:
        with pytest.raises(AirflowFailException, match=r"max_deletes=.*a whole number, at least 0"):
            run([entry("A")], make_context, max_deletes=value)
        assert sandbox.requests() == []

    def test_all_arguments_may_be_templates(self, sandbox: Sandbox, make_context: MakeContext, tmp_path: Path) -> None:
        sandbox.put_webhooks([live("Old", "old000000001"), live("Older", "old000000002")])
        flags: dict[str, Any] = dict.fromkeys(("prune", "dry_run", "adopt", "wait_until_active"), "{{ yes }}")
        made = in_dag(tmp_path, [entry("{{ name }}")], max_deletes="{{ 1 + 1 }}", **flags)
        outcome = run_rendered(made, make_context(), yes=True, name="A")
        assert outcome["plan"]["counts"] | {"unchanged": 0} == {
            "create": 1,
            "update": 0,
            "delete": 2,
            "unchanged": 0,
            "undeclared": 0,
        }
        assert outcome["dry_run"] is True
        assert len(sandbox.webhooks()) == 2

    def test_a_dry_run_writes_nothing_and_returns_the_plan(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        sandbox.put_webhooks([live("B", "keyB", is_active=False), live("Old", "keyOld")])
        before = sandbox.webhooks()
        outcome = run([entry("A"), entry("B")], make_context, prune=True, dry_run=True)
        assert writes(sandbox) == []
        assert sandbox.webhooks() == before
        assert [action["kind"] for action in outcome["plan"]["actions"]] == ["create", "update", "delete"]
        assert (outcome["done"], outcome["dry_run"]) == ([], True)

    def test_without_prune_nothing_undeclared_is_touched(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        others = [live("Other", "keyOther"), live("Twin", "twin1"), live("Twin", "twin2", events=[])]
        sandbox.put_webhooks(others)
        outcome = run([entry("A")], make_context)
        assert sandbox.webhooks()[:3] == [dict(other) for other in others]
        assert outcome["plan"]["counts"]["undeclared"] == 3
        assert writes(sandbox) == ["POST A"]

    def test_prune_deletes_undeclared_webhooks_after_the_creates(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.put_webhooks([live("Old", "keyOld")])
        run([entry("A")], make_context, prune=True)
        assert writes(sandbox) == ["POST A", "DELETE /webhooks/keyOld"]
        assert [webhook["name"] for webhook in sandbox.webhooks()] == ["A"]

    @pytest.mark.parametrize(("max_deletes", "fits"), [(0, False), (2, False), (3, True), ("3", True)])
    def test_more_deletes_than_allowed_are_refused_before_any_write(
        self, sandbox: Sandbox, make_context: MakeContext, max_deletes: Any, fits: bool
    ) -> None:
        sandbox.put_webhooks([live(f"Old {number}", f"old{number}") for number in range(3)])
        if fits:
            run([entry("A")], make_context, prune=True, max_deletes=max_deletes)
            assert len(sandbox.webhooks()) == 1
            return
        with pytest.raises(AirflowFailException, match=r"deletes 3 webhooks and max_deletes=\d: nothing was written"):
            run([entry("A")], make_context, prune=True, max_deletes=max_deletes)
        assert writes(sandbox) == []

    def test_without_adopt_a_match_by_name_is_refused_before_any_write(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.put_webhooks([live("A", "handmade0001", is_active=False)])
        with pytest.raises(AirflowFailException, match=r"adopt=True: .*handmade0001"):
            run([entry("A"), entry("B")], make_context, adopt=False)
        assert writes(sandbox) == []

    @pytest.mark.parametrize("key", [None, "declared0001"])
    def test_without_adopt_its_own_webhooks_are_recognised(
        self, sandbox: Sandbox, make_context: MakeContext, key: str | None
    ) -> None:
        for url in ("https://a.example/", "https://b.example/"):
            run([entry("A", key=key, url=url)], make_context, adopt=False)
        assert writes(sandbox) == ["POST A", f"PUT /webhooks/{key or declared_key('partnero_default', 'A')}"]

    def test_without_adopt_a_server_that_ignores_keys_does_not_fail_the_run_that_created(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.reset(Profile(taken_key="ignored"))
        run([entry("A")], make_context, adopt=False)
        assert len(sandbox.webhooks()) == 1

    def test_a_renamed_webhook_is_recognised_by_its_derived_key(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        run([entry("A")], make_context)
        [webhook] = sandbox.webhooks()
        sandbox.put_webhooks([webhook | {"name": "Renamed by hand"}])
        outcome = run([entry("A")], make_context)
        assert [action["kind"] for action in outcome["plan"]["actions"]] == ["update"]
        assert contents(sandbox.webhooks()) == contents([entry("A")])

    def test_two_namesakes_are_refused_with_their_keys(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        sandbox.put_webhooks([live("A", "twin1"), live("A", "twin2")])
        with pytest.raises(AirflowFailException, match=r'"A".*"twin1".*"twin2"'):
            run([entry("A"), entry("B")], make_context)
        assert writes(sandbox) == []


WANTED = [entry("A"), entry("B", events=["reward.paid"]), entry("C"), entry("D", is_active=False)]
BEFORE = [live("C", "keyC", url="https://old.example/"), live("Old", "keyOld"), live("Older", "keyOlder")]


def start(sandbox: Sandbox, **profile: Any) -> None:
    sandbox.reset(Profile(**profile))
    sandbox.put_webhooks(BEFORE)


PLAN = ["POST A", "POST B", "POST D", "PUT /webhooks/keyC", "DELETE /webhooks/keyOld", "DELETE /webhooks/keyOlder"]


@pytest.mark.parametrize("create_status", [200, 201])
@pytest.mark.parametrize("taken_key", TAKEN_KEYS)
class TestRepetition:
    """A second run writes nothing; a run after a crash completes the first."""

    def test_the_second_run_writes_nothing(
        self, sandbox: Sandbox, make_context: MakeContext, taken_key: str, create_status: int
    ) -> None:
        start(sandbox, taken_key=taken_key, create_status=create_status)
        run(WANTED, make_context, prune=True)
        assert writes(sandbox) == PLAN
        assert contents(sandbox.webhooks()) == contents(WANTED)
        after = sandbox.webhooks()
        sandbox.clear_requests()
        outcome = run(WANTED, make_context, prune=True)
        assert writes(sandbox) == []
        assert outcome["plan"]["counts"]["unchanged"] == 4
        assert sandbox.webhooks() == after

    @pytest.mark.parametrize(
        "crash",
        [
            {"drop": "before"},
            {"drop": "after"},
            {"status": 500},
            {"status": 503, "applied": True},
            {"body": "truncated"},
            {"status": 429},
        ],
        ids=str,
    )
    def test_the_run_after_a_crash_at_any_write_completes_the_plan(
        self,
        one_attempt: Sandbox,
        make_context: MakeContext,
        taken_key: str,
        create_status: int,
        crash: dict[str, Any],
    ) -> None:
        crashed = 0
        for number in range(len(PLAN)):
            start(one_attempt, taken_key=taken_key, create_status=create_status)
            script_write_fault(one_attempt, number, crash)
            context = make_context()
            try:
                operator(WANTED, prune=True).execute(context)
            except PartneroError:
                crashed += 1
                half = context["ti"].pushed["half_applied"]
                assert [write["kind"] for write in half["done"] + half["not_done"]] == [
                    *("create", "create", "create", "update", "delete", "delete")
                ]
                assert len(half["done"]) == number
            one_attempt.clear_faults()
            run(WANTED, make_context, prune=True)
            assert contents(one_attempt.webhooks()) == contents(WANTED)
            one_attempt.clear_requests()
            run(WANTED, make_context, prune=True)
            assert writes(one_attempt) == []
        assert crashed >= 3  # a create does not crash if its webhook is found again


def script_write_fault(sandbox: Sandbox, number: int, fault: dict[str, Any]) -> None:
    """Inject the fault into the write with this number, in the order of PLAN."""
    method = PLAN[number].split()[0]
    sandbox.fault(method=method, skip=[line.split()[0] for line in PLAN[:number]].count(method), **fault)


@pytest.mark.parametrize("number", range(len(PLAN)))
def test_a_run_killed_after_a_write_is_completed_by_the_next_one(
    one_attempt: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    start(one_attempt)
    real = apply.Reconciliation._write
    count = 0

    def write_then_die(self: Any, action: Any) -> Any:
        nonlocal count
        done = real(self, action)
        count += 1
        if count == number + 1:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(apply.Reconciliation, "_write", write_then_die)
    context = make_context()
    with pytest.raises(KeyboardInterrupt):
        operator(WANTED, prune=True).execute(context)
    half = context["ti"].pushed["half_applied"]
    assert len(half["done"]) == number  # the interrupted write is reported as not done, and the next run looks for it
    monkeypatch.undo()
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", one_attempt.connection_json)
    assert writes(one_attempt) == PLAN[: number + 1]
    run(WANTED, make_context, prune=True)
    assert writes(one_attempt) == PLAN
    assert contents(one_attempt.webhooks()) == contents(WANTED)


def test_a_half_applied_plan_logs_what_was_done_and_what_was_not(
    one_attempt: Sandbox, make_context: MakeContext, capsys: pytest.CaptureFixture[str]
) -> None:
    start(one_attempt)
    one_attempt.fault(method="PUT", status=500)
    with pytest.raises(PartneroError):
        run(WANTED, make_context, prune=True)
    done, not_done = capsys.readouterr().out.partition("Stopped half-way")[2].split("not done:")
    assert [name for name in ("'A'", "'B'", "'D'", "'C'", "'Old'") if name in done] == ["'A'", "'B'", "'D'"]
    assert [name for name in ("'A'", "'C'", "'Old'", "'Older'") if name in not_done] == ["'C'", "'Old'", "'Older'"]


class TestOthersAtWork:
    """Others change webhooks between plan and apply, and while we wait."""

    @pytest.mark.parametrize("delete_missing", ["404", "ok"])
    def test_a_webhook_to_delete_is_gone_already(
        self, sandbox: Sandbox, make_context: MakeContext, delete_missing: Any
    ) -> None:
        sandbox.set_profile(Profile(delete_missing=delete_missing))
        sandbox.put_webhooks([live("Old", "keyOld")])
        sandbox.fault(method="DELETE", mutate=[{"delete": "keyOld"}])
        run([entry("A")], make_context, prune=True)
        assert [webhook["name"] for webhook in sandbox.webhooks()] == ["A"]

    def test_a_webhook_to_update_is_gone_so_the_next_try_creates_it(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.put_webhooks([live("A", "keyA", is_active=False)])
        sandbox.fault(method="PUT", mutate=[{"delete": "keyA"}])
        with pytest.raises(PartneroError, match="'A' since the plan was made"):
            run([entry("A")], make_context)
        run([entry("A")], make_context)
        assert contents(sandbox.webhooks()) == contents([entry("A")])

    @pytest.mark.parametrize("taken_key", ["422", "409"])
    def test_a_webhook_to_create_was_created_differently_so_the_next_try_updates_it(
        self, sandbox: Sandbox, make_context: MakeContext, taken_key: Any
    ) -> None:
        sandbox.set_profile(Profile(taken_key=taken_key))
        other = live("A", declared_key("partnero_default", "A"), url="https://other.example/")
        sandbox.fault(method="POST", mutate=[{"insert": other}])
        with pytest.raises(PartneroError, match="'A' since the plan was made"):
            run([entry("A")], make_context)
        run([entry("A")], make_context)
        assert contents(sandbox.webhooks()) == contents([entry("A")])

    def test_a_webhook_changed_while_the_plan_is_applied_is_noticed_by_reading_back(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.put_webhooks([live("A", "keyA"), live("B", "keyB", is_active=False)])
        sandbox.fault(method="PUT", mutate=[{"delete": "keyA"}])
        with pytest.raises(PartneroError, match=r"after the writes, 1 webhooks are not as declared: 'A' \(to create\)"):
            run([entry("A"), entry("B")], make_context)
        run([entry("A"), entry("B")], make_context)
        assert contents(sandbox.webhooks()) == contents([entry("A"), entry("B")])

    def test_a_webhook_that_appears_meanwhile_is_not_reported_as_one_delete_too_many(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.fault(method="POST", mutate=[{"insert": live("Strange", "strange00001")}])
        with pytest.raises(PartneroError, match=r"not as declared: 'Strange' \(to delete\)"):
            run([entry("A")], make_context, prune=True, max_deletes=0)

    def test_a_changing_list_is_read_until_two_readings_agree(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.seed(250)
        first = sandbox.webhooks()[0]["key"]
        sandbox.fault(method="GET", path="^/webhooks$", page=2, mutate=[{"delete": first}])
        outcome = run([], make_context, dry_run=True)
        assert len(sandbox.webhooks()) == outcome["plan"]["counts"]["undeclared"] == 249


class TestTakenKeys:
    """A derived key that Partnero refuses although no webhook has it."""

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_a_webhook_under_any_derived_key_is_recognised_after_it_was_renamed(
        self, sandbox: Sandbox, make_context: MakeContext, place: int
    ) -> None:
        key = declared_keys("partnero_default", "A")[place]
        sandbox.put_webhooks([live("Renamed by hand", key, url=entry("A")["url"])])
        run([entry("A")], make_context)
        assert writes(sandbox) == [f"PUT /webhooks/{key}"]
        assert [webhook["name"] for webhook in sandbox.webhooks()] == ["A"]

    @pytest.mark.parametrize("taken_key", ["422", "409"])
    @pytest.mark.parametrize("refused", [1, 2])
    def test_another_derived_key_is_tried_and_recognised_later(
        self, sandbox: Sandbox, make_context: MakeContext, taken_key: Any, refused: int
    ) -> None:
        sandbox.set_profile(Profile(taken_key=taken_key))
        keys = declared_keys("partnero_default", "A")
        for key in keys[:refused]:
            # Taken just before the POST, and free again when we look.
            sandbox.fault(method="POST", mutate=[{"insert": live("Ghost", key)}])
            sandbox.fault(method="GET", path=f"^/webhooks/{key}$", mutate=[{"delete": key}])
        run([entry("A")], make_context)
        assert [(webhook["name"], webhook["key"]) for webhook in sandbox.webhooks()] == [("A", keys[refused])]
        sandbox.clear_requests()
        run([entry("A")], make_context, adopt=False)
        assert writes(sandbox) == []

    @pytest.mark.parametrize("taken_key", ["422", "409"])
    def test_a_declared_key_is_never_replaced(
        self, sandbox: Sandbox, make_context: MakeContext, taken_key: Any
    ) -> None:
        sandbox.set_profile(Profile(taken_key=taken_key))
        sandbox.fault(method="POST", mutate=[{"insert": live("Ghost", "declared0001")}])
        sandbox.fault(method="GET", path="^/webhooks/declared0001$", mutate=[{"delete": "declared0001"}])
        with pytest.raises((AirflowFailException, PartneroError)):
            run([entry("A", key="declared0001")], make_context)
        assert sandbox.webhooks() == []

    def test_a_refusal_for_another_reason_is_final_and_tries_no_other_key(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        with pytest.raises(AirflowFailException, match=r"events\.0"):
            run([entry("A", events=["no.such.event"])], make_context)
        assert writes(sandbox) == ["POST A"]


class TestActivation:
    @pytest.fixture(autouse=True)
    def _quickly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        quick = Clock(wait=lambda _seconds, _stopped: time.sleep(0.01))
        monkeypatch.setattr(PartneroReconcileWebhooksOperator, "clock", quick)

    def test_it_waits_until_all_are_active(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        sandbox.set_activation_delay(0.4)
        run([entry("A"), entry("B", is_active=False)], make_context, wait_until_active=True)
        assert [webhook["is_active"] for webhook in sandbox.webhooks()] == [True, False]
        assert writes(sandbox) == ["POST A", "POST B"]

    def test_without_waiting_a_webhook_that_is_not_active_yet_is_no_failure(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.set_activation_delay(60)
        run([entry("A")], make_context)
        assert [webhook["is_active"] for webhook in sandbox.webhooks()] == [False]

    def test_a_webhook_that_never_becomes_active_fails_the_task_and_is_named(
        self, sandbox: Sandbox, make_context: MakeContext
    ) -> None:
        sandbox.set_activation_delay(3_600)
        waiting = operator([entry("A")], wait_until_active=True)
        minutes = itertools.count(0, 60)
        waiting.clock = Clock(now=lambda: float(next(minutes)), wait=lambda _seconds, _stopped: None)
        with pytest.raises(PartneroError, match="not active after 600 s: 'A'"):
            waiting.execute(make_context())

    def test_a_webhook_deleted_while_it_waits_is_noticed(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        sandbox.set_activation_delay(60)
        key = declared_key("partnero_default", "A")
        # The third reading of the list is the first or second one of the wait.
        sandbox.fault(method="GET", path="^/webhooks$", skip=2, mutate=[{"delete": key}])
        with pytest.raises(PartneroError, match=r"'A' \(to create\)"):
            run([entry("A")], make_context, wait_until_active=True)


@pytest.mark.large
class TestSize:
    def test_a_thousand_webhooks_are_created_with_progress_and_a_small_xcom(
        self, sandbox: Sandbox, make_context: MakeContext, capsys: pytest.CaptureFixture[str]
    ) -> None:
        wanted = [entry(f"Webhook {number:04d}") for number in range(1000)]
        outcome = run(wanted, make_context)
        log = capsys.readouterr().out
        assert contents(sandbox.webhooks()) == contents(wanted)
        assert [int(number) for number in re.findall(r"(\d+) of 1000 writes done", log)] == [*range(50, 1001, 50)]
        assert (len(outcome["plan"]["actions"]), outcome["plan"]["actions_left_out"]) == (100, 900)
        assert (len(outcome["done"]), outcome["done_left_out"]) == (100, 900)
        assert outcome["plan"]["counts"]["create"] == 1000
        assert len(json.dumps(outcome)) < 48_000
        assert len(log) < 200_000
        assert "  ... and 800 more" in log

    def test_a_large_interrupted_plan_leaves_little_in_xcom(
        self, one_attempt: Sandbox, make_context: MakeContext
    ) -> None:
        one_attempt.fault(method="POST", skip=120, status=500)
        context = make_context()
        with pytest.raises(PartneroError):
            operator([entry(f"W{number:03d}") for number in range(300)]).execute(context)
        half = context["ti"].pushed["half_applied"]
        assert (len(half["done"]), len(half["not_done"])) == (100, 100)


class TestSecrets:
    @pytest.mark.parametrize("fault", [None, {"method": "PUT", "status": 500}, {"method": "PUT", "status": 422}])
    def test_no_signature_and_no_secret_of_a_url_is_in_log_xcom_or_exception(
        self,
        one_attempt: Sandbox,
        make_context: MakeContext,
        capsys: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
        fault: Any,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        secret_url = f"https://user:{URL_SECRET}@hooks.example.com/?token={URL_SECRET}"
        one_attempt.put_webhooks([live("A", "keyA", url=secret_url), live("Old", "keyOld", url=secret_url)])
        if fault:
            one_attempt.fault(**fault)
        context = make_context()
        said = ""
        wanted = [entry("A", url=secret_url + "2"), entry("B", url=secret_url)]
        try:
            said = json.dumps(operator(wanted, prune=True).execute(context))
        except (PartneroError, AirflowFailException) as error:
            said = f"{error!r} {error.__cause__!r}"
        log = capsys.readouterr().out + caplog.text
        assert bool(context["ti"].pushed) is bool(fault)
        signatures = [SECRET, *(webhook["signature"] for webhook in one_attempt.webhooks())]
        written = said + log + json.dumps(context["ti"].pushed)
        assert "create 'B'" in log
        assert [secret for secret in [*signatures, URL_SECRET, one_attempt.token] if secret in written] == []

    def test_a_wrong_url_is_named_without_its_secret(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        with pytest.raises(AirflowFailException, match="url=") as failed:
            run([entry("A", url=f"ftp://user:{URL_SECRET}@x.example/")], make_context)
        assert URL_SECRET not in f"{failed.value} {failed.value.__cause__}"

    def test_hostile_names_and_keys_do_not_break_log_and_xcom(
        self, sandbox: Sandbox, make_context: MakeContext, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sandbox.put_webhooks([live("evil\nINFO - all is well \u202e", "evil\u202e\nkey")])
        outcome = run([entry("A")], make_context, prune=True)
        log = capsys.readouterr().out
        assert [webhook["name"] for webhook in sandbox.webhooks()] == ["A"]
        assert "\u202e" not in json.dumps(outcome, ensure_ascii=False) + log
        assert "all is well" in log
        assert "\nINFO - all is well" not in log


names = st.sampled_from(["A", "B", "C", "D"])
urls = st.sampled_from(["https://a.example/", "https://b.example/hook"])
events = st.lists(st.sampled_from(["partner.created", "reward.paid", "lead.submitted"]), min_size=1, max_size=4)
keys = st.sampled_from(["k1", "k2", "k3", *(declared_key("partnero_default", name) for name in "AB")])


@st.composite
def declarations(draw: st.DrawFn) -> list[Entry]:
    chosen = draw(st.lists(names, unique=True, max_size=4))
    own_keys = draw(st.lists(keys, unique=True, min_size=4, max_size=4))
    made = [
        {"name": name, "url": draw(urls), "events": draw(events), "is_active": draw(st.booleans()), "key": key}
        for name, key in zip(chosen, own_keys, strict=False)
    ]
    return [one if draw(st.booleans()) else {**one, "key": None} for one in made]


@st.composite
def programmes(draw: st.DrawFn) -> list[Entry]:
    return [
        {
            "key": key,
            "name": draw(names),
            "url": draw(urls),
            "events": draw(st.just([]) | events),
            "is_active": draw(st.booleans()),
            "signature": SECRET,
        }
        for key in draw(st.lists(keys, unique=True, max_size=5))
    ]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(declarations(), programmes(), st.booleans(), st.sampled_from(TAKEN_KEYS))
def test_one_run_reaches_the_declaration_and_the_next_writes_nothing(
    sandbox: Sandbox,
    make_context: MakeContext,
    wanted: list[Entry],
    before: list[Entry],
    prune: bool,
    taken_key: Any,
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.put_webhooks(before)
    try:
        run(wanted, make_context, prune=prune, max_deletes=9)
    except AirflowFailException as refused:
        is_doubtful = "live webhooks have the name" in str(refused) or "declared webhooks have the key" in str(refused)
        if not is_doubtful or sandbox.webhooks() != before:
            raise
        return
    after = sandbox.webhooks()
    assert set(contents(wanted)) <= set(contents(after))
    if prune:
        assert contents(after) == contents(wanted)
    else:
        by_key = {webhook["key"]: webhook for webhook in after}
        touched = [old for old in before if by_key.get(old["key"]) != old]
        declared = {one["name"] for one in wanted} | {one["key"] for one in wanted}
        ours = {declared_key("partnero_default", one["name"]) for one in wanted if one["key"] is None}
        assert all(old["name"] in declared or old["key"] in declared | ours for old in touched)
        assert {old["key"] for old in before} <= set(by_key)
        assert len(after) <= len(before) + len(wanted)
    sandbox.clear_requests()
    run(wanted, make_context, prune=prune, max_deletes=9)
    assert writes(sandbox) == []
