"""An Airflow connection of type ``partnero``, read into what the client takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

PARTNERO_URL = "https://api.partnero.com/v1"
_CONNECT_SECONDS = 5.0
_EXTRA_FIELDS = ("timeout", "max_attempts", "page_concurrency", "verify_tls")


class ConnectionFields(Protocol):
    """The fields of Airflow's connection that matter here (its class moved between Airflow versions)."""

    conn_id: str
    host: str | None
    schema: str | None
    port: int | None
    password: str | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Arguments of :class:`~airflow_provider_partnero.api.PartneroClient`; the token stays outside."""

    base_url: str
    timeout: tuple[float, float]
    max_attempts: int
    page_concurrency: int
    verify: bool | str


def settings_of(connection: ConnectionFields) -> Settings:
    """The client's settings in a connection: host (or port and schema of a URI) and the four extra fields.

    :raises ValueError: an extra field is unknown or of the wrong type; the message names connection, field and value.
    """
    extra = _extra_of(connection)
    timeout = _number(connection, extra, "timeout", 30.0)
    return Settings(
        base_url=_base_url_of(connection),
        timeout=(min(_CONNECT_SECONDS, timeout), timeout),
        max_attempts=_whole(connection, extra, "max_attempts", 5),
        page_concurrency=_whole(connection, extra, "page_concurrency", 8),
        verify=_verify(connection, extra),
    )


def _base_url_of(connection: ConnectionFields) -> str:
    host = (connection.host or "").strip().rstrip("/")
    if not host:
        return PARTNERO_URL
    # partnero://:TOKEN@host:8765/v1 arrives in pieces; a host that bears its own scheme is whole.
    if "://" in host:
        return host
    port = f":{connection.port}" if connection.port else ""
    path = f"/{connection.schema.strip('/')}" if connection.schema else ""
    if not path and "/" not in host:
        path = "/v1"
    return f"https://{host}{port}{path}"


def _extra_of(connection: ConnectionFields) -> dict[str, Any]:
    if not connection.extra:
        return {}
    try:
        extra = json.loads(connection.extra)
    except ValueError:
        raise ValueError(f"connection {connection.conn_id!r}: its extra is not JSON") from None
    if not isinstance(extra, dict):
        raise ValueError(f"connection {connection.conn_id!r}: its extra is not a JSON object")
    # The form sends empty fields as null or "".
    return {field: value for field, value in extra.items() if field in _EXTRA_FIELDS and value not in (None, "")}


def _number(connection: ConnectionFields, extra: dict[str, Any], field: str, default: float) -> float:
    value = extra.get(field, default)
    try:
        number = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < float("inf"):
        raise _wrong(connection, field, value, "a number of seconds above 0")
    return number


def _whole(connection: ConnectionFields, extra: dict[str, Any], field: str, default: int) -> int:
    value = extra.get(field, default)
    number = _number(connection, extra, field, default)
    if number != int(number):
        raise _wrong(connection, field, value, "a whole number from 1")
    return int(number)


def _verify(connection: ConnectionFields, extra: dict[str, Any]) -> bool | str:
    value = extra.get("verify_tls", True)
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower(), value.strip())
    raise _wrong(connection, "verify_tls", value, "true, false, or the path of a CA bundle")


def _wrong(connection: ConnectionFields, field: str, value: object, allowed: str) -> ValueError:
    return ValueError(f"connection {connection.conn_id!r}, extra field {field}={value!r}: allowed is {allowed}")
