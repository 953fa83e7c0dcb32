"""How long the database may take over one statement, where somebody waits for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_TIME_OUT = text("SELECT set_config('statement_timeout', '5000', true)")  # milliseconds


def limit_statements(session: Session) -> None:
    """Let the database end a statement of this transaction after 5 s, where it can (PostgreSQL)."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_TIME_OUT)
