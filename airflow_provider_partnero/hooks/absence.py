"""Why Airflow has no connection by a name: it says "not found" as well of one that it cannot read."""

from __future__ import annotations

import os


def check_absent(conn_id: str) -> None:
    """Ask each secrets backend whether it really has no such connection.

    :raises LookupError: one has it, and it is malformed; or one cannot tell. What the backend says may show the
        connection, so it is not repeated.
    """
    from airflow.configuration import ensure_secrets_loaded

    for backend in ensure_secrets_loaded():
        name = type(backend).__name__
        try:
            found = backend.get_connection(conn_id=conn_id)
        except Exception as error:  # noqa: BLE001 - any backend's
            raise LookupError(_unreadable(name, conn_id, type(error).__name__)) from None
        if found is not None:
            raise LookupError(f"{name} has it, but Airflow cannot use it")


def _unreadable(backend: str, conn_id: str, error: str) -> str:
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    if backend == "EnvironmentVariablesBackend" and variable in os.environ:
        return (
            f"the environment variable {variable} is malformed ({error}): it must be a URI, such as "
            'partnero://:TOKEN@, or JSON, such as {"conn_type": "partnero", "password": "TOKEN"}'
        )
    return f"{backend} cannot read it ({error})"
