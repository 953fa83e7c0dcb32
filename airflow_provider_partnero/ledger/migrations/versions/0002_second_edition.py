"""Second edition: every genuine delivery, routed or not, with what is needed to send it again."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from airflow.utils.sqlalchemy import UtcDateTime
from alembic import op
from sqlalchemy.dialects import mysql

from airflow_provider_partnero.ledger.inventory import SCHEMA, column_types, has_table, index_names

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_DELIVERIES = "partnero_delivery"
_WAITING = "partnero_waiting"
_INDEXES = {
    "idx_partnero_delivery_event": ["conn_id", "event", "recorded_at"],
    "idx_partnero_delivery_outcome": ["outcome", "recorded_at"],
}


def upgrade() -> None:
    """Add columns, which are empty in the rows of the first edition, and what they are searched by."""
    old = column_types(_DELIVERIES)
    _tell_capitals_apart(old.get("conn_id"))
    for column in _new_columns():
        if column.name not in old:
            op.add_column(_DELIVERIES, column, schema=SCHEMA)
    indexes = index_names(_DELIVERIES)
    for name, columns in _INDEXES.items():
        if name not in indexes:
            op.create_index(name, _DELIVERIES, columns, schema=SCHEMA)
    if not has_table(_WAITING):  # last: while it is missing, the receiver knows that this has not come to its end
        op.create_table(
            _WAITING,
            sa.Column("conn_id", _text(250), primary_key=True),
            sa.Column("event", _text(200), primary_key=True),
            sa.Column("dag_id", _text(250), primary_key=True),
            sa.Column("since", UtcDateTime, nullable=False),
            sa.Column("at", UtcDateTime, nullable=False),
            schema=SCHEMA,
        )


def downgrade() -> None:
    """Back to the first edition, which had no entry for what no DAG listened to."""
    op.drop_table(_WAITING, schema=SCHEMA)
    deliveries = sa.table(_DELIVERIES, sa.column("outcome", sa.String), schema=SCHEMA)
    op.execute(deliveries.delete().where(deliveries.c.outcome == "unrouted"))
    for name in _INDEXES:
        op.drop_index(name, _DELIVERIES, schema=SCHEMA)
    for column in _new_columns():
        op.drop_column(_DELIVERIES, column.name, schema=SCHEMA)


def _new_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("event", _text(200)),
        sa.Column("webhook_key", _text(200)),
        sa.Column("created_at", UtcDateTime),
        sa.Column("outcome", sa.String(20)),
        sa.Column("asset_event_id", sa.Integer),
        sa.Column("kept", sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")),
        sa.Column("replays", sa.Integer),
    ]


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql")


def _tell_capitals_apart(conn_id: sa.types.TypeEngine[str] | None) -> None:
    """In MySQL, the first edition took the connections ``Shop`` and ``shop`` for one."""
    if op.get_context().dialect.name == "mysql" and getattr(conn_id, "collation", None) != "utf8mb4_bin":
        op.alter_column(
            _DELIVERIES, "conn_id", type_=_text(250), existing_nullable=False, nullable=False, schema=SCHEMA
        )
