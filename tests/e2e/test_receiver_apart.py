"""``partnero-receiver`` as a service: it starts, tells its health, ends, and bears senders that never finish."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from .apart import COMMAND, SECRET, Apart, delivery, home_of, recorded, started
from .deliveries import PATH
from .waiting import HTTP_PATIENCE, PATIENCE, wait_for

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, listening_database: Path) -> dict[str, str]:
    """An Airflow home of which nothing runs."""
    return home_of(tmp_path_factory.mktemp("apart"), listening_database)


@pytest.fixture(scope="module")
def apart(home: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """A receiver that is ready."""
    with started(home, tmp_path_factory.mktemp("log") / "log") as receiver:
        receiver.wait_until_ready()
        yield receiver


def addressed(apart: Apart) -> tuple[str, int]:
    host, _, port = apart.address.removeprefix("http://").partition(":")
    return host, int(port)


def test_it_records_a_delivery_once_though_the_configuration_does_not_switch_it_on(
    apart: Apart, home: dict[str, str]
) -> None:
    answer = apart.post("first")
    assert answer.status_code in {200, 202}  # a slow machine has recorded it before it said "come again"
    assert apart.post("first").json() == {"status": "duplicate"}
    assert recorded(home) == 1


def test_it_refuses_what_the_api_server_refuses(apart: Apart) -> None:
    assert apart.post("forged", secret="another").json() == {"status": "unauthorized"}
    body, headers = delivery("nobody's")
    answer = requests.post(f"{apart.address}{PATH}x", body, headers=headers, timeout=HTTP_PATIENCE)
    assert (answer.status_code, answer.json()) == (404, {"status": "unknown"})


def test_it_tells_its_health_and_nothing_else(apart: Apart) -> None:
    assert apart.get("/healthz") == (200, {"status": "alive"})
    assert apart.get("/readyz") == (200, {"status": "ready"})
    for path in ("/", "/partnero/status", "/docs", "/openapi.json", "/api/v2/version"):
        assert apart.get(path) == (404, {"status": "unknown"})
    assert "server" not in {name.lower() for name in requests.get(apart.address, timeout=HTTP_PATIENCE).headers}


def test_senders_that_never_finish_their_headers_keep_nobody_out_and_are_shown_the_door(apart: Apart) -> None:
    """More than the process keeps; the oldest are closed for newcomers, and the others when their time is up."""
    idle = []
    try:
        for _ in range(600):
            sender = socket.create_connection(addressed(apart), timeout=HTTP_PATIENCE)
            sender.sendall(b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            idle.append(sender)
        before = time.monotonic()
        assert apart.post("beside idle ones").status_code in {200, 202}
        print(f"a genuine delivery beside 600 idle connections took {time.monotonic() - before:.3f} s")
        for sender in idle:
            assert sender.recv(1) == b""  # closed, without a word; a time-out raises
        print(f"all are closed after {time.monotonic() - before:.1f} s")
    finally:
        for sender in idle:
            sender.close()


def test_endless_headers_are_cut_off(apart: Apart) -> None:
    with socket.create_connection(addressed(apart), timeout=HTTP_PATIENCE) as sender:
        sender.sendall(b"POST " + PATH.encode() + b" HTTP/1.1\r\nX: ")
        sent = 0
        with pytest.raises(OSError):  # noqa: PT011, PT012 - reset, or a broken pipe
            while sent < 64 * 1024 * 1024:
                sender.sendall(b"a" * 65_536)
                sent += 65_536
    assert sent < 64 * 1024 * 1024
    assert apart.get("/healthz")[0] == 200


def test_strangers_leave_no_line_each_in_the_log(apart: Apart) -> None:
    for _ in range(300):
        with socket.create_connection(addressed(apart), timeout=HTTP_PATIENCE) as sender:
            sender.sendall(b"nonsense\r\n\r\n")
            sender.recv(1)
    assert apart.log.read_text().count("Invalid HTTP") == 0


def test_no_secret_is_in_the_log(apart: Apart) -> None:
    assert SECRET not in apart.log.read_text()


def test_sigterm_ends_it_cleanly_and_a_delivery_under_way_is_answered(home: dict[str, str], tmp_path: Path) -> None:
    with started(home, tmp_path / "log") as receiver:
        receiver.wait_until_ready()
        body, headers = delivery("under way")
        lines = [f"POST {PATH} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        with socket.create_connection(addressed(receiver), timeout=HTTP_PATIENCE) as sender:
            sender.sendall("\r\n".join([*lines, "", ""]).encode() + body[:-1])
            os.kill(receiver.process.pid, signal.SIGTERM)
            sender.sendall(body[-1:])
            answer = sender.recv(4096)
        # Had the signal come first of all, the connection would have been closed before a request was under way.
        assert b" 202 " in answer.partition(b"\r\n")[0] or answer == b""
        assert receiver.process.wait(HTTP_PATIENCE) in {0, -signal.SIGTERM}


def test_when_one_of_two_workers_is_killed_the_other_goes_on_and_a_new_one_comes(
    home: dict[str, str], tmp_path: Path
) -> None:
    with started(home, tmp_path / "log", "--workers", "2") as receiver:
        receiver.wait_until_ready()
        wait_for(lambda: len(workers(receiver)) == 2, "two workers")
        first = workers(receiver)[0]
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: first not in workers(receiver) and len(workers(receiver)) == 2, "a new worker")
        receiver.wait_until_ready()
        for number in range(20):
            assert receiver.post(f"after the kill {number}").status_code in {200, 202}
        assert receiver.terminate() in {0, -signal.SIGTERM}


def workers(receiver: Apart) -> list[int]:
    """Process ids of those that serve; multiprocessing has another child of its own."""
    children = Path(f"/proc/{receiver.process.pid}/task/{receiver.process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def refused(environment: dict[str, str], *arguments: str) -> str:
    """What it says when it does not start."""
    done = subprocess.run(
        [COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def test_a_database_that_is_not_migrated_is_named_with_the_remedy(home: dict[str, str], tmp_path: Path) -> None:
    empty = home | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/empty.db"}
    said = refused(empty)
    assert "partnero-receiver: error: Airflow's database is not migrated: run `airflow db migrate`" in said
    assert "Traceback" not in said


def test_a_wrong_option_of_the_configuration_is_named(home: dict[str, str]) -> None:
    said = refused(home | {"AIRFLOW__PARTNERO__STORE": "everything"})
    assert "[partnero] store" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_address_that_another_one_has_is_named_even_before_that_one_serves(
    home: dict[str, str], tmp_path: Path, workers: str
) -> None:
    with started(home, tmp_path / "log", "--workers", "2") as receiver:
        wait_for(lambda: "partnero-receiver: http://" in receiver.log.read_text(), "its address")
        host, port = addressed(receiver)
        said = refused(home, "--port", str(port), "--workers", workers)
        assert f"error: --host {host} --port {port}: cannot be had: Address already in use" in said
        receiver.wait_until_ready()
        assert receiver.post(f"to the first, beside {workers}").status_code in {200, 202}


def test_it_starts_without_its_database_says_so_and_is_ready_once_it_is_there(
    home: dict[str, str], tmp_path: Path, listening_database: Path
) -> None:
    late = tmp_path / "late" / "airflow.db"
    environment = home | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{late}"}
    with started(environment, tmp_path / "log") as receiver:

        def answers() -> bool:
            try:
                return receiver.get("/healthz") == (200, {"status": "alive"})
            except requests.RequestException:
                return False

        wait_for(answers, "the receiver", receiver.log.read_text)
        assert receiver.get("/readyz") == (503, {"status": "not ready", "wrong": "database"})
        body, headers = delivery("too early")
        answer = requests.post(receiver.address + PATH, body, headers=headers, timeout=HTTP_PATIENCE)
        assert answer.status_code == 503
        late.parent.mkdir()
        shutil.copy(listening_database, late)
        receiver.wait_until_ready()
        assert receiver.post("too early").status_code in {200, 202}
