"""What to do about an error, in the words of somebody who sees Airflow's connections and not our arguments."""

from __future__ import annotations

from airflow_provider_partnero.api.errors import (
    PartneroAPIError,
    PartneroAuthenticationError,
    PartneroConnectionError,
    PartneroResponseError,
    is_passing,
)


def advice_on(error: Exception, partnero_conn_id: str) -> str:
    """The error of a task's or a trigger's call; if the connection is to blame, with its name and what to do.

    The same advice as that of the connection test, except about an answer that may be right for this one call.
    """
    if isinstance(error, PartneroAuthenticationError | PartneroConnectionError | PartneroResponseError):
        return _advice_on(error, f"connection {partnero_conn_id!r}")
    return str(error)


def advice_in_test(error: Exception, partnero_conn_id: str) -> str:
    """The error of a connection test. Airflow tests under a random name, so the connection is not named."""
    return _advice_on(error, "this connection").replace(f"connection {partnero_conn_id!r}", "this connection")


def _advice_on(error: Exception, connection: str) -> str:
    if isinstance(error, PartneroAuthenticationError):
        return (
            f"Partnero refuses the token ({error}). "
            f"Put this programme's API token into the field 'API token' of {connection}."
        )
    if isinstance(error, PartneroConnectionError):
        return (
            f"No answer ({error}). "
            f"Check the field 'Base URL' of {connection}, and the network, proxy and firewall of this machine."
        )
    if isinstance(error, PartneroResponseError) or (isinstance(error, PartneroAPIError) and not is_passing(error)):
        return (
            f"This does not look like Partnero's API ({error}). "
            f"Leave the field 'Base URL' of {connection} empty for Partnero itself; otherwise it ends with /v1."
        )
    return f"{error}."
