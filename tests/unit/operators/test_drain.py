"""The drain as a task: what it posts, what it believes, and how it waits."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.operators.drain import DeliveriesLeftError
from airflow_provider_partnero.operators.partnero import PartneroDrainDeliveriesOperator
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow

BODY = b'{"event": "x", "note": "\\u00e9 \xc3\xa9"}'
Answer = tuple[int, bytes]


class Server:
    """A receiver that answers as told, and remembers what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[str], Answer] = lambda path: (202, b'{"status": "accepted"}')
        self.base_url = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            status, content = state.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Location", "https://elsewhere.example/")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    state.base_url = f"http://127.0.0.1:{listening.server_port}"
    yield state
    listening.shutdown()
    listening.server_close()


def put(folder: Path, name: str, conn_id: str = "partnero_default") -> None:
    whole = {
        "path": f"/partnero/webhooks/{conn_id}",
        "headers": {
            "Content-Type": "application/json",
            "Signature": "a" * 64,
            "Cookie": "session=1",
            "Authorization": "Bearer somebody's",
            "X-Forwarded-For": "198.51.100.7",
        },
        "body_base64": b64encode(BODY).decode(),
    }
    (folder / name).write_text(json.dumps(whole))


def drain(folder: Path, server: Server, **options: Any) -> PartneroDrainDeliveriesOperator:
    arguments = {"source": f"file://{folder}", "receiver_base_url": server.base_url, **options}
    return PartneroDrainDeliveriesOperator(task_id="drain", **arguments)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_each_delivery_is_posted_with_its_own_bytes_and_only_the_headers_that_the_receiver_reads(
    tmp_path: Path, server: Server, make_context: MakeContext
) -> None:
    put(tmp_path, "1")
    result = drain(tmp_path, server).execute(make_context())
    assert result == {"taken": 1, "set_aside": 0, "left": 0, "gone": 0, "answers": {"accepted": 1}}
    [(path, headers, body)] = server.got
    assert (path, body) == ("/partnero/webhooks/partnero_default", BODY)
    assert (headers["content-type"], headers["signature"]) == ("application/json", "a" * 64)
    assert {"cookie", "authorization", "x-forwarded-for"} & headers.keys() == set()
    assert files(tmp_path) == []


def test_a_hostile_connection_id_stays_one_part_of_the_path(
    tmp_path: Path, server: Server, make_context: MakeContext
) -> None:
    put(tmp_path, "1", conn_id="..%5c..%3fx%23y")
    drain(tmp_path, server).execute(make_context())
    assert server.got[0][0] == "/partnero/webhooks/..%5C..%3Fx%23y"


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>Sign in</html>"),
        (202, b"{}"),
        (200, b'{"status": 1}'),
        (302, b""),
        (404, b"nginx"),
        (413, b"<html>"),
        (401, b'{"detail": "Not authenticated"}'),
        (503, b'{"status": "unavailable"}'),
        (429, b'{"status": "flooded"}'),
    ],
)
def test_only_the_receivers_own_yes_deletes_and_only_its_own_no_sets_aside(
    tmp_path: Path, server: Server, make_context: MakeContext, answer: Answer
) -> None:
    put(tmp_path, "1")
    server.answer = lambda path: answer
    with pytest.raises(DeliveriesLeftError, match="1 left"):
        drain(tmp_path, server).execute(make_context())
    assert files(tmp_path) == ["1"]


def test_a_receiver_that_cannot_be_reached_leaves_all_of_it(
    tmp_path: Path, server: Server, make_context: MakeContext
) -> None:
    put(tmp_path, "1")
    with pytest.raises(DeliveriesLeftError, match="no answer: ConnectionError"):
        drain(tmp_path, server, receiver_base_url="http://127.0.0.1:9").execute(make_context())
    assert files(tmp_path) == ["1"]


def test_what_the_receiver_refuses_is_set_aside_and_does_not_fail_the_task(
    tmp_path: Path, server: Server, make_context: MakeContext
) -> None:
    put(tmp_path, "1")
    server.answer = lambda path: (401, b'{"status": "unauthorized"}')
    assert drain(tmp_path, server).execute(make_context())["set_aside"] == 1
    assert files(tmp_path / "refused") == ["1", "1.reason.json"]


def test_without_deferrable_an_empty_folder_ends_the_task(
    tmp_path: Path, server: Server, make_context: MakeContext
) -> None:
    assert drain(tmp_path, server).execute(make_context())["taken"] == 0


def test_deferrable_it_waits_for_something_no_longer_than_its_time_out(
    tmp_path: Path, server: Server, make_context: MakeContext
) -> None:
    operator = drain(tmp_path, server, deferrable=True, poke_interval=7.0, execution_timeout=timedelta(hours=1))
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(make_context())
    assert deferred.value.timeout == timedelta(hours=1)
    assert deferred.value.trigger.serialize()[1] == {"source": f"file://{tmp_path}", "poke_interval": 7.0}
    put(tmp_path, "1")
    assert operator.execute_complete(make_context(), {"waiting": True})["taken"] == 1
    put(tmp_path, "2")
    assert operator.execute(make_context())["taken"] == 1  # something is there: no way over the triggerer


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"source": "/var/spool"}, "source='/var/spool': must be the URL of a folder"),
        ({"receiver_base_url": "ftp://x"}, "receiver_base_url='ftp://x': must be the URL"),
    ],
)
def test_a_wrong_argument_fails_the_task_at_once_and_is_named(
    tmp_path: Path, server: Server, make_context: MakeContext, options: dict[str, Any], words: str
) -> None:
    put(tmp_path, "1")
    with pytest.raises(AirflowFailException, match=words):
        drain(tmp_path, server, **options).execute(make_context())
    assert server.got == []


def test_a_failure_of_the_trigger_fails_the_task_at_once(
    tmp_path: Path, server: Server, make_context: MakeContext
) -> None:
    with pytest.raises(AirflowFailException, match="no folder"):
        drain(tmp_path, server).execute_complete(make_context(), {"failure": "there is no folder"})


def test_deferred_in_a_real_run_templated_and_mapped_it_drains_what_comes(
    airflow: Airflow, tmp_path: Path, server: Server
) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    with DAG("drained", schedule=None, start_date=datetime(2026, 1, 1), params={"base": server.base_url}) as dag:
        PartneroDrainDeliveriesOperator.partial(
            task_id="drain", receiver_base_url="{{ params.base }}", deferrable=True, poke_interval=0.2
        ).expand(source=[f"file://{folder}" for folder in folders])

    def come() -> None:
        for folder in folders:
            put(folder, "1")

    timer = threading.Timer(3, come)
    timer.start()
    runs = airflow.run(dag)["drain"]
    timer.join()
    assert [(run.state, run.returned["taken"]) for run in runs] == [("success", 1)] * 2
