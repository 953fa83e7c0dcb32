"""The section ``[partnero]`` of Airflow's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from airflow_provider_partnero.airflow_compat import conf
from airflow_provider_partnero.webhooks.delivery import STORES, Store

SECTION = "partnero"


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """How the receiver is set up; see :func:`receiver_settings`."""

    enabled: bool
    store: Store


def receiver_settings() -> ReceiverSettings:
    """What Airflow's configuration says about the receiver.

    :raises ValueError: an option is not allowed; the message names it, its value and what is.
    """
    store = conf.get(SECTION, "store", fallback="full").strip().lower()
    if store not in STORES:
        raise ValueError(f"[{SECTION}] store = {store!r}: must be one of {', '.join(STORES)}")
    return ReceiverSettings(
        enabled=conf.getboolean(SECTION, "receiver_enabled", fallback=False), store=cast("Store", store)
    )
