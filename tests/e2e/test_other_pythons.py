"""Every Python that we claim runs the demo from the wheel, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .packages import install, run_in

PYTHONS = ("3.11", "3.12", "3.13")
_OTHERS = [python for python in PYTHONS if python != f"3.{sys.version_info.minor}"]

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
