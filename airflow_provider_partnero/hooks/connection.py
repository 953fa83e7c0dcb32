"""An Airflow connection of type ``partnero``, read into what the client takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from airflow_provider_partnero.api.arguments import LONGEST, MOST_PAGES_AT_ONCE, PARTNERO_URL
from airflow_provider_partnero.api.models import Secret

_CONNECT_SECONDS = 5.0
_EXTRA_FIELDS = ("timeout", "max_attempts", "page_concurrency", "verify_tls", "signing_secrets")


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

    Other extra fields are left alone.

    :raises ValueError: an extra field is not allowed; the message names connection, field, value and what is.
    """
    extra = _extra_of(connection)
    timeout = _number(connection, extra, "timeout", 30.0)
    return Settings(
        base_url=_base_url_of(connection),
        timeout=(min(_CONNECT_SECONDS, timeout), timeout),
        max_attempts=_whole(connection, extra, "max_attempts", 5),
        page_concurrency=_whole(connection, extra, "page_concurrency", 8, most=MOST_PAGES_AT_ONCE),
        verify=_verify(connection, extra),
    )


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A secret that signs deliveries; ``webhook_key`` is None where the connection does not say whose it is."""

    secret: Secret
    webhook_key: str | None = None


def signing_secrets_of(connection: ConnectionFields) -> tuple[SigningSecret, ...]:
    """The secrets in a connection's extra field ``signing_secrets``, for an Airflow that cannot ask Partnero.

    Allowed are ``{"<webhook key>": "<secret>"}``, a list of secrets, or (in a URI) the JSON text of either.

    :raises ValueError: it is something else; the message names connection and field, never the value.
    """
    value = _extra_of(connection).get("signing_secrets", ())
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [value]
    pairs = list(value.items()) if isinstance(value, dict) else [(None, item) for item in _as_list(value)]
    if not all(isinstance(secret, str) and secret.strip() for _, secret in pairs):
        raise ValueError(
            f"connection {connection.conn_id!r}, extra field signing_secrets: must be a list of secrets or "
            'an object {"<webhook key>": "<secret>"}'
        )
    return tuple(SigningSecret(Secret(secret.strip()), key) for key, secret in pairs)


def _as_list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _base_url_of(connection: ConnectionFields) -> str:
    host = (connection.host or "").strip().rstrip("/")
    if not host:
        return PARTNERO_URL
    # A URI arrives in pieces: partnero://:TOKEN@host:8765/v1, and Airflow's form for a scheme of the host's own,
    # partnero://http://:TOKEN@host:8765/v1. A host that bears scheme and path or port is whole.
    port = f":{connection.port}" if connection.port else ""
    path = f"/{connection.schema.strip('/')}" if connection.schema else ""
    scheme, _, name = host.rpartition("://")
    is_whole = "/" in name or name.count(":") == 1 or "]:" in name
    if scheme and (is_whole or not (port or path)):
        return host
    if name.count(":") > 1 and "[" not in name and "/" not in name:
        name = f"[{name}]"  # an IPv6 address, out of its brackets
    if not path and "/" not in name:
        path = "/v1"
    return f"{scheme or 'https'}://{name}{port}{path}"


def _extra_of(connection: ConnectionFields) -> dict[str, Any]:
    if not connection.extra:
        return {}
    try:
        extra = json.loads(connection.extra)
    except ValueError:
        raise ValueError(f"connection {connection.conn_id!r}: its extra is not JSON") from None
    if not isinstance(extra, dict):
        raise ValueError(f"connection {connection.conn_id!r}: its extra is not a JSON object")
    return {field: value for field, value in extra.items() if field in _EXTRA_FIELDS and not _is_empty(value)}


def _is_empty(value: object) -> bool:
    """As the form sends fields that are left empty."""
    return value is None or (isinstance(value, str) and not value.strip())


def _number(connection: ConnectionFields, extra: dict[str, Any], field: str, default: float) -> float:
    value = extra.get(field, default)
    number = _as_number(value)
    if not 0 < number <= LONGEST:
        raise _wrong(connection, field, value, f"a number of seconds above 0, up to {LONGEST}")
    return number


def _whole(
    connection: ConnectionFields, extra: dict[str, Any], field: str, default: int, *, most: int | None = None
) -> int:
    value = extra.get(field, default)
    number = _as_number(value)
    if not number.is_integer() or number < 1 or (most is not None and number > most):
        raise _wrong(connection, field, value, f"a whole number from 1{'' if most is None else f' to {most}'}")
    return int(number)


def _as_number(value: object) -> float:
    """The number in a JSON value or in the text that a URI makes of it; 0, which no field allows, if there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        return float(value)
    except (ValueError, OverflowError):
        return 0.0


def _verify(connection: ConnectionFields, extra: dict[str, Any]) -> bool | str:
    value = extra.get("verify_tls", True)
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower(), value.strip())
    raise _wrong(connection, "verify_tls", value, "true, false, or the path of a CA bundle")


def _wrong(connection: ConnectionFields, field: str, value: object, allowed: str) -> ValueError:
    return ValueError(f"connection {connection.conn_id!r}, extra field {field}={value!r}: must be {allowed}")
