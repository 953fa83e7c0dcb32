"""What became of a delivery."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a delivery when it was recorded; whether the runs it started succeeded is asked of Airflow.

    - ``ACCEPTED``: it is an asset event, and at least one DAG that listens was not paused.
    - ``PAUSED``: it is an asset event, and all DAGs that listen were paused.
    - ``UNROUTED``: no DAG listens. It is no asset event.
    - ``FORGOTTEN``: its data was deleted on demand. The entry stays, so that the body is not taken for a new one.

    An entry of the first edition of the ledger has no outcome: what was recorded then was an asset event.
    """

    ACCEPTED = "accepted"
    PAUSED = "paused"
    UNROUTED = "unrouted"
    FORGOTTEN = "forgotten"
