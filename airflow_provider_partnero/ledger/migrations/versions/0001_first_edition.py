"""First edition: which deliveries were recorded, and the clock of their recording."""

from __future__ import annotations

import sqlalchemy as sa
from airflow.utils.sqlalchemy import UtcDateTime
from alembic import op

from airflow_provider_partnero.ledger.inventory import SCHEMA, has_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LONG_AGO: sa.ColumnElement[str] = sa.literal_column("'2000-01-01 00:00:00.000000'")  # in whatever time zone


def upgrade() -> None:
    """Make the tables and the clock's only row, as version 1 made them when it ran."""
    if not has_table("partnero_delivery"):
        op.create_table(
            "partnero_delivery",
            sa.Column("delivery_id", sa.String(64), primary_key=True),
            sa.Column("conn_id", sa.String(250), primary_key=True),
            sa.Column("recorded_at", UtcDateTime, nullable=False, index=True),
            schema=SCHEMA,
        )
    clock = sa.table("partnero_receiver_clock", sa.column("id", sa.Integer), sa.column("last"), schema=SCHEMA)
    if not has_table("partnero_receiver_clock"):
        op.create_table(
            "partnero_receiver_clock",
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("last", UtcDateTime, nullable=False),
            schema=SCHEMA,
        )
    elif op.get_bind().execute(sa.select(clock.c.id).where(clock.c.id == 1)).first():
        return
    op.execute(clock.insert().values(id=sa.literal_column("1"), last=_LONG_AGO))


def downgrade() -> None:
    """Drop everything: what Partnero delivers again is new."""
    op.drop_table("partnero_receiver_clock", schema=SCHEMA)
    op.drop_table("partnero_delivery", schema=SCHEMA)
