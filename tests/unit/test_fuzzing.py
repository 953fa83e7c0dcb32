"""What fuzzing has found stays mended, and the fuzzer itself finds what is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from tests.fuzz import CORPUS, FOLDER, TARGETS, check_of, inputs_of

ROOT = Path(__file__).parents[2]
RUNS = {
    "receiver": 1_000,
    "stored": 5_000,
    "answers": 500,
    "lists": 1_000,
    "declarations": 1_000,
    "reports": 50,
    "told": 1_000,
}
PACKAGE = "airflow_provider_partnero"
HANG = 300  # seconds; bounds a test that has failed already

needs_atheris = pytest.mark.skipif(
    find_spec("atheris") is None, reason="needs the dependency group fuzz, on CPython for Linux on x86-64"
)


def _fuzz(target: str, runs: int, found: Path, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz", target, "--runs", str(runs), "--found", str(found)]
    return subprocess.run(command, check=False, cwd=root, stdout=PIPE, stderr=STDOUT, text=True, timeout=HANG)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # Python's parser, about a text that is no plan
@pytest.mark.parametrize("target", TARGETS)
def test_every_input_that_was_ever_kept_keeps_all_promises(target: str) -> None:
    check, inputs = check_of(target), inputs_of(target)
    assert len(inputs) > 5
    for path in inputs:
        try:
            check(path.read_bytes())
        except BaseException as error:
            error.add_note(f"with the input {path.relative_to(ROOT)}")
            raise


def test_the_corpus_is_small_and_every_folder_and_dictionary_has_a_target() -> None:
    files = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert len(files) <= 300
    assert sum(path.stat().st_size for path in files) <= 300_000
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS) == set(RUNS)
    assert {path.stem for path in FOLDER.glob("dictionaries/*.dict")} == set(TARGETS)


@needs_atheris
@pytest.mark.parametrize("target", TARGETS)
def test_inputs_that_nobody_has_thought_of_break_no_promise(target: str, tmp_path: Path) -> None:
    ended = _fuzz(target, RUNS[target], tmp_path)
    assert ended.returncode == 0, ended.stdout[-4_000:]
    assert f"Done {RUNS[target]} runs" in ended.stdout


@needs_atheris
def test_a_defect_that_no_kept_input_shows_is_found_and_its_input_is_kept(tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns("__pycache__", "corpus", "docs")
    shutil.copytree(ROOT / "tests" / "fuzz", tmp_path / "tests" / "fuzz", ignore=left_out)
    (tmp_path / "tests" / "__init__.py").touch()
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE, ignore=left_out)
    seed = tmp_path / "tests" / "fuzz" / "corpus" / "stored" / "seed"
    seed.parent.mkdir(parents=True)
    seed.write_bytes(b'{"path": "/partnero/webhooks/x", "headers": {"a": "b"}, "body_base64": "e30="}')
    guard = tmp_path / PACKAGE / "drain" / "raw_delivery.py"
    mended = guard.read_text(encoding="utf-8")
    guard.write_text(mended.replace("except (ValueError, RecursionError)", "except RecursionError"), encoding="utf-8")
    assert guard.read_text(encoding="utf-8") != mended
    ended = _fuzz("stored", 20_000, tmp_path / "found", tmp_path)
    assert "Uncaught Python exception" in ended.stdout
    assert ended.returncode != 0
    [kept] = (tmp_path / "found" / "stored").glob("finding-crash-*")
    check_of("stored")(kept.read_bytes())  # breaks no promise without the defect
