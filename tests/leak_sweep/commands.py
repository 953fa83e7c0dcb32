"""Every command, well and badly: in Airflow's command line, alone, and as processes of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from airflow_provider_partnero.commands.definitions import COMMANDS
from tests.e2e.cluster import AIRFLOW

from .home import Home
from .hostile import TELLS_LATER

_FAILING = ("refused", "invalid", "repeated", "broken", "half_error", "moved", "unwilling", TELLS_LATER)
_CODES = {"0", "2", "None"}


def command(home: Home) -> None:
    """Run them all. The order matters: what one writes, another reads."""
    ran: set[str] = set()

    def run(*arguments: str, fails: bool = False) -> str:
        ran.add(arguments[0])
        said = home.forks.partnero(*arguments)
        assert (said.code in _CODES) is not fails, said
        return said.out

    folder = home.reports
    declaration, plan = str(folder / "webhooks.yaml"), str(folder / "plan.json")
    run("schema")
    run("export", "--out", declaration)
    text = Path(declaration).read_text(encoding="utf-8")
    Path(declaration).write_text(text.replace("Data warehouse", "Data lake"), encoding="utf-8")
    for form in ("--json", "--markdown"):
        run("plan", declaration, form)
    run("plan", declaration, "--out", plan)
    run("apply", plan)
    for form in ("--json", "--markdown", "--sarif", "--junit"):
        run("audit", declaration, form)
    reports = [word for end in ("json", "md", "html", "sarif", "xml") for word in ("--report", f"{folder}/audit.{end}")]
    run("audit", "--required-events", "reward.paid", *reports)
    run("doctor")
    _deliveries(home, run)
    for name in _FAILING:
        ran.add("audit")
        said = home.forks.partnero("plan", declaration, "--conn-id", f"hostile_{name}")
        if name != TELLS_LATER:
            assert said.code == "1", said
    for name in ("invalid", "half_error"):
        run("apply", declaration, "--yes", "--conn-id", f"hostile_{name}", fails=True)
    run("doctor", "--conn-id", "hostile_refused")
    run("export", "--conn-id", "nowhere", fails=True)
    assert ran == {one.name for one in COMMANDS}
    _as_processes(home, declaration)


def _deliveries(home: Home, run: Callable[..., str]) -> None:
    [(first,), *_] = home.cluster.rows("select delivery_id from partnero_delivery where conn_id = 'partnero_default'")
    run("deliveries", "list")
    run("deliveries", "list", "--json")
    run("deliveries", "show", first)
    run("deliveries", "show", first, "--data")
    run("deliveries", "replay", first, "--again", "--yes")
    run("deliveries", "replay", "0" * 8, fails=True)
    run("deliveries", "forget", "--event", "transaction.deleted", "--yes")


def _as_processes(home: Home, declaration: str) -> None:
    """As a shell starts them, so that their arguments and their environment can be looked at.

    Airflow's has the token from the database. Without Airflow, it is in the environment: that is how it is given.
    """
    home.start_alone("doctor", AIRFLOW, "partnero", "doctor")
    alone = (sys.executable, "-m", "airflow_provider_partnero", "audit", declaration)
    home.start_alone("audit", *alone, "--base-url", home.sandbox.base_url, PARTNERO_TOKEN=home.marks.token)
