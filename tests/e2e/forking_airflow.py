"""A process that imports Airflow once, and does each piece of work in a fork of itself: importing takes seconds.

It reads one order a line from its input, and writes one exit code a line to its output. An order is
``{"environment": {name: value}, "arguments": [argument], "code", "output": path, "errors": path}``.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from importlib import import_module
from typing import Any

# What the work imports. Some columns of Airflow's depend on the kind of database that it was imported for.
_IMPORTED = (
    "airflow.__main__",
    "airflow.cli.commands.db_command",
    "airflow.api_fastapi.app",
    "alembic.autogenerate",
    "airflow_provider_partnero.ledger.manager",
    "airflow_provider_partnero.plugin.receiver.recording.writer",
)


def main() -> None:
    """Carry out the orders until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # some versions of Airflow log to stdout while they are imported
    _import()
    gc.freeze()  # else each fork copies all of it to look through it
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(_carry_out(json.loads(line)))  # to end as usual, it would copy all of it, too
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers)


def _import() -> None:
    from airflow.models import import_all_models
    from sqlalchemy.orm import configure_mappers

    for name in _IMPORTED:
        import_module(name)
    import_all_models()  # type: ignore[no-untyped-call]
    configure_mappers()


def _carry_out(order: dict[str, Any]) -> int:
    from airflow import settings

    for number, path in enumerate((os.devnull, order["output"], order["errors"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), number)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv[:] = order["arguments"]
    settings.configure_vars()  # type: ignore[no-untyped-call]
    settings.reconfigure_orm()  # type: ignore[no-untyped-call]
    try:
        exec(order["code"], vars(sys.modules["__main__"]))  # there a pool of the code's own finds its functions
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    main()
