"""The log's lines about what was refused: bounded, whoever sends how much."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

from airflow_provider_partnero.plugin.receiver.answers import RefusedError
from airflow_provider_partnero.plugin.receiver.budget import Budget
from airflow_provider_partnero.webhooks.texts import quoted

log = logging.getLogger(__name__)


class RefusalLog:
    """Has a budget for each answer, and others for senders that have proven who they are: no flood hides the rest.

    :param lines_per_minute: for each answer.
    :param clock: seconds; never goes back.
    """

    def __init__(self, lines_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines_per_minute = lines_per_minute
        self._clock = clock
        self._budgets: dict[tuple[str, bool], Budget] = {}
        self._untold: Counter[tuple[str, bool]] = Counter()

    def tell(self, conn_id: str, refusal: RefusedError, *, is_proven: bool) -> None:
        """Write a line about a refusal, or count it for the next one.

        :param conn_id: from the URL.
        :param is_proven: whether the delivery's signature had verified.
        """
        kind = (refusal.answer.words, is_proven)
        if not self._budget(kind).spend():
            self._untold[kind] += 1
            return
        untold = self._untold.pop(kind, 0)
        log.warning(
            "A delivery to %s was answered %d: %s%s",
            quoted(conn_id),
            refusal.answer.status,
            quoted(refusal.reason, 500),
            f" ({untold:,} more before it)" if untold else "",
        )

    def _budget(self, kind: tuple[str, bool]) -> Budget:
        if kind not in self._budgets:
            self._budgets[kind] = Budget(self._lines_per_minute, self._clock)
        return self._budgets[kind]
