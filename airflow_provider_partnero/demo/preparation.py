"""What every demo does first: a fresh database for its Airflow."""

from __future__ import annotations

from importlib.metadata import version

from airflow_provider_partnero.demo.airflow import AirflowProcess, DemoError


def is_airflow_30() -> bool:
    """Whether this is Airflow 3.0, in whose navigation a plugin can have no page."""
    return version("apache-airflow").startswith("3.0.")


def prepare(airflow: AirflowProcess) -> None:
    """Make the database, in which DAGs can be tested then.

    :raises DemoError: Airflow does not get as far.
    """
    _run("A fresh Airflow home with its own SQLite database", airflow, "db", "migrate")
    if is_airflow_30():
        _run("The example DAGs in its database", airflow, "dags", "reserialize")
        airflow.activate_assets()


def _run(words: str, airflow: AirflowProcess, *command: str) -> None:
    print(f"{words} ...", end=" ", flush=True)
    done = airflow(*command)
    if done["failure"]:
        raise DemoError(f"airflow {' '.join(command)} failed: {done['failure']}; its log: {airflow.log}")
    print(f"{done['seconds']:.0f} s", flush=True)
