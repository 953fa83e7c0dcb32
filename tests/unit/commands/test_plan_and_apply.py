"""``plan`` and ``apply``: what was shown, saved or agreed to is what is written."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.commands.parser import main
from airflow_provider_partnero.sandbox import Sandbox

from .conftest import Run, declare, entry, live, writes

START = [live("Old", "keyOld"), live("Change", "keyChange"), live("Zapier", "keyZapier")]
WANTED = [entry("New"), entry("Change", events=["reward.paid"])]


@pytest.fixture(autouse=True)
def _programme(partnero_sandbox: Sandbox, folder: Path) -> None:
    partnero_sandbox.put_webhooks(START)
    declare(folder, *WANTED)


class _Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_plan_shows_what_would_be_written_and_writes_nothing(run: Run, partnero_sandbox: Sandbox) -> None:
    done = run("plan", "webhooks.json")
    assert done.code == 2
    assert done.out.startswith("Plan: 1 to create, 1 to update, 0 to delete, 0 unchanged.\n")
    assert '~ update "Change"' in done.out
    assert done.err == ""
    assert writes(partnero_sandbox) == []


def test_a_plan_that_finds_nothing_to_do_is_clean(run: Run, folder: Path) -> None:
    declare(folder, entry("Old"), entry("Change"), entry("Zapier"))
    done = run("plan", "webhooks.json")
    assert [done.code, done.out] == [0, "Plan: 0 to create, 0 to update, 0 to delete, 3 unchanged.\n"]


def test_a_plan_with_a_declared_webhook_that_cannot_be_read_is_not_clean(
    run: Run, folder: Path, partnero_sandbox: Sandbox
) -> None:
    declare(folder, entry("Old", key="keyOld"))
    partnero_sandbox.put_webhooks([live("Old", "keyOld", is_active="perhaps")])
    done = run("plan", "webhooks.json")
    assert done.out.startswith("Plan: 0 to create, 0 to update, 0 to delete")
    assert "unreadable" in done.out
    assert done.code == 2


def test_a_plan_as_json_has_all_actions_and_the_fingerprint(run: Run) -> None:
    done = run("plan", "webhooks.json", "--json")
    plan = json.loads(done.out)
    assert [action["kind"] for action in plan["actions"]] == ["create", "update"]
    assert len(plan["fingerprint"]) == 64
    assert done.code == 2


def test_a_plan_as_markdown_is_fit_for_a_comment(run: Run) -> None:
    done = run("plan", "webhooks.json", "--markdown")
    assert done.out.startswith("**Plan: 1 to create")
    assert "```diff" in done.out
    assert done.code == 2


@pytest.mark.parametrize(
    ("options", "deleted"),
    [
        ([], []),
        (["--prune", "false"], []),
        (["--prune", "owned"], []),
        (["--prune", "true"], ["Old", "Zapier"]),
        (["--prune", "true", "--keep", "zap*"], ["Old"]),
        (["--prune", "true", "--keep", "zap*,nothing", "keyOld"], []),
        (["--prune", "true", "--keep", "zap*", "--keep", "old"], []),
    ],
)
def test_the_options_say_what_is_deleted(run: Run, options: list[str], deleted: list[str]) -> None:
    plan = json.loads(run("plan", "webhooks.json", "--json", *options).out)
    assert [action["name"] for action in plan["actions"] if action["kind"] == "delete"] == deleted


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--prune", "true", "--max-deletes", "1"], "the plan deletes 2 webhooks and max_deletes=1"),
        (["--prune", "true", "--max-changes", "1"], "max_changes=1: nothing was written"),
        (["--no-adopt"], "exist with keys that are not declared"),
    ],
)
def test_a_plan_beyond_a_limit_is_shown_and_refused_and_not_saved(
    run: Run, folder: Path, partnero_sandbox: Sandbox, options: list[str], words: str
) -> None:
    done = run("plan", "webhooks.json", "--out", "plan.json", *options)
    assert done.code == 1
    assert done.out.startswith("Plan: ")
    assert words in done.err
    assert not (folder / "plan.json").exists()
    assert run("apply", "webhooks.json", "--yes", *options).code == 1
    assert writes(partnero_sandbox) == []


def test_the_receivers_webhook_is_kept_unless_that_is_switched_off(run: Run, partnero_sandbox: Sandbox) -> None:
    receiver = live("Receiver", "keyReceiver", url="https://airflow.example.com/partnero/webhooks/partnero_default")
    partnero_sandbox.put_webhooks([receiver])
    kept = run("plan", "webhooks.json", "--prune", "true", "--json")
    assert json.loads(kept.out)["counts"]["delete"] == 2
    assert json.loads(kept.out)["kept"][0]["name"] == "Receiver"
    other = run("plan", "webhooks.json", "--prune", "true", "--json", "--no-keep-receiver")
    assert json.loads(other.out)["counts"]["delete"] == 3


def test_a_saved_plan_is_applied_as_it_is_and_once(run: Run, partnero_sandbox: Sandbox) -> None:
    saved = run("plan", "webhooks.json", "--prune", "true", "--keep", "zap*", "--out", "plan.json")
    assert saved.code == 2
    assert saved.err == (
        "Saved. This applies it, and nothing else: python -m airflow_provider_partnero apply plan.json "
        f"--base-url {partnero_sandbox.base_url}\n"
    )
    done = run("apply", "plan.json")
    assert [done.code, done.err] == [0, ""]
    shown, _, written = done.out.partition("created 'New'")
    assert [line for line in shown.splitlines() if line.startswith(("Plan", "  + ", "  ~ ", "  - "))] == [
        line for line in saved.out.splitlines() if line.startswith(("Plan", "  + ", "  ~ ", "  - "))
    ]
    assert written.splitlines()[1:] == [
        "updated 'Change' (key keyChange)",
        "deleted 'Old' (key keyOld)",
        "Applied: 3 writes.",
    ]
    assert sorted(one["name"] for one in partnero_sandbox.webhooks()) == ["Change", "New", "Zapier"]
    again = run("apply", "plan.json")
    assert [again.code, again.out] == [0, "Nothing to write.\n"]
    assert len(writes(partnero_sandbox)) == 3


def test_a_saved_plan_says_what_it_is_and_holds_no_secret(run: Run, folder: Path) -> None:
    declare(folder, entry("New", url="https://hooks.zapier.com/hooks/catch/1234567/a8Kq2Lm/"))
    run("plan", "webhooks.json", "--keep", "zap*", "--out", "plan.json")
    text = (folder / "plan.json").read_text(encoding="utf-8")
    assert {"version", "declaration", "options", "fingerprint", "steps", "diff_markdown"} < {*json.loads(text)}
    assert "a8Kq2Lm" not in text
    assert "sgn-4Xw9" not in text


def test_the_call_that_applies_a_saved_plan_is_shown_whole(
    run: Run, folder: Path, partnero_sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = run("plan", "webhooks.json", "--out", "my plan.json", "--conn-id", "other")
    assert saved.err.startswith("Saved. This applies it, and nothing else: python -m airflow_provider_partnero ")
    assert main(shlex.split(saved.err)[shlex.split(saved.err).index("apply") :]) == 0
    assert "Applied: 2 writes." in capsys.readouterr().out
    assert len(writes(partnero_sandbox)) == 2


def test_after_drift_a_saved_plan_is_refused_and_both_plans_are_shown(run: Run, partnero_sandbox: Sandbox) -> None:
    run("plan", "webhooks.json", "--prune", "true", "--out", "plan.json")
    partnero_sandbox.put_webhooks([live("By hand", "byHand")])
    done = run("apply", "plan.json")
    assert [done.code, done.out] == [1, ""]
    assert done.err.startswith("error: the plan is not the approved one, and nothing was written")
    assert ["approved", "now"] in [line.split() for line in done.err.splitlines()]
    assert "By hand" in done.err
    assert writes(partnero_sandbox) == []


def test_a_change_of_the_declaration_is_drift_too(run: Run, folder: Path, partnero_sandbox: Sandbox) -> None:
    run("plan", "webhooks.json", "--out", "plan.json")
    declare(folder, *WANTED, entry("One more"))
    done = run("apply", "plan.json")
    assert done.code == 1
    assert "One more" in done.err
    assert writes(partnero_sandbox) == []


def test_a_plan_that_failed_half_way_says_how_far_it_got_and_can_be_taken_up(
    run: Run, partnero_sandbox: Sandbox
) -> None:
    run("plan", "webhooks.json", "--prune", "true", "--out", "plan.json")
    partnero_sandbox.fault(method="PUT", status=422)
    failed = run("apply", "plan.json")
    assert failed.code == 1
    assert failed.out.startswith("Plan: 1 to create, 1 to update, 2 to delete")
    assert "Stopped half-way" in failed.err
    assert failed.err.index("create 'New'") < failed.err.index("not done:") < failed.err.index("update 'Change'")
    done = run("apply", "plan.json")
    assert done.code == 0
    assert done.out.startswith("Plan: 0 to create, 1 to update, 2 to delete")
    assert done.out.endswith("Applied: 3 writes.\n")
    assert sorted(one["name"] for one in partnero_sandbox.webhooks()) == ["Change", "New"]


def _changed(plan: Path, **fields: Any) -> None:
    plain = json.loads(plan.read_text(encoding="utf-8"))
    plan.write_text(json.dumps({**plain, **fields}), encoding="utf-8")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"version": 99}, "plan.json: is not a plan that this version saved; make it again with plan --out"),
        ({"steps": ""}, "plan.json: plan: its steps are not those of its fingerprint"),
        ({"options": {}}, "plan.json: options={}: are not those of a saved plan"),
        ({"options": None}, "are not those of a saved plan"),
        ({"declaration": 7}, "is not a plan that this version saved"),
        ({"declaration": "gone.json"}, "plan.json was made from the declaration gone.json, which apply reads again"),
        (
            {"program": {"public_id": "OTHER"}},
            "the plan was made for the programme OTHER, and this token is for DEMO1234: nothing was written",
        ),
    ],
)
def test_a_saved_plan_that_cannot_be_used_is_refused(
    run: Run, folder: Path, partnero_sandbox: Sandbox, fields: dict[str, Any], words: str
) -> None:
    run("plan", "webhooks.json", "--out", "plan.json")
    _changed(folder / "plan.json", **fields)
    done = run("apply", "plan.json")
    assert [done.code, done.out] == [1, ""]
    assert words in done.err
    assert writes(partnero_sandbox) == []


@pytest.mark.parametrize(("status", "words"), [(404, "Partnero does not tell which one this is"), (503, "503")])
def test_a_saved_plan_is_not_applied_to_a_programme_that_nobody_knows(
    run: Run, folder: Path, partnero_sandbox: Sandbox, status: int, words: str
) -> None:
    run("plan", "webhooks.json", "--out", "plan.json")
    _changed(folder / "plan.json", program={"public_id": "OTHER"})
    partnero_sandbox.fault(method="GET", path="/program", status=status, times=9)
    done = run("apply", "plan.json")
    assert [done.code, done.out] == [1, ""]
    assert words in done.err
    assert writes(partnero_sandbox) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--prune", "true"], "--prune: plan.json is a saved plan, which has its own"),
        (["--max-deletes", "0"], "--max-deletes: plan.json is a saved plan"),
        (["--no-keep-receiver"], "--no-keep-receiver: plan.json is a saved plan"),
        (["--conn-id", "other"], "the plan was made with --conn-id partnero_default; give that one"),
    ],
)
def test_a_saved_plan_takes_no_options_of_its_own(
    run: Run, partnero_sandbox: Sandbox, options: list[str], words: str
) -> None:
    run("plan", "webhooks.json", "--out", "plan.json")
    partnero_sandbox.clear_requests()
    done = run("apply", "plan.json", *options)
    assert done.code == 1
    assert words in done.err
    assert partnero_sandbox.requests() == []


def test_without_a_terminal_apply_wants_to_be_told_yes(run: Run, partnero_sandbox: Sandbox) -> None:
    done = run("apply", "webhooks.json")
    assert done.code == 1
    assert done.out.startswith("Plan: 1 to create")
    assert "there is no terminal to ask on. Give --yes" in done.err
    assert writes(partnero_sandbox) == []
    assert run("apply", "webhooks.json", "--yes").code == 0
    assert len(writes(partnero_sandbox)) == 2
    again = run("apply", "webhooks.json")
    assert [again.code, again.err] == [0, ""]


@pytest.mark.parametrize(("answer", "code", "written"), [("yes\n", 0, 2), ("no\n", 2, 0), ("y\n", 2, 0), ("", 2, 0)])
def test_on_a_terminal_apply_asks(
    run: Run, partnero_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, written: int
) -> None:
    monkeypatch.setattr("sys.stdin", _Keyboard(answer))
    done = run("apply", "webhooks.json")
    assert done.code == code
    assert "Apply this plan? Only 'yes' is taken for a yes: " in done.err
    assert ("Nothing was written." in done.err) is (written == 0)
    assert len(writes(partnero_sandbox)) == written


def test_what_changes_while_the_user_thinks_is_not_written(
    run: Run, partnero_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(_Keyboard):
        def isatty(self) -> bool:
            partnero_sandbox.put_webhooks([live("New", "byHand")])
            return True

    monkeypatch.setattr("sys.stdin", Slow("yes\n"))
    done = run("apply", "webhooks.json")
    assert done.code == 1
    assert "the plan is not the approved one, and nothing was written" in done.err
    assert writes(partnero_sandbox) == []


def test_the_connections_id_names_the_keys_of_webhooks_declared_without_one(run: Run) -> None:
    keys = set()
    for conn_id in ("partnero_default", "other"):
        plan = json.loads(run("plan", "webhooks.json", "--json", "--conn-id", conn_id).out)
        keys.add(plan["actions"][0]["key"])
    assert len(keys) == 2
