"""Which errors end a task at once, and which are left to Airflow's retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.errors import PartneroAPIError, is_passing


def is_final(error: BaseException) -> bool:
    """Whether trying again cannot help: wrong arguments, and a 3xx or 4xx of Partnero other than 408 and 429."""
    if isinstance(error, PartneroAPIError):
        return 300 <= error.status < 500 and not is_passing(error)
    return isinstance(error, ValueError)


@contextmanager
def failing_at_once() -> Iterator[None]:
    """Turn a final error into ``AirflowFailException``, with the error as its cause; let the others through."""
    try:
        yield
    except Exception as error:
        if is_final(error):
            raise AirflowFailException(str(error)) from error
        raise
