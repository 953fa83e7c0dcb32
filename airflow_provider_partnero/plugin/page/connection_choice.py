"""Which connections of type Partnero there are, as far as Airflow can list them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping

from airflow.models.connection import Connection
from airflow.utils.session import create_session
from sqlalchemy import select

_MOST = 500
_PREFIX = "AIRFLOW_CONN_"
_TYPE = "partnero"


def listed_connections(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Their ids, sorted: those in Airflow's database, 500 at most, and in environment variables.

    What another secrets backend holds cannot be listed. Waits for the database.
    """
    with create_session() as session:
        query = select(Connection.conn_id).where(Connection.conn_type == _TYPE).order_by(Connection.conn_id)
        stored = [conn_id for conn_id in session.scalars(query.limit(_MOST)) if conn_id]
    return sorted({*stored, *_in_environment(environment)})


def _in_environment(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if name.startswith(_PREFIX) and _is_partnero(value.strip()):
            yield name.removeprefix(_PREFIX).lower()


def _is_partnero(value: str) -> bool:
    if not value.startswith("{"):
        return value.startswith(f"{_TYPE}:")
    try:
        fields = json.loads(value)
    except ValueError:
        return False
    return bool(fields.get("conn_type") == _TYPE)
