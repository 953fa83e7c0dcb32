"""The ledger's tables in SQLite, PostgreSQL and MariaDB: who makes them, who upgrades them, and who need not."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from .ledger_places import ForkingAirflows, Place, mariadb_place, postgres_place, sqlite_place

pytestmark = pytest.mark.airflow

HEAD = "0002"
EVERYWHERE = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]
WITH_USERS = EVERYWHERE[1:]

# What the first edition's version of the receiver made when it got its first delivery, and a delivery of then.
DIGEST = "5d41402abc4b2a76b9719d911017c59228c0c8e9f3b6b6d9e0c0b0a0a0b0c0d0"
FIRST_EDITION = """
from airflow import settings
from airflow.models.base import metadata as airflow_metadata
from airflow.utils.sqlalchemy import UtcDateTime
from datetime import UTC, datetime
from sqlalchemy import Column, Integer, MetaData, String, Table, insert

old = MetaData(schema=airflow_metadata.schema)
delivery = Table("partnero_delivery", old, Column("delivery_id", String(64), primary_key=True),
    Column("conn_id", String(250), primary_key=True), Column("recorded_at", UtcDateTime, nullable=False, index=True))
clock = Table("partnero_receiver_clock", old, Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", UtcDateTime, nullable=False))
old.create_all(settings.engine)
with settings.engine.begin() as connection:
    at = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    connection.execute(insert(clock).values(id=1, last=at))
    connection.execute(insert(delivery).values(delivery_id=DIGEST, conn_id="shop", recorded_at=at))
print("null")
""".replace("DIGEST", repr(DIGEST))

CREATE = """
import json, logging
from airflow import settings
from airflow_provider_partnero.ledger import tables

class Said(logging.Handler):
    def emit(self, record):
        said.append([record.levelname, record.getMessage()])

said = []
logging.getLogger(tables.__name__).addHandler(Said())
try:
    tables.create_tables(settings.engine)
except tables.NoTablesError as error:
    said.append(["NoTablesError", str(error)])
print(json.dumps(said))
"""

LOOK = """
import json
from airflow import settings
from airflow_provider_partnero.ledger import editions, manager, tables
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

with settings.engine.connect() as connection:
    ours = {"include_object": lambda _, name, kind, *__: kind != "table" or name in tables.METADATA.tables}
    differences = compare_metadata(MigrationContext.configure(connection, opts=ours), tables.METADATA)
    entries = connection.execute(select(tables.DELIVERIES)).all()
    last = connection.execute(select(tables.CLOCK.c.id, tables.CLOCK.c.last)).all()
session = settings.Session()
print(json.dumps([
    manager.PartneroDBManager(session).get_current_revision(),
    manager.PartneroDBManager(session).check_migration(),
    [str(difference) for difference in differences],
    [[entry.delivery_id, entry.conn_id, str(entry.recorded_at), *entry[3:]] for entry in entries],
    [[id, str(last)] for id, last in last],
]))
"""
OLD_ENTRY = [DIGEST, "shop", "2026-01-02 03:04:05.678901+00:00", *[None] * 7]
OLD_CLOCK = [1, "2026-01-02 03:04:05.678901+00:00"]

MANAGE = """
import json
from airflow import settings
from airflow_provider_partnero.ledger import editions, manager
manager = manager.PartneroDBManager(settings.Session())
"""

PRINT = (
    MANAGE
    + """
import contextlib, io
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    manager.upgradedb(show_sql_only=True)
print(json.dumps(printed.getvalue()))
"""
)

TOGETHER = """
import json, multiprocessing, sys
from airflow import settings
from airflow_provider_partnero.ledger import tables

def start(barrier):
    barrier.wait(60)
    tables.create_tables(settings.engine)

fork = multiprocessing.get_context("fork")
barrier = fork.Barrier(4)
servers = [fork.Process(target=start, args=(barrier,)) for _ in range(4)]
for server in servers:
    server.start()
for server in servers:
    server.join()
print(json.dumps([server.exitcode for server in servers]))
"""

RECORD = """
import json, multiprocessing
from sqlalchemy.exc import OperationalError
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery

def write(number, writer):
    body = json.dumps({"event": "lead.submitted", "webhook_key": "k", "data": number}).encode()
    job = Job("c", PartneroDelivery.from_body(body), "full")
    return writer.write([job])[0].words

def record(numbers):
    said, writer = [], DeliveryWriter()
    for number in numbers:
        while True:  # on a busy machine, the database may end a transaction that takes long; Partnero would try again
            try:
                said.append(write(number, writer))
                break
            except OperationalError:
                pass
    return said
"""
RECORD_TOGETHER = (
    RECORD
    + """
fork = multiprocessing.get_context("fork")
with fork.Pool(2) as pool:
    said = pool.map(record, [range(30), range(29, -1, -1)], chunksize=1)
print(json.dumps(sorted(said[0] + said[1])))
"""
)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, airflows: ForkingAirflows) -> Place:
    """A new database of the kind that the test asks for."""
    kind: str = request.param
    name = f"ledger_{sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    if kind == "sqlite":
        return sqlite_place(tmp_path, airflows)
    if kind == "postgres":
        return postgres_place(tmp_path, airflows, request.getfixturevalue("postgres"), name)
    return mariadb_place(tmp_path, airflows, request.getfixturevalue("mariadb"), name)


everywhere = pytest.mark.parametrize("place", EVERYWHERE, indirect=True)
with_users = pytest.mark.parametrize("place", WITH_USERS, indirect=True)


def _look(place: Place) -> list[Any]:
    seen: list[Any] = place.run(LOOK)
    return seen


@everywhere
def test_airflow_makes_what_the_receiver_needs_and_takes_it_away_again(place: Place) -> None:
    place.airflow_anew("db", "migrate")
    revision, is_migrated, differences, entries, clock = _look(place)
    assert [revision, is_migrated, differences, entries, len(clock)] == [HEAD, True, [], [], 1]
    assert place.run(CREATE) == []  # the receiver has nothing to do, and nothing to say
    assert place.run(RECORD + "print(json.dumps(record([1, 2, 1])))") == ["unrouted", "unrouted", "duplicate"]
    place.airflow("db", "check-migrations", "--migration-wait-timeout", "5")
    place.airflow("db", "reset", "--yes")
    assert _look(place)[:4] == [HEAD, True, [], []]
    place.airflow("db", "reset", "--yes", "--skip-init")
    assert place.rows(_TABLES[place.kind]) == []


_TABLES = {
    "sqlite": "select name from sqlite_master where name like 'partnero_%'",
    "postgres": "select table_name from information_schema.tables where table_name like 'partnero_%'",
    "mariadb": "show tables like 'partnero_%'",
}


@everywhere
def test_airflow_takes_over_the_tables_of_the_first_edition_with_their_rows(place: Place) -> None:
    place.run(FIRST_EDITION)
    place.airflow("db", "migrate")
    assert _look(place) == [HEAD, True, [], [OLD_ENTRY], [OLD_CLOCK]]
    assert place.run(CREATE) == []


@everywhere
@pytest.mark.parametrize("edition", ["none", "first"])
def test_the_receiver_does_so_itself_where_nobody_did_and_says_so_once(place: Place, edition: str) -> None:
    if edition == "first":
        place.run(FIRST_EDITION)
    [[level, words]] = place.run(CREATE)
    assert level == "WARNING"
    assert "the receiver has changed them itself. To have it done before it runs: " in words
    assert "`airflow db migrate`" in words
    assert place.run(CREATE) == []
    seen = _look(place)
    assert seen[:3] == [HEAD, True, []]
    assert seen[3] == ([OLD_ENTRY] if edition == "first" else [])


@everywhere
def test_what_somebody_dropped_is_made_again_and_the_rest_is_left_alone(place: Place) -> None:
    place.run(FIRST_EDITION)
    place.run(CREATE)
    place.rows("drop table partnero_waiting")
    place.rows("delete from partnero_receiver_clock")
    [[level, _]] = place.run(CREATE)
    seen = _look(place)
    assert [level, seen[:4], len(seen[4])] == ["WARNING", [HEAD, True, [], [OLD_ENTRY]], 1]


@everywhere
def test_servers_that_start_at_once_do_not_harm_each_other(place: Place) -> None:
    place.run(FIRST_EDITION)
    assert place.run(TOGETHER) == [0] * 4
    assert _look(place) == [HEAD, True, [], [OLD_ENTRY], [OLD_CLOCK]]


@everywhere
def test_an_edition_can_be_gone_back_from(place: Place) -> None:
    place.run(FIRST_EDITION)
    place.run(MANAGE + "manager.upgradedb(); print('null')")
    place.rows(
        "insert into partnero_delivery (delivery_id, conn_id, recorded_at, outcome)"
        " values ('u', 'shop', '2026-01-02', 'unrouted'), ('f', 'shop', '2026-01-02', 'forgotten')"
    )
    place.run(MANAGE + "manager.downgrade('0001'); print('null')")
    assert sorted(place.rows("select delivery_id from partnero_delivery")) == [(DIGEST,), ("f",)]
    assert len(place.rows("select * from partnero_delivery")[0]) == 3
    assert place.run(MANAGE + "print(json.dumps([manager.get_current_revision(), manager.check_migration()]))") == [
        "0001",
        False,
    ]
    place.run(MANAGE + "manager.upgradedb(); manager.downgrade('base'); print('null')")
    assert [name for (name,) in place.rows(_TABLES[place.kind])] == ["partnero_alembic_version"]


@everywhere
def test_the_statements_can_be_printed_for_somebody_else_to_run(place: Place) -> None:
    script: str = place.run(PRINT)
    assert place.rows(_TABLES[place.kind]) == []
    for statement in script.split(";\n"):
        lines = [line for line in statement.splitlines() if line and not line.startswith("--")]
        if lines:
            place.rows("\n".join(lines))
    assert _look(place)[:4] == [HEAD, True, [], []]


@with_users
def test_a_user_who_may_change_no_table_records_deliveries(place: Place) -> None:
    place.airflow("db", "migrate")
    url = place.modest()
    assert place.run(CREATE, url) == []
    assert place.run(RECORD + "print(json.dumps(record([1, 2, 1])))", url) == ["unrouted", "unrouted", "duplicate"]


@with_users
@pytest.mark.parametrize("edition", ["none", "first"])
def test_a_user_who_may_change_no_table_is_told_what_to_do(place: Place, edition: str) -> None:
    if edition == "first":
        place.run(FIRST_EDITION)
    [[kind, words]] = place.run(CREATE, place.modest())
    assert kind == "NoTablesError"
    assert "missing or of an earlier edition" in words
    assert "denied" in words
    assert words.endswith("run `airflow db migrate`, with a user who may create and alter tables")


@with_users
def test_a_table_in_use_is_not_queued_for_long(place: Place) -> None:
    place.run(FIRST_EDITION)
    hold = {
        "postgres": "begin; lock table partnero_delivery in access share mode; select pg_sleep(600)",
        "mariadb": "select sleep(600) from partnero_delivery",
    }

    def use_it() -> None:
        with suppress(Exception):  # the connection is ended from outside
            place.rows(hold[place.kind])

    holder = threading.Thread(target=use_it, daemon=True)
    holder.start()
    while not place.rows(_HOLDERS[place.kind]):
        time.sleep(0.1)
    [[kind, words]] = place.run(CREATE)
    assert kind == "NoTablesError"
    assert words.endswith("they are in use, so the next delivery tries it again")
    for (holding,) in place.rows(_HOLDERS[place.kind]):
        place.rows(_END[place.kind].format(holding))
    holder.join()
    assert [level for level, _ in place.run(CREATE)] == ["WARNING"]
    assert _look(place) == [HEAD, True, [], [OLD_ENTRY], [OLD_CLOCK]]


_HOLDERS = {
    "postgres": "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()",
    "mariadb": "select id from information_schema.processlist where state = 'User sleep' and db = database()",
}
_END = {"postgres": "select pg_terminate_backend({})", "mariadb": "kill {}"}


@everywhere
def test_two_servers_record_each_delivery_once(place: Place) -> None:
    place.airflow("db", "migrate")
    said = place.run(RECORD_TOGETHER)
    assert said == ["duplicate"] * 30 + ["unrouted"] * 30
    assert place.rows("select count(*) from partnero_delivery") == [(30,)]


@pytest.mark.mariadb
@pytest.mark.parametrize("place", WITH_USERS[1:], indirect=True)
def test_connections_that_differ_by_capitals_are_two_in_mariadb(place: Place) -> None:
    place.run(FIRST_EDITION)
    place.run(CREATE)
    place.rows(f"insert into partnero_delivery (delivery_id, conn_id, recorded_at) values ('{DIGEST}', 'SHOP', now(6))")
    assert place.rows("select conn_id from partnero_delivery where conn_id = 'SHOP'") == [("SHOP",)]


@pytest.mark.mariadb
@pytest.mark.parametrize("place", WITH_USERS[1:], indirect=True)
def test_a_server_that_hangs_in_its_turn_is_not_waited_for_long_in_mariadb(place: Place) -> None:
    place.airflow("db", "migrate")
    code = (
        RECORD
        + """
import threading
from airflow.utils.session import create_session
from airflow_provider_partnero.ledger import turn

in_turn, is_over = threading.Event(), threading.Event()

def hang():
    with create_session() as session:
        turn.take_turn(session)
        in_turn.set()
        is_over.wait()

hanging = threading.Thread(target=hang)
hanging.start()
in_turn.wait()
try:
    said = [write(1, DeliveryWriter())]
except Exception as error:
    said = [error.orig.args[0]]
is_over.set()
hanging.join()
with create_session() as session:
    said.append(session.connection().exec_driver_sql("select @@innodb_lock_wait_timeout").scalar())
print(json.dumps(said + record([1])))
"""
    )
    assert place.run(code) == [1205, 50, "unrouted"]


def test_everything_of_the_migrations_is_in_the_wheel(wheel: Path) -> None:
    from zipfile import ZipFile

    with ZipFile(wheel) as archive:
        names = {name.partition("/ledger/")[2] for name in archive.namelist()}
    versions = {f"migrations/versions/{name}.py" for name in ("0001_first_edition", "0002_second_edition")}
    assert versions | {"migrations/env.py", "migrations/alembic.ini", "migrations/script.py.mako"} <= names


def test_airflow_before_3_2_is_told_the_managers_name(place_of_provider: dict[str, Any]) -> None:
    from airflow_provider_partnero.ledger import tables
    from airflow_provider_partnero.ledger.manager import PartneroDBManager

    assert f"{PartneroDBManager.__module__}.{PartneroDBManager.__qualname__}" == tables.MANAGER
    assert place_of_provider["db-managers"] == [tables.MANAGER]


@pytest.fixture
def place_of_provider() -> dict[str, Any]:
    """What Airflow reads of the provider."""
    from airflow_provider_partnero import get_provider_info

    return json.loads(json.dumps(get_provider_info()))  # type: ignore[no-any-return]
