"""The built package, and environments that it is installed in: they know nothing of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .waiting import PATIENCE

ROOT = Path(__file__).parents[2]
TODAY = "3.3.2"


def build_wheel(folder: Path) -> Path:
    """Build it into the folder; its path."""
    _uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT))
    [built] = folder.glob("*.whl")
    return built


def install(
    wheel: Path,
    folder: Path,
    *others: str,
    version: str = TODAY,
    newest: str | None = None,
    python: str = sys.executable,
) -> Path:
    """Install it into an environment of its own; the environment's path.

    :param others: further packages.
    :param version: of Airflow.
    :param newest: no package is newer than this date.
    :param python: version or path of the interpreter.
    """
    environment = folder / "environment"
    _uv("venv", "--quiet", "--python", python, str(environment))
    cutoff = ["--exclude-newer", newest] if newest else []
    packages = [f"apache-airflow=={version}", *others, str(wheel)]
    _uv("pip", "install", "--quiet", *cutoff, *packages, VIRTUAL_ENV=str(environment))
    return environment


def install_alone(wheel: Path, folder: Path, *others: str) -> Path:
    """Install it without what it depends on, beside these packages; the environment's path."""
    environment = folder / "environment"
    _uv("venv", "--quiet", "--python", sys.executable, str(environment))
    _uv("pip", "install", "--quiet", *others, VIRTUAL_ENV=str(environment))
    _uv("pip", "install", "--quiet", "--no-deps", str(wheel), VIRTUAL_ENV=str(environment))
    return environment


def run_in(environment: Path, folder: Path, *command: str) -> str:
    """Run a command of the environment in the folder; what it prints."""
    unwanted = ("PYTEST", "COV", "PYTHONPATH", "AIRFLOW")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    done = subprocess.run(
        [str(environment / "bin" / command[0]), *command[1:]],
        cwd=folder,
        env=kept | {"AIRFLOW_HOME": str(environment.parent / "home")},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _uv(*arguments: str, **variables: str) -> None:
    # UV_PYTHON, the Python of the tests, would be installed into in place of the environment that is named.
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PYTHON")} | variables
    # In the checkout, so that uv takes no package newer than pyproject.toml says.
    command = ["uv", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
