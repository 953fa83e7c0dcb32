"""DAGs that really run in this process, on the Airflow home of the tests."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from airflow.sdk import DAG

# What hypothesis asserts must not depend on how fast the machine is.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("any machine"), max_examples=20)
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def _own_secrets() -> Iterator[None]:
    """Airflow has one masker per process, and the secrets of a thousand tests slow it down."""
    yield
    if masker := sys.modules.get("airflow.sdk._shared.secrets_masker.secrets_masker"):
        masker.reset_secrets_masker()


_ENDS_WITHIN = 30.0  # seconds


@pytest.fixture(autouse=True, scope="module")
def _no_receiver_is_left_running() -> Iterator[None]:
    """The receiver's thread deletes old deliveries, which other modules have made in the same database."""
    yield
    for thread in threading.enumerate():
        if thread.name == "partnero-readiness":  # it has given its answer, and ends by itself
            thread.join(_ENDS_WITHIN)
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"partnero-receiver", "partnero-metrics", "partnero-readiness"}


@dataclass(frozen=True)
class TaskRun:
    """What became of one task instance of a run."""

    state: str | None
    tries: int
    returned: Any


class Airflow:
    """A migrated Airflow database; runs DAGs as ``dag.test()`` does, with real tasks, XComs and triggers."""

    home = Path(os.environ["AIRFLOW_HOME"])

    def stored(self) -> bytes:
        """All that is in the database's file, and in what SQLite has not written there yet.

        Never read or copy the file itself: closing it would give up the locks that SQLite holds in this process, and
        the next command that ends would delete the write-ahead log under the tests that follow.
        """
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return database.serialize()

    def copy_database(self, target: Path) -> None:
        """Copy the database; see :meth:`stored`."""
        with closing(sqlite3.connect(self.home / "airflow.db")) as database, closing(sqlite3.connect(target)) as copy:
            database.backup(copy)

    def store(self, dag: DAG) -> None:
        """Write the DAG to the database, as the DAG processor does."""
        from airflow.models.dagbundle import DagBundleModel
        from airflow.models.serialized_dag import SerializedDagModel
        from airflow.serialization.definitions.dag import SerializedDAG
        from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG
        from airflow.utils.session import create_session

        lazy = LazyDeserializedDAG(data=DagSerialization.to_dict(dag))
        with create_session() as session:
            session.merge(DagBundleModel(name="dags-folder"))
            session.flush()
            SerializedDAG.bulk_write_to_db("dags-folder", None, [lazy], session=session)
            SerializedDagModel.write_dag(lazy, bundle_name="dags-folder", session=session)

    def run(self, dag: DAG) -> dict[str, list[TaskRun]]:
        """Run the DAG once; its task instances by task id, in the order of their map indexes."""
        from airflow.models.taskinstance import TaskInstance
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        self.store(dag)
        run = dag.test()
        with create_session() as session:
            instances = session.scalars(
                select(TaskInstance)
                .where(TaskInstance.dag_id == dag.dag_id, TaskInstance.run_id == run.run_id)
                .order_by(TaskInstance.map_index)
            ).all()
            values = {
                (row.task_id, row.map_index): row.value
                for row in session.scalars(
                    select(XComModel).where(XComModel.dag_id == dag.dag_id, XComModel.key == "return_value")
                )
            }
            done: dict[str, list[TaskRun]] = {}
            for ti in instances:
                value = values.get((ti.task_id, ti.map_index))
                returned = json.loads(value) if isinstance(value, str) else value
                done.setdefault(ti.task_id, []).append(TaskRun(ti.state, ti.try_number, returned))
            return done


@pytest.fixture(scope="session")
def airflow(migrated_database: Path) -> Airflow:
    """A real Airflow (SQLite) in this process."""
    copied = shutil.copy(migrated_database, Airflow.home / "migrated.db")
    Path(copied).replace(Airflow.home / "airflow.db")
    airflow_settings: Any = sys.modules.get("airflow.settings")
    if engine := getattr(airflow_settings, "engine", None):
        engine.dispose()  # a test before may have connected to a database that was empty
    return Airflow()
