"""Fuzzes one target with atheris: ``python -m tests.fuzz receiver --seconds 60``."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.fuzz import CORPUS, FOLDER, TARGETS, check_of

PACKAGE = "airflow_provider_partnero"
LONGEST = 4_096  # bytes of an input
FOUND = Path("build", "fuzz")


def main() -> None:
    """Do what the command line says; ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--runs", type=int, help="try so many inputs, the same ones every time")
    task.add_argument("--seconds", type=int, help="try inputs for so long")
    task.add_argument("--merge", action="store_true", help="add what was found and reaches further to the corpus")
    task.add_argument("--inner", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)  # libFuzzer calls itself
    parser.add_argument("--found", type=Path, default=FOUND, help="folder for what is found (%(default)s)")
    arguments = parser.parse_args()
    found = arguments.found / arguments.target
    found.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("AIRFLOW_HOME", str((arguments.found / "airflow").absolute()))  # for what it writes on import
    _fuzz(arguments.target, _options(arguments, found), (arguments.found / f"{arguments.target}-again").absolute())


def _options(arguments: argparse.Namespace, found: Path) -> list[str]:
    """What libFuzzer is told."""
    if arguments.inner is not None:
        return list(arguments.inner)
    corpus = CORPUS / arguments.target
    bounds = [f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=2048", f"-artifact_prefix={found}/finding-"]
    if arguments.merge:  # by the lines that are reached and not by how often, or there would be thousands
        return ["-set_cover_merge=1", "-use_counters=0", *bounds, str(corpus), str(found)]
    words = FOLDER / "dictionaries" / f"{arguments.target}.dict"
    if arguments.runs:  # the same inputs every time, of any length from the start
        end = [f"-runs={arguments.runs}", "-seed=1", "-len_control=0"]
    else:
        end = [f"-max_total_time={arguments.seconds}"]
    return [*end, *bounds, f"-dict={words}", str(found), str(corpus)]


def _fuzz(target: str, options: list[str], again: Path) -> None:
    """Start libFuzzer.

    :param again: a file by which libFuzzer can call itself; it is made here.
    """
    atheris: Any = import_module("atheris")  # not everywhere
    again.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tests.fuzz {target} --inner "$@"\n')
    again.chmod(0o700)
    with atheris.instrument_imports(include=[PACKAGE]):
        check = check_of(target)
    atheris.Setup([str(again), *options], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
