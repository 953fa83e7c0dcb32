"""What ``doctor`` finds in the ledger: its tables, whether it is encrypted, what came last, and what nobody got."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_partnero.airflow_compat import conf
from airflow_provider_partnero.commands.diagnosis import Diagnosis, within
from airflow_provider_partnero.webhooks.texts import listed, quoted

if TYPE_CHECKING:
    from airflow_provider_partnero.ledger.overview import LastDelivery, Overview

_SECONDS = 20.0  # that the database may take
_MOST_EVENTS = 6  # in the line
_PERIOD = "7 d"
_PROBE = "PartneroProbeReceiverOperator goes a delivery's way, and leaves nothing here; look again after a real event"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))  # seconds


def diagnose_ledger(conn_id: str) -> Iterator[Diagnosis]:
    """Lines about the ledger: one if it cannot be read, else all."""
    try:
        missing = within(_SECONDS, _missing)
    except Exception as error:  # noqa: BLE001 - whatever the driver raises, its first line says why
        yield _unreadable(error)
        return
    yield judged_tables(missing)
    yield encryption()
    if missing:
        return
    try:
        overview, now = within(_SECONDS, lambda: _read(conn_id))
    except Exception as error:  # noqa: BLE001 - as above
        yield _unreadable(error)
        return
    yield judged_last(overview.last, now)
    yield judged_unheard(overview)


def judged_tables(missing: list[str]) -> Diagnosis:
    """The line about tables that are not there, or not whole."""
    if not missing:
        return Diagnosis("ok", "tables", "are there, and of this edition")
    from airflow_provider_partnero.ledger.tables import how_to_migrate

    words = f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} not there"
    remedy = f"{how_to_migrate()}; else the first delivery makes them, if Airflow's database user may"
    return Diagnosis("warn", "tables", words, remedy)


def encryption() -> Diagnosis:
    """The line about Airflow's Fernet key, with which the ledger encrypts what it keeps of a delivery."""
    if (conf.get("core", "fernet_key", fallback="") or "").strip():
        return Diagnosis("ok", "kept data", "is encrypted with Airflow's Fernet key")
    words = "is written in clear, as [core] fernet_key is empty"
    return Diagnosis("warn", "kept data", words, "set [core] fernet_key, to the same for all of Airflow's processes")


def judged_last(last: tuple[LastDelivery, ...], now: datetime) -> Diagnosis:
    """The line about the last genuine delivery of each event, the youngest first."""
    if not last:
        return Diagnosis("warn", "last", "nothing was ever delivered to this connection", _PROBE)
    youngest_first = sorted(last, key=lambda one: one.at, reverse=True)
    told = [f"{quoted(one.event)} {age_in_words(one.age(now))} ago" for one in youngest_first]
    return Diagnosis("ok", "last", listed(told, most=_MOST_EVENTS))


def judged_unheard(overview: Overview) -> Diagnosis:
    """The line about deliveries that no DAG got."""
    recent = overview.recent[_PERIOD]
    unrouted, paused = recent["unrouted"], recent["paused"]
    if not (unrouted or paused):
        return Diagnosis("ok", "unheard", f"in the last {_PERIOD} a DAG got every delivery")
    which = "unrouted" if unrouted else "paused"
    words = (
        f"of the deliveries of the last {_PERIOD}, {unrouted:,} found no DAG scheduled on their event, and {paused:,} "
        "only paused ones"
    )
    remedy = f"airflow partnero deliveries list --outcome {which}; they are sent once a DAG listens and is not paused"
    return Diagnosis("warn", "unheard", words, remedy)


def age_in_words(seconds: float) -> str:
    """Such as ``3 min``: whole units, rounded down."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def _missing() -> list[str]:
    """Tables that are not there, or not whole."""
    from airflow.utils.session import create_session
    from sqlalchemy import inspect

    from airflow_provider_partnero.ledger.tables import METADATA

    missing = []
    with create_session() as session:
        there = inspect(session.connection())
        for table in METADATA.sorted_tables:
            if not there.has_table(table.name, schema=table.schema):
                missing.append(table.name)
                continue
            columns = {column["name"] for column in there.get_columns(table.name, schema=table.schema)}
            if not columns.issuperset(column.name for column in table.columns):
                missing.append(f"columns of {table.name}")
    return sorted(missing, reverse=True)


def _read(conn_id: str) -> tuple[Overview, datetime]:
    from airflow.utils.session import create_session

    from airflow_provider_partnero.ledger.overview import read_overview
    from airflow_provider_partnero.ledger.turn import utc_now

    now = utc_now()
    with create_session() as session:
        return read_overview(session, [conn_id], now), now


def _unreadable(error: Exception) -> Diagnosis:
    cause = getattr(error, "orig", None) or error
    words = f"Airflow's database cannot be asked ({type(cause).__name__}: {str(cause).partition(chr(10))[0]})"
    return Diagnosis("fail", "tables", words, "airflow db check")
