"""The page about the commands: what it shows is typed in here, and its outputs are the real ones."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from airflow_provider_partnero.commands.definitions import COMMANDS
from airflow_provider_partnero.sandbox import Sandbox

PAGE = (Path(__file__).parents[3] / "airflow_provider_partnero" / "docs" / "commands.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8765/v1"


def _typed(block: str, start: str, folder: Path) -> str:
    """What a terminal shows when the lines of a block that start with ``$`` are typed in."""
    commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    echo = "code=$?; printf '%s\\n' {}; (exit $code)\n{}"
    script = "\n".join(echo.format(shlex.quote(f"$ {command}"), command) for command in commands)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__PARTNERO")}
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{start}\n{script}"],
        cwd=folder,
        env=kept | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    shown = re.sub(r"(?<=key )\w{12}\b", "KEY", done.stdout)
    return re.sub(r"3\.\S+ on Python \S+, airflow-provider-partnero \S+(; lacks .*)?", "VERSIONS", shown)


def test_every_block_shows_what_is_really_shown(partnero_sandbox: Sandbox, tmp_path: Path) -> None:
    partnero_sandbox.seed(3)
    [start] = [text for kind, text in BLOCKS if kind == "bash"]
    start = start.replace(ADDRESS, partnero_sandbox.base_url).replace("=demo", f"={partnero_sandbox.token}")
    for kind, text in BLOCKS:
        if kind == "console":
            assert _typed(text, start, tmp_path).replace(partnero_sandbox.base_url, ADDRESS) == text
    assert {kind for kind, _ in BLOCKS} == {"bash", "console"}


def test_the_page_has_a_section_for_each_command() -> None:
    assert re.findall(r"^## (\w+)$", PAGE, re.MULTILINE) == [command.name for command in COMMANDS]
