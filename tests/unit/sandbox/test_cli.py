"""``python -m airflow_provider_partnero.sandbox``, started as its users start it."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields

import pytest
import requests

from airflow_provider_partnero.sandbox import Profile, Sandbox, SandboxControl

from .conftest import FOREVER, PATIENCE, wait_for

COMMAND = [sys.executable, "-m", "airflow_provider_partnero.sandbox"]


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and what it printed until it was ready."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        yield process, "".join(lines)
    finally:
        process.kill()
        process.communicate()


def root_url(text: str) -> str:
    """The address of the sandbox in what it printed."""
    found = re.search(r"http://127\.0\.0\.1:\d+", text)
    assert found
    return found[0]


def test_it_prints_what_to_paste_into_airflow() -> None:
    with started("--token", "it's", "--seed", "3", "--profile", "taken_key=409,list_form=data") as (_, text):
        address = root_url(text)
        assert f"{address}/docs" in text
        exports = [shlex.split(line) for line in text.splitlines() if line.strip().startswith("export")]
        values = [words[1].removeprefix("AIRFLOW_CONN_PARTNERO_DEFAULT=") for words in exports]
        connection = {"conn_type": "partnero", "password": "it's", "host": f"{address}/v1"}
        assert json.loads(values[0]) == connection
        assert values[1].startswith("partnero://:it%27s@http%3A%2F%2F127.0.0.1%3A")
        add = next(shlex.split(line) for line in text.splitlines() if "airflow connections add" in line)
        assert add[3:] == [
            "partnero_default", "--conn-type", "partnero", "--conn-password", "it's", "--conn-host", f"{address}/v1",
        ]  # fmt: skip
        answer = requests.get(f"{address}/v1/webhooks", headers={"Authorization": "Bearer it's"}, timeout=PATIENCE)
        assert (list(answer.json()), len(answer.json()["data"])) == (["data"], 3)
        with SandboxControl(address) as control:
            assert control.profile() == Profile(taken_key="409", list_form="data")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_without_waiting_for_requests(ending: signal.Signals) -> None:
    with (
        started("--latency", f"{FOREVER:g}") as (process, text),
        ThreadPoolExecutor() as pool,
        SandboxControl(root_url(text)) as control,
    ):
        pool.submit(requests.get, f"{control.root_url}/v1/test", timeout=PATIENCE)
        wait_for(control.requests)
        process.send_signal(ending)
        _, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, errors) == (0, "")


def test_delays_can_be_set_at_the_start() -> None:
    with started("--activation-delay", f"{FOREVER:g}", "--latency", "0.2", "--delivery-backoff", "0.01") as (_, text):
        body = {"name": "x", "url": "http://127.0.0.1:9", "events": ["partner.created"]}
        headers = {"Authorization": "Bearer demo"}
        answer = requests.post(f"{root_url(text)}/v1/webhooks", json=body, headers=headers, timeout=PATIENCE)
        assert answer.elapsed.total_seconds() >= 0.2
        assert answer.json()["data"]["is_active"] is False


def test_a_taken_port_is_one_clear_line() -> None:
    with Sandbox() as sandbox:
        done = subprocess.run(
            [*COMMAND, "--port", str(sandbox.port)], capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: cannot listen on port {sandbox.port} of 127.0.0.1: it is taken\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--profile", "taken_key=maybe"), "taken_key is 'maybe'; allowed: '422', '409'"),
        (("--port", "70000"), "'70000' is not a port; allowed: 0 to 65535"),
        (("--latency", "-1"), "'-1' is not a duration"),
        (("--seed", "many"), "'many' is not a number of webhooks"),
        (("--token", ""), "argument --token: '' is blank"),
        (("--host", " "), "argument --host: ' ' is blank"),
    ],
)
def test_a_wrong_argument_is_refused_with_what_is_allowed(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow_provider_partnero.sandbox.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main([f"{arguments[0]}={arguments[1]}"])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_the_help_names_every_switch_of_the_profile_and_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_provider_partnero.sandbox.__main__ import main

    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert "taken_key=422  (or 409, upsert, second, ignored)" in said
    assert "max_limit=100  (or any number from 10)" in said
    assert all(f"  {field.name}=" in said for field in fields(Profile))


def test_it_warns_when_others_can_reach_it() -> None:
    with started("--host", "0.0.0.0") as (process, _):
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert errors.startswith("warning: 0.0.0.0 is not loopback")
    assert process.returncode == 0


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "httpx", "jinja2"])
def test_without_airflow_and_what_it_brings_along_it_says_what_to_install(missing: str) -> None:
    code = (
        f"import sys, runpy; sys.modules[{missing!r}] = None\n"
        "runpy.run_module('airflow_provider_partnero.sandbox', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert [done.returncode, done.stdout] == [1, ""]
    assert done.stderr == (
        f"error: the sandbox needs {missing}, which is not installed here. Airflow brings it along; without Airflow: "
        "pip install fastapi uvicorn httpx jinja2\n"
    )
