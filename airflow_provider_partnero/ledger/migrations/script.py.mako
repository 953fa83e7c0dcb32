"""${message}."""

from __future__ import annotations

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """TODO: ${message}; where it is made already, nothing is done."""


def downgrade() -> None:
    """TODO: back to the edition before."""
