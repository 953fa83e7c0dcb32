"""The section ``[partnero]`` of Airflow's configuration."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_partnero.airflow_compat import conf
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.webhooks.delivery import Store, read_store

SECTION = "partnero"

_MOST_BODY_KB = 10_240
_MOST_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """How the receiver is set up; see :func:`receiver_settings`.

    :param connections: those that deliveries are taken for, spelt as in the URL; no other is looked for.
    :param store: how much of a delivery is kept, unless its connection says something else.
    :param max_body: bytes.
    :param keep_days: how long a delivery can be sent again; what the ledger keeps of it is deleted then.
    """

    enabled: bool
    connections: frozenset[str]
    store: Store
    max_body: int
    keep_days: int


def receiver_settings() -> ReceiverSettings:
    """What Airflow's configuration says about the receiver.

    :raises ValueError: an option is not allowed; the message names it, its value and what is.
    """
    return ReceiverSettings(
        enabled=conf.getboolean(SECTION, "receiver_enabled", fallback=False),
        connections=_connections(),
        store=_store(),
        max_body=_whole_number("max_body_kb", 256, most=_MOST_BODY_KB) * 1024,
        keep_days=_whole_number("keep_days", 91, most=_MOST_DAYS),
    )


def _store() -> Store:
    try:
        return read_store(conf.get(SECTION, "store", fallback="full"))
    except ValueError as error:
        raise ValueError(f"[{SECTION}] {error}") from None


def _connections() -> frozenset[str]:
    text = conf.get(SECTION, "receiver_connections", fallback="partnero_default")
    names = frozenset(filter(None, map(str.strip, text.split(","))))
    if not names:
        raise ValueError(f"[{SECTION}] receiver_connections = {short_repr(text)}: must name connections, with commas")
    return names


def _whole_number(option: str, default: int, *, most: int) -> int:
    text = conf.get(SECTION, option, fallback=str(default)).strip()
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:20]) <= most):
        raise ValueError(f"[{SECTION}] {option} = {short_repr(text)}: must be a whole number from 1 to {most:,}")
    return int(text)
