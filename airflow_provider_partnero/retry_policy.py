"""Airflow's own retries, timed by Partnero (Airflow 3.3 and later)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.airflow_compat import RetryDecision, RetryPolicy
from airflow_provider_partnero.api.errors import PartneroRateLimitError

if TYPE_CHECKING:
    from airflow.sdk import Context

_LONGEST = 86_400.0  # seconds; a longer Retry-After is a mistake, and a huge one overflows a date


class PartneroRetryPolicy(RetryPolicy):
    """Retries a task that hit Partnero's rate limit after the delay that Partnero asks for.

    ``PartneroListWebhooksOperator(..., retries=3, retry_policy=PartneroRetryPolicy())``: when the task ends with a 429,
    its ``Retry-After`` becomes the delay before the next try, up to a day. Every other failure, and a 429 without
    ``Retry-After``, is left to the task's ``retry_delay``.

    :raises RuntimeError: this Airflow has no retry policies (they came with 3.3).
    """

    def __init__(self) -> None:
        if RetryPolicy is object:
            raise RuntimeError("PartneroRetryPolicy needs Airflow 3.3: earlier versions have no retry_policy")

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Retry after the delay of a 429 with ``Retry-After``; decide as Airflow does about any other failure."""
        if not isinstance(exception, PartneroRateLimitError) or exception.retry_after is None:
            return RetryDecision.default()
        seconds = min(exception.retry_after, _LONGEST)
        return RetryDecision.retry(timedelta(seconds=seconds), f"Partnero's Retry-After: {seconds:g} s")

    def serialize(self) -> dict[str, Any]:
        """The policy has no settings."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PartneroRetryPolicy:  # noqa: ARG003
        """The counterpart of :meth:`serialize`."""
        return cls()
