"""What a database has of the ledger already, for migrations that may be run twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.models.base import metadata as airflow_metadata
from alembic import context, op
from sqlalchemy import inspect

if TYPE_CHECKING:
    from sqlalchemy.engine.reflection import Inspector

SCHEMA: str | None = airflow_metadata.schema  # [database] sql_alchemy_schema


def has_table(table: str) -> bool:
    """Whether it is there; False while statements are only printed."""
    inspector = _inspector()
    return inspector is not None and bool(inspector.has_table(table, schema=SCHEMA))


def column_types(table: str) -> dict[str, Any]:
    """SQLAlchemy's types of the table's columns by name; empty while statements are only printed."""
    inspector = _inspector()
    if inspector is None:
        return {}
    return {column["name"]: column["type"] for column in inspector.get_columns(table, schema=SCHEMA)}


def index_names(table: str) -> set[str]:
    """The names of the table's indexes; empty while statements are only printed."""
    inspector = _inspector()
    if inspector is None:
        return set()
    return {str(index["name"]) for index in inspector.get_indexes(table, schema=SCHEMA)}


def _inspector() -> Inspector | None:
    return None if context.is_offline_mode() else inspect(op.get_bind())
