"""``airflow dags test`` of several DAGs, one after the other in one process: making Airflow's API takes seconds."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

MAPPED = "partnero_webhooks_mapped"
CODE = "partnero_webhooks_as_code"
ROTATION = "partnero_rotate_signing_secret"


def main() -> None:
    """Run all that can be run at ``DEBUG``; the rotation is refused there, before anything is sent."""
    _test(CODE, approve="no", prune="true")
    _test(CODE, approve=_fingerprint(), prune="true")
    _test(MAPPED)
    try:
        _test(ROTATION)
    except (SystemExit, Exception) as refused:  # as Airflow's command tells that a run has failed
        print("refused:", refused)
    else:
        raise AssertionError("a Variable was written at DEBUG")


def _test(dag_id: str, **conf: str) -> None:
    from airflow.__main__ import main as airflow

    told = ["--conf", json.dumps(conf)] if conf else []
    sys.argv = ["airflow", "dags", "test", dag_id, *told]
    airflow()  # type: ignore[no-untyped-call]


def _fingerprint() -> str:
    query = "select value from xcom where dag_id = ? and task_id = 'plan' and key = 'return_value'"
    with closing(sqlite3.connect(Path(os.environ["AIRFLOW_HOME"], "airflow.db"))) as link:
        [(value,)] = link.execute(query, (CODE,)).fetchall()
    fingerprint: str = json.loads(value)["fingerprint"]
    return fingerprint
