"""The Airflow of a run: its folder, its parts, its connections, and whatever is run beside it."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from airflow_provider_partnero.demo.airflow import dags_folder
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.demo.sessions import end_session
from airflow_provider_partnero.sandbox import Sandbox, partnero_api, webhook_store
from tests.e2e.cluster import Cluster
from tests.e2e.waiting import PATIENCE

from .hostile import FAILURES, TELLS_LATER, HostileServer
from .markers import Marks, drawn

ROOT = Path(__file__).parents[2]
DAGS = Path(__file__).parent / "dags"
SAID = "said"
LATE = "late"  # a connection whose token is refused once a sensor waits
_FORKING = ROOT / "tests" / "e2e" / "forking_airflow.py"
_QUICK = {"timeout": 0.3, "max_attempts": 1}
_RUN = """
import sys
from {module} import main
try:
    code = main({arguments})
except SystemExit as ended:
    code = ended.code
print("exit code", code, file=sys.stderr)
"""


@dataclass(frozen=True)
class Said:
    """What a command has said."""

    out: str
    err: str

    @property
    def code(self) -> str:
        """Its exit code, as text."""
        return self.err.rpartition("exit code ")[2].strip()


class Forks:
    """A process that has imported Airflow, and runs each command in a fork of itself."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = dict(environment)
        self._folder = folder
        self._number = 0
        folder.mkdir()
        with (folder / "forking.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-W", "ignore", str(_FORKING)],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def airflow(self, *arguments: str) -> Said:
        """Run ``airflow``."""
        return self.run("airflow.__main__", "", "airflow", *arguments)

    def partnero(self, *arguments: str) -> Said:
        """Run ``python -m airflow_provider_partnero``."""
        return self.run("airflow_provider_partnero.commands.parser", "", "partnero", *arguments)

    def run(
        self,
        module: str,
        parameters: str,
        *arguments: str,
    ) -> Said:
        """Run a module's ``main``.

        :param parameters: of ``main``, as code.
        :param arguments: become ``sys.argv``.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._number += 1
        name = "-".join(arguments[:3]).replace("/", "_")[:80]
        output, errors = (self._folder / f"{self._number:03}-{name}.{end}" for end in ("out", "err"))
        code = _RUN.format(module=module, arguments=parameters)
        order = {"environment": self._environment, "code": code, "arguments": arguments}
        order |= {"output": str(output), "errors": str(errors)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        answered, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        assert answered, f"no end of {arguments} in {PATIENCE:g} s"
        self._process.stdout.readline()
        return Said(output.read_text(errors="replace"), errors.read_text(errors="replace"))

    def end(self) -> None:
        """End it and all it started."""
        end_session(self._process, patience=1)


@dataclass(frozen=True)
class Home:
    """All that a run works with."""

    folder: Path
    marks: Marks
    sandbox: Sandbox
    hostile: HostileServer
    cluster: Cluster
    forks: Forks

    @property
    def reports(self) -> Path:
        """Where reports, plans and declarations are written."""
        return self.folder / "reports"

    def start_alone(self, name: str, *words: str, **environment: str) -> int:
        """Run a command in a process of its own; its exit code."""
        with (self.folder / SAID / f"alone-{name}.log").open("wb") as log:
            done = subprocess.run(
                words,
                env=self.cluster.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=PATIENCE,
                check=False,
            )
        return done.returncode


@contextmanager
def home(folder: Path, database: Path, marks: Marks) -> Iterator[Home]:
    """An Airflow with nothing in its environment that is secret; its API server runs, and no other part.

    :param folder: of its own; must not exist.
    :param database: a migrated SQLite database, to be copied.
    """
    with ExitStack() as stack:
        for module in (partnero_api, webhook_store):
            stack.enter_context(mock.patch.object(module, "random_text", _noted(marks)))
        sandbox = stack.enter_context(Sandbox(token=marks.token))
        hostile = stack.enter_context(HostileServer(marks))
        sandbox.put_webhooks(_programme(marks))
        folder.mkdir()
        dags = folder.parent / f"{folder.name}-dags"
        _collect_dags(dags)
        cluster = Cluster(folder / "cluster", sandbox, database, dags=dags)
        shutil.rmtree(dags)
        del cluster.environment["AIRFLOW_CONN_PARTNERO_DEFAULT"]
        (folder / "reports").mkdir()
        cluster.environment |= _settings(cluster, folder)
        stack.enter_context(cluster)
        cluster.start("api-server")
        forks = Forks(cluster.environment, folder / SAID)
        stack.callback(forks.end)
        cluster.wait_until_up()
        here = Home(folder, marks, sandbox, hostile, cluster, forks)
        _add_connections(here)
        yield here


def _noted(marks: Marks) -> object:
    def random_text(length: int) -> str:
        text = drawn(length)
        if length == 16:
            marks.made.append(text)
        return text

    return random_text


def _programme(marks: Marks) -> list[dict[str, object]]:
    """The demo's broken programme, each webhook with a secret of its own."""
    programme = [dict(webhook) | {"signature": drawn(16)} for webhook in BROKEN_PROGRAMME]
    programme[0]["signature"] = marks.secret
    marks.made.extend(str(webhook["signature"]) for webhook in programme[1:])
    return programme


def _collect_dags(folder: Path) -> None:
    """The examples and those that fail; the one that looks every five minutes looks every 20 seconds."""
    shutil.copytree(dags_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(DAGS / "provoked.py", folder)
    watch = folder / "partnero_drift_watch.py"
    text = watch.read_text(encoding="utf-8")
    assert "poke_interval=300" in text
    watch.write_text(text.replace("poke_interval=300", "poke_interval=20"), encoding="utf-8")


def _settings(cluster: Cluster, folder: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
        "AIRFLOW__PARTNERO__RECEIVER_BASE_URL": cluster.address,
        "AIRFLOW__PARTNERO__RECEIVER_CONNECTIONS": "partnero_default, kept",
        "AIRFLOW_VAR_PARTNERO_REPORT_PATH": str(folder / "reports" / "audit.html"),
        "AIRFLOW_VAR_PARTNERO_FLEET_REPORT_PATH": str(folder / "reports" / "fleet.html"),
    }


def _add_connections(here: Home) -> None:
    """As somebody does with Airflow's form: the tokens lie in its database, and nowhere else."""
    sandbox = here.sandbox.base_url
    _add(here, "partnero_default", sandbox)
    _add(here, "kept", sandbox, signing_secrets={"keptKey": here.marks.kept})
    _add(here, LATE, here.hostile.base_url("refused"), **_QUICK)
    for name in (*FAILURES, TELLS_LATER):
        _add(here, f"hostile_{name}", here.hostile.base_url(name), **_QUICK)


def _add(here: Home, conn_id: str, host: str, **extra: object) -> None:
    fields = {"connection_id": conn_id, "conn_type": "partnero", "password": here.marks.token, "host": host}
    here.cluster.api("POST", "/api/v2/connections", **fields, extra=json.dumps(extra))
