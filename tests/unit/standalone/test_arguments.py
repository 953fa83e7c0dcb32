"""What a person sees who types ``partnero-receiver``."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from airflow_provider_partnero.standalone.arguments import main


def test_the_help_names_everything_and_loads_neither_airflow_nor_a_web_framework() -> None:
    code = (
        "import sys, json\nfrom airflow_provider_partnero.standalone.arguments import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    print(end.code)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *shown, exit_code, loaded = done.stdout.splitlines()
    words = " ".join(shown)
    assert all(name in words for name in ("--host", "--port", "--workers", "drain", "/healthz", "/readyz"))
    assert exit_code == "0"
    assert set(json.loads(loaded)) & {"airflow", "uvicorn", "fastapi", "starlette", "sqlalchemy", "fsspec"} == set()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "0"], "'0': must be a whole number from 1 to 65,535"),
        (["--port", "http"], "'http': must be a whole number"),
        (["--workers", "0"], "'0': must be a whole number from 1 to 64"),
        (["drain"], "required: URL"),
        (["drain", "/var/spool"], "URL='/var/spool': must be the URL of a folder"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr().err
    assert (end.value.code, words in " ".join(said.split())) == (2, True), said
