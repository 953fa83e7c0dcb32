"""Our tables in Airflow's database: what was delivered, the clock of its recording, and which DAGs wait for it.

Two API servers may be given the same delivery at once; only a unique column
decides between them, and Airflow has none for this.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow.models.base import metadata as airflow_metadata
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, String, Table, insert, select
from sqlalchemy.dialects.mysql import MEDIUMBLOB
from sqlalchemy.exc import DBAPIError, NoResultFound

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

_metadata = MetaData(schema=airflow_metadata.schema)  # [database] sql_alchemy_schema
DELIVERIES = Table(
    "partnero_delivery",
    _metadata,
    # A digest, not the id itself: MySQL compares texts without regard to case, and keys have their limits.
    Column("delivery_id", String(64), primary_key=True),
    Column("conn_id", String(250), primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False, index=True),
    # From here on the second edition: all empty in an entry of the first.
    Column("event", String(200)),
    Column("webhook_key", String(200)),
    Column("created_at", UtcDateTime),  # at Partnero
    Column("outcome", String(20)),  # see ledger/outcomes.py
    Column("asset_event_id", Integer),  # no foreign key: `airflow db clean` deletes asset events
    # The extra of the asset event as JSON, encrypted with Airflow's Fernet key; empty when nothing is to be kept.
    Column("kept", LargeBinary().with_variant(MEDIUMBLOB(), "mysql")),
    Column("replays", Integer),  # how often it was sent again; empty is none
    Index("idx_partnero_delivery_event", "conn_id", "event", "recorded_at"),
    Index("idx_partnero_delivery_outcome", "outcome", "recorded_at"),
)
CLOCK = Table(
    "partnero_receiver_clock",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", UtcDateTime, nullable=False),
)
# A DAG that was paused when an event came in: it is to be started when it is unpaused. An empty dag_id stands for the
# deliveries of an event that no DAG listened to.
WAITING = Table(
    "partnero_waiting",
    _metadata,
    Column("conn_id", String(250), primary_key=True),
    Column("event", String(200), primary_key=True),
    Column("dag_id", String(250), primary_key=True),
    Column("since", UtcDateTime, nullable=False),  # the time of the first delivery that waits
    Column("at", UtcDateTime, nullable=False),  # of the last
)


class NoTablesError(Exception):
    """The two tables are missing and cannot be made."""


def create_tables(engine: Engine) -> None:
    """Make what is missing; harmless when several API servers do so at once.

    :raises NoTablesError: something is still missing.
    """
    if _find_missing(engine) is None:
        return
    refusal = _try(engine, _metadata.create_all)
    _try(engine, lambda connection: connection.execute(insert(CLOCK).values(id=1, last=_LONG_AGO)))
    missing = _find_missing(engine)
    if missing is not None:
        raise NoTablesError(
            f"the tables {DELIVERIES.fullname} and {CLOCK.fullname} cannot be made ({refusal or missing}): allow it "
            "to the user of Airflow's database once, as `airflow db migrate` needs it too"
        )


def _find_missing(engine: Engine) -> str | None:
    """What the database says when something is missing, else None; waits for no lock."""

    def read_both(connection: Connection) -> object:
        connection.execute(select(DELIVERIES.c.delivery_id).limit(1))
        return connection.execute(select(CLOCK.c.id).where(CLOCK.c.id == 1)).one()

    try:
        return _try(engine, read_both)
    except NoResultFound:
        return f"{CLOCK.name} is empty"


def _try(engine: Engine, change: Callable[[Connection], object]) -> str | None:
    """Change something in a transaction of its own.

    :returns: the first line of what the database says if it refuses, as it does when another server was quicker.
    :raises DBAPIError: the database cannot be reached.
    """
    with engine.connect() as connection:
        try:
            with connection.begin():
                change(connection)
        except DBAPIError as error:
            return str(error.orig).partition("\n")[0]
    return None
