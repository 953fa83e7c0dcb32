"""Reads an Airflow connection of type ``partnero`` into arguments of the client."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from airflow_provider_partnero.api.arguments import LONGEST, MOST_PAGES_AT_ONCE, PARTNERO_URL
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.webhooks.delivery import Store, read_store

_CONNECT_SECONDS = 5.0
_EXTRA_FIELDS = ("timeout", "max_attempts", "page_concurrency", "verify_tls", "store", "signing_secrets")


class ConnectionFields(Protocol):
    """The fields of Airflow's connection that matter here; its class has moved between Airflow versions."""

    conn_id: str
    host: str | None
    schema: str | None
    port: int | None
    password: str | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Arguments of :class:`~airflow_provider_partnero.api.PartneroClient`, without the token."""

    base_url: str
    timeout: tuple[float, float]
    max_attempts: int
    page_concurrency: int
    verify: bool | str


def settings_of(connection: ConnectionFields) -> Settings:
    """The client's settings in a connection: its host, the port and schema of a URI, and four extra fields.

    Other extra fields are ignored.

    :raises ValueError: the value of an extra field is not allowed; the message names the connection, the field, its
        value and what is allowed.
    """
    extra = _read_extra(connection)
    timeout = _number(connection, extra, "timeout", 30.0)
    return Settings(
        base_url=_base_url(connection),
        timeout=(min(_CONNECT_SECONDS, timeout), timeout),
        max_attempts=_whole_number(connection, extra, "max_attempts", 5),
        page_concurrency=_whole_number(connection, extra, "page_concurrency", 8, most=MOST_PAGES_AT_ONCE),
        verify=_verify(connection, extra),
    )


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A secret that signs deliveries; ``webhook_key`` is None if the connection does not name its webhook."""

    secret: Secret
    webhook_key: str | None = None


def signing_secrets_of(connection: ConnectionFields) -> tuple[SigningSecret, ...]:
    """The secrets in a connection's extra field ``signing_secrets``, for an Airflow that cannot reach Partnero.

    The field is ``{"<webhook key>": "<secret>"}``, a list of secrets, or (in a URI) the JSON text of either.

    :raises ValueError: the field is anything else; the message names the connection and the field, never the value.
    """
    value = _read_extra(connection).get("signing_secrets", ())
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


def store_of(connection: ConnectionFields) -> Store | None:
    """How much is kept of a delivery to this connection; None if ``[partnero] store`` says it.

    :raises ValueError: the extra field ``store`` is not allowed; the message names the connection, the field, its value
        and what is allowed.
    """
    value = _read_extra(connection).get("store")
    if value is None:
        return None
    if not isinstance(value, str):
        raise _field_error(connection, "store", value, "a text such as 'full', 'ids' or 'data.key, data.amount'")
    try:
        return read_store(value)
    except ValueError as error:
        raise ValueError(f"connection {connection.conn_id!r}, extra field {error}") from None


def _as_list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _base_url(connection: ConnectionFields) -> str:
    host = (connection.host or "").strip().rstrip("/")
    if not host:
        return PARTNERO_URL
    # Airflow splits a URI, partnero://:TOKEN@host:8765/v1 or partnero://http://:TOKEN@host:8765/v1, into fields.
    # A host that has a scheme and a path or port of its own did not come from a URI and is complete.
    port = f":{connection.port}" if connection.port else ""
    path = f"/{connection.schema.strip('/')}" if connection.schema else ""
    scheme, _, name = host.rpartition("://")
    is_complete = "/" in name or name.count(":") == 1 or "]:" in name
    if scheme and (is_complete or not (port or path)):
        return host
    if name.count(":") > 1 and "[" not in name and "/" not in name:
        name = f"[{name}]"  # an IPv6 address that lost its brackets
    if not path and "/" not in name:
        path = "/v1"
    return f"{scheme or 'https'}://{name}{port}{path}"


def _read_extra(connection: ConnectionFields) -> dict[str, Any]:
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
    """Whether a value is what the form sends for an empty field."""
    return value is None or (isinstance(value, str) and not value.strip())


def _number(connection: ConnectionFields, extra: dict[str, Any], field: str, default: float) -> float:
    value = extra.get(field, default)
    number = _as_number(value)
    if not 0 < number <= LONGEST:
        raise _field_error(connection, field, value, f"a number of seconds above 0, up to {LONGEST}")
    return number


def _whole_number(
    connection: ConnectionFields, extra: dict[str, Any], field: str, default: int, *, most: int | None = None
) -> int:
    value = extra.get(field, default)
    number = _as_number(value)
    if not number.is_integer() or number < 1 or (most is not None and number > most):
        raise _field_error(
            connection,
            field,
            value,
            "a whole number, at least 1" if most is None else f"a whole number from 1 to {most}",
        )
    return int(number)


def _as_number(value: object) -> float:
    """The number in a JSON value, or in its text from a URI; 0, which no field allows, if it is not a number."""
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
    raise _field_error(connection, "verify_tls", value, "true, false, or the path of a CA bundle")


def _field_error(connection: ConnectionFields, field: str, value: object, allowed: str) -> ValueError:
    return ValueError(f"connection {connection.conn_id!r}, extra field {field}={short_repr(value)}: must be {allowed}")
