"""The wheel: what it holds, and that it works with every Airflow we claim."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest

from .packages import ROOT, install, run_in

# An old Airflow does not work with the newest of its dependencies: each gets those of its own time.
VERSIONS = {"3.0.6": "2025-09-01", "3.1.8": "2026-04-01", "3.2.2": "2026-07-01"}
NEEDED_BY_TESTS = ("pytest", "hypothesis", "psycopg2-binary", "asyncpg", "playwright", "axe-playwright-python")

pytestmark = pytest.mark.airflow


def test_the_wheel_holds_the_package_and_the_examples_and_nothing_else(wheel: Path) -> None:
    wanted = {
        path.relative_to(ROOT).as_posix()
        for folder in ("airflow_provider_partnero", "dags_examples")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", "docs"} & set(path.parts)
    }
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    metadata = {name for name in names if ".dist-info/" in name}
    packed = {name.replace("airflow_provider_partnero/_dags_examples", "dags_examples") for name in names - metadata}
    assert packed == wanted
    assert {Path(name).suffix for name in packed} == {
        ".py",
        ".yaml",
        ".json",
        ".typed",
        ".j2",
        ".css",
        ".js",
        ".svg",
        ".ini",
        ".mako",
    }
    assert {name.partition("/")[2] for name in metadata} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }


@pytest.mark.matrix
@pytest.mark.parametrize("version", VERSIONS)
def test_demo_restarted_triggerer_drift_and_receiver_work_on_airflow(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory, version: str
) -> None:
    folder = tmp_path_factory.mktemp("airflow")
    environment = install(wheel, folder, *NEEDED_BY_TESTS, version=version, newest=VERSIONS[version])
    said = run_in(environment, folder, "partnero-demo")
    assert said.count("DAG partnero_webhook_lifecycle ... success") == 1
    assert said.count("DAG partnero_webhooks_as_code ... success") == 4

    tests = folder / "tests"
    shutil.copytree(ROOT / "tests" / "e2e", tests / "e2e")
    for shared in ("conftest", "certificates", "wild_json"):
        shutil.copy(ROOT / "tests" / f"{shared}.py", tests)
    (tests / "__init__.py").touch()
    _test(environment, folder, _chosen(version))


def _chosen(version: str) -> dict[str, tuple[str, int]]:
    """By file, which of its tests are run, as pytest's ``-k`` has it, and how many these are."""
    cluster = "lives_through or soft_fail or reschedule or changed_webhook or example or audit or no_secret"
    chosen = {
        "test_cluster": (cluster, 10),
        "test_receiver_standalone": (
            "switched or connection or rotated or replayed or login or section or secret",
            10,
        ),
        "test_receiver_apart": ("records_a_delivery_once or other_goes_on", 2),
        "test_receiver_poison": ("poisonous", 1),
        "test_asset_events": ("indistinguishable", 2),
        "test_ledger_tables": ("sqlite and (takes_over or does_so_itself)", 3),
    }
    if version == "3.0.6":
        return chosen | {"test_page_in_browser": ("airflow_3_0", 1)}
    # Airflow 3.0 itself does not retry a task whose process is killed.
    chosen |= {"test_cluster": (f"{cluster} or worker_is_killed", 11)}
    if version == "3.1.8":  # the first with a navigation that others may add to
        in_browser = "navigation or opens_it or follows or (each_view and health and phone and light) or may_not"
        chosen |= {"test_page_in_browser": (in_browser, 6)}
    return chosen


def _test(environment: Path, folder: Path, chosen: dict[str, tuple[str, int]]) -> None:
    """Run them in one process, which imports Airflow and makes a database once."""
    markers = ["-o", "markers=airflow\nbrowser\nmariadb\npostgres\nslow"]
    files = [f"tests/e2e/{file}.py" for file in chosen]
    wanted = " or ".join(f"({file} and ({tests}))" for file, (tests, _) in chosen.items())
    command = ["python", "-m", "pytest", "--import-mode=importlib", "-v", *markers, *files, "-k", wanted]
    passed = re.findall(r"^tests/e2e/(\w+)\.py::.* PASSED", run_in(environment, folder, *command), re.MULTILINE)
    assert Counter(passed) == {file: number for file, (_, number) in chosen.items()}
