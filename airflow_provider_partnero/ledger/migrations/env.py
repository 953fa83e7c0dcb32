"""Alembic runs this for every change of the ledger's tables; see :mod:`airflow_provider_partnero.ledger.editions`."""

from __future__ import annotations

from airflow import settings
from alembic import context

from airflow_provider_partnero.ledger.editions import VERSION_TABLE
from airflow_provider_partnero.ledger.tables import METADATA


def _print_statements() -> None:
    context.configure(
        url=settings.SQL_ALCHEMY_CONN,
        target_metadata=METADATA,
        literal_binds=True,
        version_table=VERSION_TABLE,
        version_table_schema=METADATA.schema,
    )
    with context.begin_transaction():
        context.run_migrations()


def _run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],  # in a transaction that whoever gave it ends
        target_metadata=METADATA,
        version_table=VERSION_TABLE,
        version_table_schema=METADATA.schema,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    _print_statements()
else:
    _run()
