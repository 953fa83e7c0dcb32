"""Every Python that we claim runs the quick tests, the example DAGs and the demo from the wheel.

What runs the tests runs all of them; each other Python has environments of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .packages import ROOT, install, locked, run_in

PYTHONS = ("3.11", "3.12", "3.13")
_OTHERS = [python for python in PYTHONS if python != f"3.{sys.version_info.minor}"]
_FEWEST = 8_000  # of the 8,800 unit tests

pytestmark = [pytest.mark.airflow, pytest.mark.matrix]


@pytest.fixture(params=_OTHERS)
def interpreter(request: pytest.FixtureRequest) -> str:
    """The path of one that uv finds, or that pyenv keeps."""
    python: str = request.param
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for wanted in (python, *pyenv.glob(f"versions/{python}.*/bin/python")):
        find = ["uv", "python", "find", "--no-python-downloads", "--no-project", str(wanted)]
        found = subprocess.run(find, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.strip()
    pytest.skip(f"needs Python {python}: uv python install {python}, or pyenv install {python}")


def test_the_wheel_runs_the_demo(interpreter: str, wheel: Path, tmp_path: Path) -> None:
    environment = install(wheel, tmp_path, python=interpreter)
    said = run_in(environment, tmp_path, "partnero-demo")
    assert f"{environment}/lib" in said
    assert "nothing to complain about" in said


def test_the_quick_tests_and_the_example_dags_pass(interpreter: str, tmp_path: Path) -> None:
    environment = locked(tmp_path, interpreter)
    own = ("-n", "0", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "tests"))
    quick = run_in(environment, ROOT, "nox", "--session", "quick", "--", *own)
    dags = run_in(environment, ROOT, "pytest", *own, "tests/dags")
    version = subprocess.run([interpreter, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    for said, fewest in ((quick, _FEWEST), (dags, 1)):
        assert f"-- {version}" in said
        [passed] = re.findall(r"(\d+) passed", said)
        assert int(passed) >= fewest
