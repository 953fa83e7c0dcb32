"""Whether the receiver is switched off."""

from __future__ import annotations

from airflow_provider_partnero.airflow_compat import conf
from airflow_provider_partnero.plugin.receiver.settings import SECTION


def is_off() -> bool:
    """Whether Airflow's configuration leaves the receiver off; what is no yes and no "no" does not."""
    try:
        return not conf.getboolean(SECTION, "receiver_enabled", fallback=False)
    except Exception:  # noqa: BLE001 - Airflow's versions have different errors for it
        return False
