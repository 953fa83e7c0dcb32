"""A value that cannot be loaded becomes the refusal of the delivery that needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_partnero.plugin.receiver.answers import FLOODED, UNAVAILABLE, RefusedError
from airflow_provider_partnero.plugin.receiver.fresh import LoadError, OverBudgetError


@contextmanager
def refusing(*, loads: str, failure: str) -> Iterator[None]:
    """Turn the errors of :class:`~airflow_provider_partnero.plugin.receiver.fresh.Fresh` into refusals.

    :param loads: what is counted, in the plural; for the log.
    :param failure: what has failed; the loader's own words follow it in the log.
    """
    try:
        yield
    except OverBudgetError as error:
        raise RefusedError(FLOODED, f"more than {error.per_minute} {loads} within a minute") from None
    except LoadError as error:
        raise RefusedError(UNAVAILABLE, f"{failure}: {error}") from error
