"""The ledger of deliveries for a command: in Airflow's database, and what is said when it cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from airflow_provider_partnero.commands.connection import has_airflow

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from sqlalchemy.orm import Session


@contextmanager
def ledger_opened() -> Iterator[None]:
    """Let sessions of Airflow's read and write the ledger within.

    :raises ValueError: there is no Airflow here, or its database refuses; the message quotes no delivery.
    """
    if not has_airflow():
        raise ValueError("deliveries are in Airflow's database, and Airflow is not installed here")
    from airflow_provider_partnero.airflow_compat import read_as_server

    read_as_server()
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_provider_partnero.ledger.tables import NoTablesError, create_tables

    try:
        with session_of_airflow() as session:
            engine = cast("Engine", session.get_bind())
        create_tables(engine)
        yield
    except NoTablesError as error:
        raise ValueError(str(error)) from None
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", None) or type(error).__name__).partition("\n")[0]
        raise ValueError(f"Airflow's database refuses: {words}") from None


@contextmanager
def session_of_airflow() -> Iterator[Session]:
    """A session whose transaction ends with it."""
    from airflow.utils.session import create_session

    with create_session() as session:
        yield session
