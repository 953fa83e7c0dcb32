"""``partnero-demo`` as a newcomer meets it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .chromium import NEEDS_CHROMIUM
from .cluster import everything_written
from .packages import ROOT
from .processes import free_port, start_process
from .waiting import PATIENCE, answer_of, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.airflow

DEMO = [sys.executable, "-m", "airflow_provider_partnero.demo"]


def _environment(folder: Path, **others: str) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", **others}


def _still_running(folder: Path) -> list[int]:
    """Processes whose environment names the folder: what the demo started and did not end."""
    return [pid for pid in _processes() if f"AIRFLOW_HOME={folder}".encode() in _proc(pid, "environ")]


def _sessions(folder: Path) -> set[int]:
    """Sessions of what the demo started. They tell of all of it: what gave itself a title has no environment left."""
    return {os.getsid(pid) for pid in _still_running(folder)}


def _left_of(sessions: set[int]) -> list[str]:
    """Command lines of what still runs in these sessions."""
    found = []
    for pid in _processes():
        with suppress(ProcessLookupError):
            if os.getsid(pid) in sessions and (command := _proc(pid, "cmdline")):  # a zombie has none
                found.append(command.replace(b"\0", b" ").decode())
    return found


def _processes() -> list[int]:
    return [int(process.name) for process in Path("/proc").glob("[0-9]*")]


def _proc(pid: int, file: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""


@pytest.fixture(scope="module")
def shown(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the installed demo says, and the folder it works in."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {name: value for name, value in _environment(folder).items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(installed / "bin" / "partnero-demo")],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, folder


def test_the_demo_runs_from_the_wheel_in_an_environment_of_its_own(shown: tuple[str, Path], installed: Path) -> None:
    said, _ = shown
    assert f"{installed}/lib" in said
    assert f"{ROOT}/" not in said


def test_the_demo_audits_a_broken_programme_mends_it_and_audits_it_clean(shown: tuple[str, Path]) -> None:
    said, _ = shown
    assert said.index("Audit: 8 webhooks (7 active, 1 inactive): 2 errors, 3 warnings.") < said.index(
        "1 to update, 4 to delete"
    )
    assert said.index("1 to update, 4 to delete") < said.index("nothing to complain about in 4 webhooks")
    assert "1 to update, 0 to delete" in said
    assert said.count("Approve this plan, ") == 2
    assert "Audit: 5 webhooks (5 active, 0 inactive): 0 errors, 1 warning." in said
    assert "who made this?" in said


def test_the_demo_runs_the_examples_and_leaves_nothing_behind_at_partnero(shown: tuple[str, Path]) -> None:
    said, _ = shown
    assert said.count("success, ") == 7
    assert "left 0 of them behind" in said
    assert "failed" not in said


def test_the_demo_shows_how_to_go_on_and_where_its_files_are(shown: tuple[str, Path]) -> None:
    said, folder = shown
    [page] = folder.rglob("audit.html")
    assert str(page) in said


def test_what_the_demo_says_to_type_next_runs_the_audit_on_ones_own_programme(
    shown: tuple[str, Path], installed: Path, partnero_sandbox: Sandbox
) -> None:
    said, folder = shown
    lines = [line.strip() for line in said.splitlines()]
    partnero_sandbox.seed(3)
    own = partnero_sandbox.connection_json
    example = """'{"conn_type": "partnero", "password": "YOUR-API-TOKEN"}'"""
    exports = "\n".join(line for line in lines if line.startswith("export ")).replace(example, shlex.quote(own))
    [audit] = [line for line in lines if line.startswith("airflow dags test")]
    path = f"{installed / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", f"{exports}\n{audit}"],
        env=_environment(folder, PATH=path),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert own in exports
    asked = {request.path: request.authorized for request in partnero_sandbox.requests()}
    assert asked == {"/webhooks": True, "/program": True}


def test_neither_token_nor_signing_secrets_are_in_any_file_of_the_demo(shown: tuple[str, Path]) -> None:
    said, folder = shown
    written = dict(everything_written(folder))
    assert any(name.endswith("airflow.db") for name in written)
    secrets = (b"demo-token-of-the-sandbox", b"sEcR")
    assert [name for name, content in written.items() if any(secret in content for secret in secrets)] == []
    assert "sEcR" not in said


def test_nothing_of_the_demo_runs_on_afterwards(shown: tuple[str, Path]) -> None:
    _, folder = shown
    assert _still_running(folder) == []


def test_ctrl_c_ends_the_demo_and_all_it_started(tmp_path: Path) -> None:
    # As a shell starts what runs in its background.
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *DEMO]
    process = start_process(ignoring, _environment(tmp_path), subprocess.PIPE, subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "partnero_webhook_audit" not in (process.stdout.readline() or "partnero_webhook_audit"):
        pass
    sessions = wait_for(lambda: _sessions(tmp_path), "Airflow to run")
    process.send_signal(signal.SIGINT)
    try:
        _, complaint = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "nothing is left running" in complaint
    assert _left_of(sessions) == []


@pytest.mark.parametrize(("options", "processes"), [([], 1), (["--ui", "--port", "0"], 5)], ids=["runs", "pages"])
def test_a_demo_that_is_killed_leaves_nothing_running(tmp_path: Path, options: list[str], processes: int) -> None:
    process = start_process([*DEMO, *options], _environment(tmp_path), subprocess.DEVNULL)
    try:
        wait_for(lambda: len(_still_running(tmp_path)) >= processes, "Airflow to run")
        sessions = _sessions(tmp_path)
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not _left_of(sessions), "Airflow to end")


def test_a_taken_port_is_said_in_words(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for options in (["--sandbox-port", port], ["--ui", "--port", port]):
            done = subprocess.run(
                [*DEMO, *options],
                env=_environment(tmp_path),
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            assert done.returncode == 2
            assert f"port {port} cannot be had" in done.stderr
            assert options[-2] in done.stderr


def test_a_missing_airflow_is_said_in_words(tmp_path: Path) -> None:
    code = (
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'airflow' else find(name, *a)\n"
        "from airflow_provider_partnero.demo.cli import main\n"
        "sys.exit(main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=_environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert (done.returncode, "pip install" in done.stderr) == (2, True)


@dataclass(frozen=True)
class Shown:
    """A demo with Airflow's pages.

    :param said: what it said in its terminal before it began to wait for Ctrl-C.
    """

    process: subprocess.Popen[str]
    folder: Path
    address: str
    said: str

    def asked(self, path: str) -> Any:
        """What Airflow's API answers."""
        return answer_of("GET", f"{self.address}/api/v2/{path}", headers=self.login()).json()

    def login(self) -> dict[str, str]:
        token = answer_of("GET", f"{self.address}/auth/token").json()["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def audit(self) -> str:
        """The id of today's run of the audit, once it has ended."""

        def ended() -> list[str]:
            runs = self.asked("dags/partnero_webhook_audit/dagRuns")["dag_runs"]
            return [run["dag_run_id"] for run in runs if run["run_type"] == "scheduled" and run["state"] == "success"]

        return wait_for(ended, "today's audit")[0]


# By how many pixels the audit's words go beyond the right edge of the log. Other lines, such as paths, do not count.
BEYOND_THE_EDGE = """
() => {
  const log = [...document.querySelectorAll("code")].find(one => one.textContent.includes("What to do: "));
  const [first, last] = ["Programme ", "Since the audit of "];
  const whole = one => one.textContent.includes(first) && one.textContent.includes(last);
  const message = [...log.querySelectorAll("*")].filter(whole).at(-1);
  const texts = document.createTreeWalker(message, NodeFilter.SHOW_TEXT);
  const rights = [];
  while (texts.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    rights.push(...[...range.getClientRects()].map(line => line.right));
  }
  return Math.max(...rights) - log.getBoundingClientRect().right;
}
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The demo with Airflow's pages, once it lets deliveries arrive."""
    folder = tmp_path_factory.mktemp("pages")
    port = free_port()
    # A proxy that leads nowhere is not asked: all of it happens on this machine.
    environment = _environment(folder, http_proxy="http://127.0.0.1:9")
    process = start_process([*DEMO, "--ui", "--port", str(port)], environment, subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = ""
        while "Ctrl-C ends" not in said and (heard := process.stdout.readline()):
            said += heard
        yield Shown(process, folder, f"http://127.0.0.1:{port}", said)
    finally:
        process.kill()
        process.communicate()


def test_the_ui_says_where_to_click_and_an_event_starts_a_dag(pages: Shown) -> None:
    assert f"Look here   {pages.address}/plugin/partnero" in pages.said
    [log] = pages.folder.rglob("airflow.log")
    assert f"Look here   {pages.address}/plugin/partnero" in log.read_text()
    assert "an audit of each day ......." in pages.said
    # 200 if the machine was too slow for the first attempt, which the receiver took all the same.
    assert re.search(r"delivered, answered 20[02]\n", pages.said)
    assert "DAG partnero_event_driven ... success" in pages.said
    assert "transaction.created: transaction_1 of 99.9" in pages.said
    assert answer_of("GET", pages.address).ok


def test_the_ui_has_the_examples_a_week_of_audits_and_a_delivery_that_no_dag_hears(pages: Shown) -> None:
    def listed() -> set[str]:
        return {dag["dag_id"] for dag in pages.asked("dags")["dags"]}

    wait_for(lambda: {"partnero_webhook_audit", "partnero_drift_watch"} <= listed(), "the examples")
    assert pages.audit()
    assert len(pages.asked("dags/partnero_webhook_audit/dagRuns")["dag_runs"]) == 8
    page = f"{pages.address}/partnero/page/partnero_default/deliveries"
    unheard = f"{page}?event=customer.created&outcome=unrouted"
    wait_for(
        lambda: "<details" in answer_of("GET", unheard, headers=pages.login()).text, "a delivery that no DAG hears"
    )


@pytest.mark.parametrize("width", [pytest.param(width, marks=NEEDS_CHROMIUM) for width in (1280, 1440)])
def test_the_ui_opens_on_the_page_and_nothing_of_the_audits_log_is_cut_off(
    pages: Shown, browser: Browser, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{pages.address}/plugin/partnero")
    partnero = page.frame_locator("iframe")
    partnero.get_by_text("Not well").wait_for()
    partnero.get_by_role("link", name="History").click()
    partnero.get_by_role("link", name="partnero_webhook_audit").nth(7).wait_for()

    page.goto(f"{pages.address}/dags/partnero_webhook_audit/runs/{pages.audit()}/tasks/audit")
    page.get_by_text("What to do: ").first.wait_for()
    beyond = page.evaluate(BEYOND_THE_EDGE)
    page.close()
    assert beyond <= 0


def test_the_ui_ends_with_all_it_started_when_its_terminal_is_closed(pages: Shown) -> None:
    sessions = wait_for(lambda: _sessions(pages.folder), "Airflow to run")
    pages.process.send_signal(signal.SIGHUP)
    pages.process.communicate(timeout=PATIENCE)
    assert _left_of(sessions) == []
