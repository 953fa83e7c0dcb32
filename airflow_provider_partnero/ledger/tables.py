"""Our tables in Airflow's database: what was delivered, the clock of its recording, and which DAGs wait for it.

Two API servers may be given the same delivery at once; only a unique column
decides between them, and Airflow has none for this.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.models.base import metadata as airflow_metadata
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, String, Table, false, select
from sqlalchemy.dialects.mysql import LONGBLOB, VARCHAR
from sqlalchemy.exc import DBAPIError

from airflow_provider_partnero.airflow_compat import finds_db_managers
from airflow_provider_partnero.ledger import editions

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

log = logging.getLogger(__name__)

MANAGER = "airflow_provider_partnero.ledger.manager.PartneroDBManager"


def _text(length: int) -> String:
    """A text that differs from another by its capitals, too, which MySQL has to be told."""
    in_mysql = VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return String(length).with_variant(in_mysql, "mysql")


METADATA = MetaData(schema=airflow_metadata.schema)  # [database] sql_alchemy_schema
DELIVERIES = Table(
    "partnero_delivery",
    METADATA,
    # A digest, not the id itself: keys have their limits.
    Column("delivery_id", String(64), primary_key=True),
    Column("conn_id", _text(250), primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False, index=True),
    # From here on the second edition: all empty in an entry of the first.
    Column("event", _text(200)),
    Column("webhook_key", _text(200)),
    Column("created_at", UtcDateTime),  # at Partnero
    Column("outcome", String(20)),  # see ledger/outcomes.py
    Column("asset_event_id", Integer),  # no foreign key: `airflow db clean` deletes asset events
    # The extra of the asset event as JSON, encrypted with Airflow's Fernet key; empty when nothing is to be kept.
    Column("kept", LargeBinary().with_variant(LONGBLOB(), "mysql")),
    Column("replays", Integer),  # how often it was sent again; empty is none
    Index("idx_partnero_delivery_event", "conn_id", "event", "recorded_at"),
    Index("idx_partnero_delivery_outcome", "outcome", "recorded_at"),
)
CLOCK = Table(
    "partnero_receiver_clock",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", UtcDateTime, nullable=False),
)
# A DAG that was paused when an event came in: it is to be started when it is unpaused. An empty dag_id stands for the
# deliveries of an event that no DAG listened to.
WAITING = Table(
    "partnero_waiting",
    METADATA,
    Column("conn_id", _text(250), primary_key=True),
    Column("event", _text(200), primary_key=True),
    Column("dag_id", _text(250), primary_key=True),
    Column("since", UtcDateTime, nullable=False),  # the time of the first delivery that waits
    Column("at", UtcDateTime, nullable=False),  # of the last
)


class NoTablesError(Exception):
    """The tables are missing or of an earlier edition, and cannot be changed; the message says what to do."""


def create_tables(engine: Engine) -> None:
    """Make what is missing, or bring what is there to this edition; only where Airflow's migrations were not run.

    Nothing is changed when everything is there, so a user who may only read and write rows will do. It is harmless when
    several servers do so at once.

    :raises NoTablesError: something is still missing.
    :raises sqlalchemy.exc.DBAPIError: the database cannot be reached.
    """
    with engine.connect() as connection:
        missing = find_missing(connection)
    if missing is None:
        return
    try:
        editions.upgrade(engine, is_complete=lambda connection: find_missing(connection) is None)
    except editions.EditionError as error:
        with engine.connect() as connection:
            if find_missing(connection) is None:  # somebody else was quicker
                return
        remedy = f"{how_to_migrate()}, with a user who may create and alter tables"
        raise NoTablesError(
            f"the receiver's tables are missing or of an earlier edition ({missing}), and the database does not let "
            f"the receiver change them ({error}): "
            + ("they are in use, so the next delivery tries it again" if error.is_busy else remedy)
        ) from error
    log.warning(
        "The receiver's tables were missing or of an earlier edition (%s), so the receiver has changed them itself. "
        "To have it done before it runs: %s.",
        missing,
        how_to_migrate(),
    )


def how_to_migrate() -> str:
    """What makes the tables before the receiver runs."""
    if finds_db_managers():
        return "run `airflow db migrate`"
    return f"put {MANAGER} into `[database] external_db_managers` and run `airflow db migrate`"


def find_missing(connection: Connection) -> str | None:
    """What the database says when something is missing, else None; reads no row of the large table."""
    try:
        with connection.begin_nested() if connection.in_transaction() else connection.begin():
            for table in (DELIVERIES, WAITING):
                connection.execute(select(table).where(false()))
            if connection.execute(select(CLOCK).where(CLOCK.c.id == 1)).first() is None:
                return f"{CLOCK.name} is empty"
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return editions.first_line(error)
    return None
