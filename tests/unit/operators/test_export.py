"""The hook's export as the file of a reconcile: it writes nothing, whatever Partnero does and holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.operators.keys import declared_key
from airflow_provider_partnero.operators.partnero import PartneroReconcileWebhooksOperator
from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.profiles import CHOICES

Context = Any
MakeContext = Callable[..., Context]

SECRET = "sgnQ4Xw9neverToBeSeen"
URL_SECRET = "zqSECRETq9zqzqX7"
PROFILES = [{name: value} for name, values in CHOICES.items() for value in values]
PROFILES += [
    {"limit_out_of_range": "clamp", "max_limit": 10, "list_form": form}
    for form in CHOICES["list_form"]
    if form != "data"  # then nothing tells a server that gives fewer than it was asked for from a short list
]

SECRET_URL = f"https://user:{URL_SECRET}@a.example:8443/?token={URL_SECRET}"
CREATED: list[dict[str, Any]] = [
    {"name": ' Café "A" & <b>B</b> ', "url": "https://bücher.example/é/?x=1&y={{ z }}#part", "events": ["reward.paid"]},
    {
        "name": "{{ 1 + 1 }}",
        "url": f"https://user:{URL_SECRET}@a.example:8443/?token={URL_SECRET}",
        "events": ["partner.updated"],
    },
    {"name": "twice", "url": "https://a.example/1", "events": ["partner.created"]},
    {"name": "Twice " * 20, "url": "https://a.example/2", "events": ["partner.created"], "is_active": False},
]
ROWS: list[dict[str, Any]] = [
    {"key": "twice0000001", "name": "twice", "events": ["partner.craeted"]},
    {"key": "twice0000002", "name": "Twice", "events": ["partner.created", "partner.created"]},
    {"key": "noevents0001", "name": "No events", "events": []},
    {"key": "noname000001", "name": None},
    {"key": "noname000002", "name": ""},
    {"key": 4711, "name": 12, "is_active": "1", "events": {"3": "partner.created"}},
    {"key": "nourl0000001", "name": "twice", "url": None},
    {"key": "stars0000001", "name": "yes", "url": "https://a.example/***"},
    {"key": "spaces000001", "name": "a\u2028b\x85\ufeff\t{% x", "url": "https://a.example/a b"},
    {
        "key": "slack0000001",
        "name": "- x: #",
        "url": f"https://hooks.slack.com/services/T0000000/B0000000/{URL_SECRET}",
    },
    {"key": declared_key("partnero_default", "Old"), "name": "New"},
    {"key": "old000000001", "name": "Old"},
]


def row(fields: dict[str, Any]) -> dict[str, Any]:
    return {"url": "https://a.example/x", "is_active": True, "events": ["a.b"], "signature": SECRET} | fields


def fill(sandbox: Sandbox) -> None:
    """Webhooks that the API made, in whatever spelling it keeps, and rows that it never would make."""
    hook = PartneroHook()
    for wanted in CREATED:
        try:
            hook.create_webhook(**wanted)
        except (PartneroError, ValueError):
            continue  # this profile refuses it
    sandbox.put_webhooks([row(fields) for fields in ROWS])


def reconciled(text: str, folder: Path, context: Context, **options: Any) -> dict[str, Any]:
    """What a reconcile returns whose declaration is a file beside its DAG."""
    (folder / "webhooks.yaml").write_text(text, encoding="utf-8", newline="")
    with DAG("d", schedule=None) as dag:
        dag.fileloc = str(folder / "d.py")
        operator = PartneroReconcileWebhooksOperator(task_id="reconcile", webhooks="webhooks.yaml", **options)
    operator.resolve_template_files()
    operator.render_template_fields(context)
    outcome: dict[str, Any] = operator.execute(context)
    return outcome


@pytest.mark.parametrize("switches", PROFILES, ids=lambda one: ",".join(f"{name}={one[name]}" for name in one))
def test_a_reconcile_with_the_export_writes_nothing_under_every_profile(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, switches: dict[str, Any]
) -> None:
    sandbox.reset(Profile(**switches))
    fill(sandbox)
    before = sandbox.webhooks()
    text = PartneroHook().export()
    sandbox.clear_requests()
    outcome = reconciled(text, tmp_path, make_context())
    assert outcome["done"] == []
    assert {request.method for request in sandbox.requests()} == {"GET"}
    assert sandbox.webhooks() == before
    assert outcome["plan"]["counts"]["unchanged"] >= 8
    assert outcome["plan"]["counts"]["undeclared"] == text.count("# left out:")
    assert SECRET not in text
    assert URL_SECRET not in text
    assert not [one["signature"] for one in before if one["signature"] in text]


def test_the_export_names_the_programme_and_its_schema(sandbox: Sandbox) -> None:
    sandbox.set_program('Acme "{{ x }}"\n# no', "prog_1")
    first, second, *_ = PartneroHook().export().split("\n")
    assert first == "# yaml-language-server: $schema=partnero-webhooks.schema.json"
    assert second == '# The webhooks of "Acme \\"\\x7b{ x }}\\"<U+000A># no (Affiliate)" at Partnero.'


def test_an_export_whose_programme_cannot_be_read_has_all_else(sandbox: Sandbox) -> None:
    sandbox.reset(Profile(program_form="missing"))
    sandbox.seed(1)
    text = PartneroHook().export()
    assert "# The webhooks of a programme at Partnero.\n" in text
    assert "  - name: Webhook 1\n" in text


def test_a_change_of_the_exported_file_is_the_only_change(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path
) -> None:
    fill(sandbox)
    before = {one["key"]: one for one in sandbox.webhooks()}
    changed = PartneroHook().export().replace("- partner.craeted", "- partner.created")
    outcome = reconciled(changed, tmp_path, make_context())
    assert [(done["kind"], done["key"]) for done in outcome["done"]] == [("update", "twice0000001")]
    after = {one["key"]: one for one in sandbox.webhooks()}
    assert {key for key, one in after.items() if one != before[key]} == {"twice0000001"}
    assert after["twice0000001"] == before["twice0000001"] | {"events": ["partner.created"]}


class TestPlaceholders:
    """``***`` stands for what the live webhook has there."""

    URL = f"https://user:{URL_SECRET}@crm.example/in?token={URL_SECRET}"
    ENTRY = "- {name: CRM, key: crm000000001, url: 'https://***@crm.example/in?token=***', events: [%s]}\n"

    def test_another_change_keeps_the_secret(
        self, sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        sandbox.put_webhooks([row({"key": "crm000000001", "name": "CRM", "url": self.URL})])
        outcome = reconciled(self.ENTRY % "reward.paid", tmp_path, make_context())
        assert [done["kind"] for done in outcome["done"]] == ["update"]
        [live] = sandbox.webhooks()
        assert (live["url"], live["events"]) == (self.URL, ["reward.paid"])
        assert [sorted(request.body) for request in sandbox.requests() if request.method == "PUT"] == [["events"]]
        assert URL_SECRET not in caplog.text + str(outcome)

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("https://crm.example/other", 'and that delivers to "https://crm.example/other" now'),
            (None, "and there is none"),
        ],
    )
    def test_a_url_whose_secret_nobody_knows_is_refused_before_anything_is_written(
        self, sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, url: str | None, words: str
    ) -> None:
        if url:
            sandbox.put_webhooks([row({"key": "crm000000001", "name": "CRM", "url": url})])
        text = self.ENTRY % "reward.paid" + "- {name: Other, url: 'https://a.example/', events: [reward.paid]}\n"
        with pytest.raises(Exception, match="declare the whole URL") as refused:
            reconciled(text, tmp_path, make_context())
        assert (
            f'the URL of "CRM", "https://***@crm.example/in?token=***", leaves a part to the live webhook, {words}'
            in (str(refused.value))
        )
        assert {request.method for request in sandbox.requests()} <= {"GET"}

    def test_a_webhook_whose_url_cannot_be_read_is_left_alone_and_the_others_are_not(
        self, sandbox: Sandbox, make_context: MakeContext, tmp_path: Path
    ) -> None:
        sandbox.put_webhooks([row({"key": "crm000000001", "name": "CRM", "url": None})])
        text = self.ENTRY % "reward.paid" + "- {name: Other, url: 'https://a.example/', events: [reward.paid]}\n"
        with pytest.raises(PartneroError, match="1 declared webhooks cannot be read and were left alone"):
            reconciled(text, tmp_path, make_context())
        assert [one["name"] for one in sandbox.webhooks()] == ["CRM", "Other"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_misspelt_event_is_refused_with_its_line_before_anything_is_written(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, dry_run: bool
) -> None:
    text = "- name: A\n  url: https://a.example/\n  events: [reward.paid]\n"
    text += "- name: B\n  url: https://a.example/\n  events:\n    - partner.craeted\n"
    with pytest.raises(AirflowFailException, match=r'^line 7, column 7: "B" subscribes to "partner\.craeted"'):
        reconciled(text, tmp_path, make_context(), dry_run=dry_run)
    assert {request.method for request in sandbox.requests()} <= {"GET"}
    sandbox.put_webhooks([row({"key": "k1", "name": "Other", "events": ["partner.craeted"]})])
    assert reconciled(text, tmp_path, make_context(), dry_run=True)["plan"]["counts"]["create"] == 2
