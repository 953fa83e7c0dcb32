"""``partnero-receiver drain``: killed at every step, by several at once, and beside what strangers leave."""

from __future__ import annotations

import json
import subprocess
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_receiver_page import edge_function, event

from .apart import COMMAND, SECRET, change, delivery, home_of, recorded, run_python
from .deliveries import PATH
from .processes import start_process
from .waiting import HTTP_PATIENCE, PATIENCE

pytestmark = pytest.mark.airflow

# Each child drains with the command's own parts, and is killed with SIGKILL before its n-th touch of the storage, or
# just after the receiver has answered; the last one finishes.
KILLED = """
import json, os, signal, sys
os.environ["AIRFLOW__PARTNERO__RECEIVER_ENABLED"] = "True"
from airflow_provider_partnero.airflow_compat import read_as_server
read_as_server()
from airflow_provider_partnero.drain.loop import Drain
from airflow_provider_partnero.drain.storage import DeliveryStorage
from airflow_provider_partnero.plugin.app import new_app
from airflow_provider_partnero.standalone.in_process import InProcessReceiver
from airflow_provider_partnero.standalone.readiness import warm_up

warm_up()
source, put = sys.argv[1], json.loads(sys.argv[2])


class Killed:
    def __init__(self, inner, left):
        self.inner, self.left = inner, left

    def step(self):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def __getattr__(self, name):
        found = getattr(self.inner, name)
        if not callable(found):
            return found
        def stepped(*args, **options):
            self.step()
            return found(*args, **options)
        return stepped


def child(steps):
    storage = DeliveryStorage(source)
    fs, root = storage._root
    vars(storage)["_root"] = killed = Killed(fs, steps), root
    with InProcessReceiver(new_app()) as receiver:
        def hand_over(deliveries):
            answers = receiver.hand_over(deliveries)
            killed[0].step()
            return answers
        result = Drain(storage, hand_over, lambda line: None, 256 * 1024).run()
    return 3 if result.left else 0


folder = source.removeprefix("file://")
steps = kills = 0
while True:
    for name, content in put.items():  # one more round of the same deliveries, and new ones
        with open(f"{folder}/{name}", "w") as file:
            file.write(content)
    pid = os.fork()
    if pid == 0:
        os._exit(child(steps))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status == -signal.SIGKILL:
        kills += 1
    steps += 1
    if status == 0:
        break
    assert steps < 100
print(json.dumps(kills))
"""


def stored(key: str, secret: str = SECRET) -> str:
    """A delivery as an edge function leaves it."""
    body, headers = delivery(key, secret)
    return json.dumps({"path": PATH, "headers": headers, "body_base64": b64encode(body).decode()})


@pytest.fixture
def home(tmp_path: Path, listening_database: Path) -> dict[str, str]:
    """An Airflow home of which nothing runs."""
    return home_of(tmp_path, listening_database)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an edge function would leave deliveries."""
    path = tmp_path / "deliveries"
    path.mkdir()
    return path


def run(home: dict[str, str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one drain."""
    done = subprocess.run(
        [COMMAND, "drain", f"file://{folder}", *arguments],
        env=home,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_killed_at_every_step_each_delivery_is_recorded_once_and_nothing_is_left(
    home: dict[str, str], folder: Path
) -> None:
    put = {"1": stored("a"), "2": stored("forged", "another secret"), "3": stored("b"), "4": "nothing"}
    kills = json.loads(run_python(KILLED, home, f"file://{folder}", json.dumps(put)))
    assert kills >= 15
    assert recorded(home) == 2
    assert left_in(folder) == []
    assert left_in(folder / "refused") == ["2", "2.reason.json", "4", "4.reason.json"]
    assert (folder / "refused" / "2").read_text() == put["2"]


def test_three_drains_at_once_record_each_delivery_once(home: dict[str, str], folder: Path) -> None:
    for number in range(60):
        (folder / f"{number:03}").write_text(stored(f"key-{number}"))
    command = [COMMAND, "drain", f"file://{folder}", "--json"]
    drains = [start_process(command, home, subprocess.PIPE, subprocess.DEVNULL) for _ in range(3)]
    results: list[dict[str, Any]] = [json.loads(one.communicate(timeout=PATIENCE)[0]) for one in drains]
    code, _, said = run(home, folder)  # what a busy machine has left
    assert code == 0, said
    assert recorded(home) == 60
    assert left_in(folder) == []
    assert sum(result["set_aside"] for result in results) == 0


def test_the_exit_code_and_the_last_line_say_what_became_of_it(home: dict[str, str], folder: Path) -> None:
    assert run(home, folder)[:2] == (0, "0 taken, 0 set aside, 0 left\n")
    (folder / "1").write_text(stored("a"))
    (folder / "2").write_text(stored("forged", "another secret"))
    code, said, told = run(home, folder, "--json")
    assert (code, json.loads(said)["set_aside"], json.loads(said)["taken"]) == (2, 1, 1)
    assert "Set aside '2': the receiver answered 401 unauthorized" in told
    assert SECRET not in said + told


def test_a_drain_that_finds_nothing_lets_go_what_waits_for_a_dag(home: dict[str, str], folder: Path) -> None:
    change(home, "update dag set is_paused = 1")
    (folder / "1").write_text(stored("paused"))
    assert run(home, folder)[0] == 0
    assert change(home, "select target_dag_id from asset_dag_run_queue") == []
    change(home, "update dag set is_paused = 0")
    assert run(home, folder)[:2] == (0, "0 taken, 0 set aside, 0 left\n")
    assert change(home, "select target_dag_id from asset_dag_run_queue") == [("listener",)]


def test_a_database_that_is_out_leaves_everything_and_says_so(home: dict[str, str], folder: Path) -> None:
    (folder / "1").write_text(stored("a"))
    out = home | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/nowhere/airflow.db"}
    code, said, told = run(out, folder)
    assert (code, said, left_in(folder)) == (1, "", ["1"])
    assert "error: Airflow's database does not answer" in told


def test_a_folder_that_is_not_there_is_an_error(home: dict[str, str], folder: Path) -> None:
    code, _, told = run(home, folder / "missing")
    assert (code, "there is no folder" in told) == (1, True)


def test_what_the_edge_function_of_the_page_leaves_is_recorded(
    home: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, bytes] = {}
    handler = edge_function(monkeypatch, kept)
    body, headers = delivery("at the edge")
    lower = {name.lower(): value for name, value in headers.items()}
    assert handler(event(body, headers=lower, rawPath=PATH), None) == {"statusCode": 202}
    for name, content in kept.items():
        (folder / Path(name).name).write_bytes(content)
    assert run(home, folder)[:2] == (0, "1 taken, 0 set aside, 0 left (1 accepted)\n")
    assert recorded(home) == 1


@pytest.mark.slow
def test_a_thousand_deliveries_are_drained_while_the_drain_is_killed_again_and_again(
    home: dict[str, str], folder: Path
) -> None:
    for number in range(1_000):
        (folder / f"{number:04}").write_text(stored(f"key-{number}"))
    command = [COMMAND, "drain", f"file://{folder}"]
    for _ in range(5):
        drain = start_process(command, home, subprocess.DEVNULL, subprocess.DEVNULL)
        before = len(left_in(folder))
        while len(left_in(folder)) > before - 100:
            time.sleep(0.01)  # the drain needs the processor
        drain.kill()
        drain.wait(HTTP_PATIENCE)
    assert run(home, folder)[0] == 0
    assert (recorded(home), left_in(folder)) == (1_000, [])
