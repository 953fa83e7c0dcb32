"""The signing secret of a new webhook reaches the place that the DAG names, at least once, and no other place."""

from __future__ import annotations

import base64
import runpy
import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.parse import quote

import pytest
from airflow.sdk import DAG, Variable
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType, ParamValidationError
from airflow.sdk.execution_time import context, task_runner
from airflow.sdk.execution_time.comms import ErrorResponse
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.airflow_compat import AirflowFailException, AirflowTaskTimeout
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.operators.partnero import PartneroCreateWebhookOperator
from airflow_provider_partnero.operators.secret_targets import (
    SecretNotHandedOverError,
    SecretTarget,
    checked_secret_to,
    secret_target,
)
from airflow_provider_partnero.sandbox import Profile, Sandbox
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow

from . import strongroom

DEMO: dict[str, Any] = {"name": "Demo", "url": "https://receiver.example/demo", "events": ["partner.created"]}
TAKEN_KEY = get_args(get_type_hints(Profile)["taken_key"])
EXAMPLE = Path(__file__).parents[3] / "dags_examples" / "partnero_rotate_signing_secret.py"
STORE = f"{strongroom.PATH}.store"
SIGNATURE = Secret('s3"cR\\t/+&aB=9xYz')  # as it never is, so that every way to write it differs


@pytest.fixture(autouse=True)
def _empty_strongroom() -> Iterator[None]:
    yield
    strongroom.taken.clear()
    strongroom.failures.clear()


def _create(**arguments: Any) -> PartneroCreateWebhookOperator:
    return PartneroCreateWebhookOperator(task_id="create", **{**DEMO, "secret_to": STORE, **arguments})


def _live(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(webhook["key"], webhook["signature"]) for webhook in sandbox.webhooks()]


@pytest.mark.parametrize("taken_key", TAKEN_KEY)
def test_a_function_is_called_once_with_key_and_secret_and_nothing_else_gets_the_secret(
    sandbox: Sandbox, make_context: MakeContext, taken_key: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    context = make_context()
    returned = _create().execute(context)
    assert strongroom.taken == _live(sandbox)
    assert {type(text) for text in strongroom.taken[0]} == {str}
    [(key, secret)] = strongroom.taken
    assert secret not in repr((returned, context["ti"].pushed)) + "".join(capsys.readouterr())
    assert returned == {"key": key, **DEMO, "is_active": True}


@pytest.mark.parametrize("taken_key", [profile for profile in TAKEN_KEY if profile != "ignored"])
@pytest.mark.parametrize("webhook_key", [None, "mine"])
def test_a_retry_finds_the_webhook_of_a_try_that_could_not_hand_over_and_hands_over_again(
    sandbox: Sandbox, make_context: MakeContext, taken_key: Any, webhook_key: str | None
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    strongroom.failures[:] = [OSError("sealed"), SystemExit("sealed")]
    for try_number in (1, 2):
        with pytest.raises(SecretNotHandedOverError, match="sealed"):
            _create(webhook_key=webhook_key).execute(make_context(try_number=try_number))
    _create(webhook_key=webhook_key).execute(make_context(try_number=3))
    assert strongroom.taken == _live(sandbox)
    assert len(strongroom.taken) == 1
    assert [request.method for request in sandbox.requests()].count("POST") == 1


def test_what_the_function_says_itself_passes_a_masker_that_knows_the_secret() -> None:
    from airflow.sdk.log import redact  # type: ignore[attr-defined]

    seen: list[object] = []
    SecretTarget("there", lambda _key, secret: seen.append(redact(f"stored {secret}"))).hand_over("k", SIGNATURE)
    assert seen == ["stored ***"]


def test_a_task_that_is_run_again_hands_over_again(sandbox: Sandbox, make_context: MakeContext) -> None:
    for try_number in (1, 2):
        _create().execute(make_context(try_number=try_number))
    assert strongroom.taken == _live(sandbox) * 2


def test_a_worker_that_dies_between_create_and_hand_over_loses_no_secret(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    strongroom.failures[:] = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        _create().execute(make_context(try_number=1))
    assert len(sandbox.webhooks()) == 1
    _create().execute(make_context(try_number=2))
    assert strongroom.taken == _live(sandbox)


def test_if_partnero_ignores_keys_a_failed_hand_over_says_at_once_with_which_key_it_can_be_repeated(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    strongroom.failures[:] = [OSError("sealed")]
    with pytest.raises(AirflowFailException) as failed:
        _create().execute(make_context())
    [(key, _)] = _live(sandbox)
    assert f"webhook_key={key!r}" in str(failed.value)
    _create(webhook_key=key).execute(make_context(try_number=2))
    assert strongroom.taken == _live(sandbox)


def test_an_equal_webhook_that_is_adopted_has_its_secret_handed_over(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.put_webhooks([{**DEMO, "key": "mine", "is_active": True, "signature": "0123456789abcdef"}])
    _create(webhook_key="mine").execute(make_context())
    assert strongroom.taken == [("mine", "0123456789abcdef")]


def test_a_conflict_hands_nothing_over(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.put_webhooks([{**DEMO, "key": "mine", "name": "Other", "is_active": True}])
    with pytest.raises(AirflowFailException, match="differs in name"):
        _create(webhook_key="mine").execute(make_context())
    assert strongroom.taken == []


@pytest.mark.parametrize("missing", [None, ""])
def test_a_webhook_without_a_secret_is_read_back_once_and_then_an_error_that_a_retry_may_mend(
    sandbox: Sandbox, make_context: MakeContext, missing: str | None
) -> None:
    sandbox.put_webhooks([{**DEMO, "key": "mine", "is_active": True, "signature": missing}])
    with pytest.raises(SecretNotHandedOverError, match=f"'mine', so {STORE} gets none"):
        _create(webhook_key="mine").execute(make_context())
    assert [f"{request.method} {request.path}" for request in sandbox.requests()] == ["GET /webhooks/mine"] * 2
    assert strongroom.taken == []

    sandbox.put_webhooks([{**DEMO, "key": "mine", "is_active": True, "signature": "0123456789abcdef"}])
    _create(webhook_key="mine").execute(make_context(try_number=2))
    assert strongroom.taken == [("mine", "0123456789abcdef")]


def _chained(secret: str) -> BaseException:
    try:
        raise KeyError(secret)
    except KeyError as cause:
        error = OSError("no room")
        error.__cause__ = error.__context__ = cause
        return error


def _noted(secret: str) -> BaseException:
    error = OSError("no room")
    error.add_note(secret)
    return error


class _Mute(Exception):  # noqa: N818 - a user's own
    def __str__(self) -> str:
        raise ValueError(*self.args)


WORDS: dict[str, Callable[[str], BaseException]] = {
    "raw": lambda secret: OSError(f"refused {secret}: no room"),
    "repr": lambda secret: ValueError(repr({"secret": secret})),
    "bytes": lambda secret: ValueError(repr(secret.encode())),
    "url": lambda secret: ValueError(f"https://vault.example/?value={quote(secret, safe='')}"),
    "hex": lambda secret: ValueError(secret.encode().hex().upper()),
    "base64": lambda secret: ValueError(base64.b64encode(secret.encode()).decode()),
    "base64 of more": lambda secret: ValueError(base64.urlsafe_b64encode(f'{{"v":"{secret}"}}'.encode()).decode()),
    "cut": lambda secret: ValueError(f"input_value='{secret[:8]}...'"),
    "chained": _chained,
    "noted": _noted,
    "group": lambda secret: ExceptionGroup("several", [ValueError(secret)]),
    "exit": SystemExit,
    "mute": _Mute,
    "number": lambda secret: KeyError(int.from_bytes(secret.encode())),
    "letters": lambda secret: ValueError(list(secret)),
    "spaced": lambda secret: ValueError(" ".join(secret[start : start + 4] for start in range(0, len(secret), 4))),
    "no exception": lambda secret: BaseException(f"panicked at {secret}"),  # as Rust's panics are
    "group of no exceptions": lambda secret: BaseExceptionGroup("several", [KeyboardInterrupt(secret)]),
    "class": lambda secret: type(f"Refused_{secret}", (Exception,), {})(),
}


@pytest.mark.parametrize("words", WORDS)
def test_whatever_a_function_raises_no_part_of_the_secret_is_in_the_error_or_its_traceback(words: str) -> None:
    strongroom.failures[:] = [WORDS[words]]
    with pytest.raises(SecretNotHandedOverError) as failed:
        secret_target(STORE).hand_over("k", SIGNATURE)
    frames = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
    shown = "".join(frames.format())
    written = [str(SIGNATURE), repr(str(SIGNATURE))[1:-1], quote(SIGNATURE), SIGNATURE.encode().hex().upper()]
    written += [SIGNATURE[:8], repr(list(SIGNATURE)), SIGNATURE[4:8], base64.b64encode(SIGNATURE.encode()).decode()[:8]]
    assert [text for text in written if text in shown] == []
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None


def test_the_error_says_what_the_function_said_without_the_secret_and_where_it_stood() -> None:
    strongroom.failures[:] = [WORDS["raw"]]
    with pytest.raises(SecretNotHandedOverError) as failed:
        secret_target(STORE).hand_over("k\n[ERROR] forged", SIGNATURE)
    line = strongroom.store.__code__.co_firstlineno + 4
    assert str(failed.value) == (
        f"{STORE} did not take the signing secret of webhook 'k\\n[ERROR] forged': "
        f"OSError: refused ***: no room (strongroom.py, line {line})"
    )


def test_the_words_of_a_function_are_shortened_and_stand_on_one_line() -> None:
    strongroom.failures[:] = [OSError("\n[ERROR] forged" + "x" * 10_000)]
    with pytest.raises(SecretNotHandedOverError) as failed:
        secret_target(STORE).hand_over("k", SIGNATURE)
    assert "\n" not in str(failed.value)
    assert len(str(failed.value)) < 1_000


@given(secret=st.text(min_size=1, max_size=40), around=st.lists(st.text(), max_size=3))
def test_no_text_shows_six_characters_of_the_secret(secret: str, around: list[str]) -> None:
    def store(_key: str, given: str) -> None:
        raise OSError(given.join(around) + repr(given) + given[1:] + given.swapcase())

    with pytest.raises(SecretNotHandedOverError) as failed:
        SecretTarget("there", store).hand_over("k", secret)
    words = str(failed.value).partition("OSError: ")[2].partition(" (test_secret_to")[0].casefold()
    if "not shown" not in words:
        folded = secret.casefold()
        assert not any(folded[start : start + 6] in words for start in range(max(1, len(folded) - 5)))


def test_a_time_out_in_the_function_ends_the_task_and_takes_no_secret_along() -> None:
    timeout = AirflowTaskTimeout("Timeout")
    timeout.__context__ = timeout.__cause__ = ValueError(str(SIGNATURE))
    strongroom.failures[:] = [timeout]
    with pytest.raises(AirflowTaskTimeout) as ended:
        secret_target(STORE).hand_over("k", SIGNATURE)
    shown = traceback.TracebackException.from_exception(ended.value, capture_locals=True)
    assert SIGNATURE not in "".join(shown.format())


def test_a_function_that_returns_without_having_run_has_not_taken_the_secret(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    with pytest.raises(SecretNotHandedOverError, match="it returned a coroutine, which nobody runs"):
        _create(secret_to=f"{strongroom.PATH}.wait_hidden").execute(make_context())


WRONG: list[Any] = [
    "", "None", " ", "store", "variable:", "variable: x", "variable:a/b", "variable:a?b", "variable:x ", "Variable:x",
    "variable:" + "x" * 251, "variable:..", "a..b", "a.b()", "a.b:c", "a:b", ".a", "a.", " a.b", "a.b ", "a b.c",
    "\x00.a",     5, True, b"a.b", ["a.b"], {"variable": "x"}, strongroom.store,
]  # fmt: skip


@pytest.mark.parametrize("value", WRONG, ids=lambda value: getattr(value, "__name__", repr(value)))
def test_what_is_neither_a_variable_nor_a_function_is_refused_at_parse_time_and_in_the_task(
    sandbox: Sandbox, make_context: MakeContext, value: Any
) -> None:
    wanted = r"^secret_to=.*: must be 'variable:NAME', .* or 'package\.module\.function'"
    with pytest.raises(ValueError, match=wanted):
        _create(secret_to=value)
    create = _create(secret_to="{{ later }}")
    for rendered in (value, None):
        create.secret_to = rendered
        with pytest.raises(AirflowFailException, match=wanted):
            create.execute(make_context())
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no_such_package.module.store", "No module named 'no_such_package'"),
        (f"{strongroom.PATH}.no_such_function", "no attribute 'no_such_function'"),
        (f"{strongroom.PATH}.NUMBER", "is a int"),
        (f"{strongroom.PATH}.grab", "cannot be called with two arguments"),
        (f"{strongroom.PATH}.wait", "asynchronous or a generator"),
        (f"{strongroom.PATH}.steps", "asynchronous or a generator"),
        (f"{strongroom.PATH}.async_steps", "asynchronous or a generator"),
        (f"{strongroom.PATH}.as_task", "is a task"),
    ],
)
def test_a_function_that_cannot_do_it_fails_the_task_at_once_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, name: str, why: str
) -> None:
    with pytest.raises(AirflowFailException, match=f"^secret_to='{name}': .*{why}.*must be 'variable:NAME'"):
        _create(secret_to=name).execute(make_context())
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    "others",
    [{"include_signature": True}, {"idempotent": False}, {"webhook_key": "mine", "if_exists": "fail"}],
    ids=str,
)
def test_what_would_show_or_lose_the_secret_is_refused_beside_secret_to(others: dict[str, Any]) -> None:
    argument, value = list(others.items())[-1]
    with pytest.raises(ValueError, match=rf"^{argument}={value!r}: must be .* beside secret_to"):
        _create(**others)
    assert _create(secret_to=None, **others).secret_to is None


def test_not_idempotent_with_a_key_is_allowed() -> None:
    _create(idempotent=False, webhook_key="mine")


@pytest.mark.parametrize("text", ["variable:a", "variable:Secret_of-crm.2:x", "variable:ключ", "a.b", "a_1.b.C"])
def test_what_stands_for_a_place_is_accepted(text: str) -> None:
    assert checked_secret_to(text) == text


@pytest.mark.parametrize(("levels", "is_refused"), [("", True), ("supervisor=INFO", False), ("x=INFO", True)])
def test_a_variable_that_airflow_would_log_at_debug_is_refused_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch, levels: str, is_refused: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__LOGGING__LOGGING_LEVEL", "debug")
    monkeypatch.setenv("AIRFLOW__LOGGING__NAMESPACE_LEVELS", levels)
    if not is_refused:
        assert secret_target("variable:x").name == "variable:x"
        return
    with pytest.raises(AirflowFailException, match=r"^secret_to='variable:x': at the log level DEBUG"):
        _create(secret_to="variable:x").execute(make_context())
    assert sandbox.requests() == []
    _create().execute(make_context())
    assert strongroom.taken == _live(sandbox)


class _RefusingSupervisor:
    """The process that stores Variables for a task, while Airflow's API server has no database."""

    def send(self, message: Any) -> None:
        if type(message).__name__ == "PutVariable":
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 503}))


def _set_as_before_3_3(key: str, value: Any, description: str | None = None, serialize_json: bool = False) -> None:
    with suppress(AirflowRuntimeError):  # Airflow 3.0 to 3.2 log it
        context._set_variable(key, value, description, serialize_json=serialize_json)


def test_a_variable_that_airflow_does_not_store_fails_the_task_also_where_airflow_only_logs_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", _RefusingSupervisor(), raising=False)
    monkeypatch.setattr(Variable, "set", _set_as_before_3_3)
    with pytest.raises(SecretNotHandedOverError, match=r"^variable:x did not take the signing secret .*API_SERVER_ERR"):
        secret_target("variable:x").hand_over("key", "never-to-be-seen-1")


def _variable(name: str) -> str | None:
    from airflow.models.variable import Variable

    found: str | None = Variable.get(name, None)
    return found


def _dag(name: str) -> DAG:
    return DAG(f"unit_secret_{name}", schedule=None, start_date=datetime(2026, 1, 1), catchup=False)


def test_a_variable_gets_the_secret_and_each_mapped_task_its_own(airflow: Airflow, sandbox: Sandbox) -> None:
    with _dag("variables") as dag:
        PartneroCreateWebhookOperator(task_id="one", **DEMO, secret_to="variable:{{ dag.dag_id }}")
        PartneroCreateWebhookOperator.partial(
            task_id="mapped",
            url=DEMO["url"],
            events=DEMO["events"],
            secret_to="variable:{{ task.name }}_secret",
        ).expand(name=["crm", "erp"])
        PartneroCreateWebhookOperator.partial(task_id="listed", **DEMO).expand(
            secret_to=["variable:first_secret", STORE]
        )
    done = airflow.run(dag)
    assert {run.state for runs in done.values() for run in runs} == {"success"}
    live = dict(_live(sandbox))
    keys = {task: [run.returned["key"] for run in runs] for task, runs in done.items()}
    assert live[keys["one"][0]] == _variable("unit_secret_variables")
    assert [live[key] for key in keys["mapped"]] == [_variable("crm_secret"), _variable("erp_secret")]
    assert live[keys["listed"][0]] == _variable("first_secret")
    assert strongroom.taken == [(keys["listed"][1], live[keys["listed"][1]])]


def test_airflows_retry_hands_over_and_neither_log_nor_database_has_the_secret(
    airflow: Airflow, sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    strongroom.failures[:] = [WORDS["raw"], WORDS["chained"], WORDS["exit"]]
    with _dag("retried") as dag:
        PartneroCreateWebhookOperator(task_id="retried", **DEMO, secret_to=STORE, retries=3, retry_delay=timedelta(0))
    done = airflow.run(dag)
    assert [(run.state, run.tries) for runs in done.values() for run in runs] == [("success", 4)]
    assert strongroom.taken == _live(sandbox)
    said = "".join(capfd.readouterr())
    assert "did not take the signing secret" in said
    stored = airflow.stored()
    for key, secret in strongroom.taken:
        assert key in said
        assert secret not in said
        assert secret.encode() not in stored


def test_the_rendered_secret_to_names_the_place_and_holds_no_secret(sandbox: Sandbox) -> None:
    create = _create(secret_to="variable:{{ name }}_secret")
    create.render_template_fields({"name": "crm"})  # type: ignore[typeddict-unknown-key]
    assert create.secret_to == "variable:crm_secret"


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [("crm_secret", True), ("partnero:signing-secret.1", True), ("crm", False), ("a/secret", False)],
)
def test_the_example_rotates_only_into_variables_whose_value_airflow_hides(name: str, is_taken: bool) -> None:
    dag = runpy.run_path(str(EXAMPLE))["old"].dag
    with nullcontext() if is_taken else pytest.raises(ParamValidationError):
        assert dag.params.get_param("variable").resolve(name) == name
