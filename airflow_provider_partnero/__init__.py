"""Partnero's webhooks for Apache Airflow: declare, audit, wait for and react to them."""

from __future__ import annotations

from typing import Any

__version__ = "0.2.0"


def get_provider_info() -> dict[str, Any]:
    """Describe this provider to Airflow: its modules, its connection type with the form, and its options."""
    return {
        "package-name": "airflow-provider-partnero",
        "name": "Partnero",
        "description": "Webhooks of Partnero's affiliate and referral programmes: declare, audit, wait, react.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": "Partnero",
                "external-doc-url": "https://developers.partnero.com/",
                "tags": ["service"],
            }
        ],
        "hooks": [
            {
                "integration-name": "Partnero",
                "python-modules": ["airflow_provider_partnero.hooks.partnero"],
            }
        ],
        "operators": [
            {
                "integration-name": "Partnero",
                "python-modules": ["airflow_provider_partnero.operators.partnero"],
            }
        ],
        "sensors": [
            {
                "integration-name": "Partnero",
                "python-modules": ["airflow_provider_partnero.sensors.partnero"],
            }
        ],
        "triggers": [
            {"integration-name": "Partnero", "python-modules": _triggers("partnero", "raw_deliveries")},
        ],
        "cli": ["airflow_provider_partnero.commands.airflow_cli.get_commands"],  # Airflow 3.2+
        "db-managers": ["airflow_provider_partnero.ledger.manager.PartneroDBManager"],  # Airflow 3.2+
        "asset-uris": [_asset_scheme()],
        "extra-links": _links("Page", "Report", "Plan", "Webhook"),
        "connection-types": [
            {
                "connection-type": "partnero",
                "hook-class-name": "airflow_provider_partnero.hooks.partnero.PartneroHook",
                "hook-name": "Partnero",
                # The API server builds the form from these two, without importing the hook (Airflow 3.2+).
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "port", "extra"],
                    "relabeling": {"password": "API token", "host": "Base URL"},
                    "placeholders": {
                        "password": "the programme's API token, from Partnero: Integration > API",
                        "host": "https://api.partnero.com/v1",
                    },
                },
                "conn-fields": _CONNECTION_FIELDS,
            }
        ],
        "config": {"partnero": {"description": "The receiver of Partnero's deliveries.", "options": _OPTIONS}},
    }


def _triggers(*modules: str) -> list[str]:
    return [f"airflow_provider_partnero.triggers.{module}" for module in modules]


def _asset_scheme() -> dict[str, Any]:
    module = "airflow_provider_partnero.assets"
    return {
        "schemes": ["partnero"],
        "handler": f"{module}.sanitize_uri",
        "to_openlineage_converter": f"{module}.to_openlineage",
    }


def _links(*subjects: str) -> list[str]:
    return [f"airflow_provider_partnero.operators.links.Partnero{subject}Link" for subject in subjects]


_CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "timeout": {
        "label": "Timeout (seconds)",
        "schema": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "description": "Longest silence while waiting for an answer; 30 when empty. Connecting may take 5 seconds.",
    },
    "max_attempts": {
        "label": "Attempts per request",
        "schema": {"type": ["integer", "null"], "minimum": 1},
        "description": "How many times a request is sent within one try of a task; 5 when empty.",
    },
    "page_concurrency": {
        "label": "Pages read at once",
        "schema": {"type": ["integer", "null"], "minimum": 1, "maximum": 64},
        "description": "Requests in flight while a long list is read; 8 when empty.",
    },
    "verify_tls": {
        "label": "Verify TLS",
        "schema": {"type": ["string", "null"]},
        "description": "true (also when empty), false, or the path of a CA bundle on the workers.",
    },
    "store": {
        "label": "Kept of a delivery",
        "schema": {"type": ["string", "null"]},
        "description": (
            "full, data-keys, ids, or fields such as: data.key, data.amount. [partnero] store of Airflow's "
            "configuration when empty."
        ),
    },
}

_OPTIONS: dict[str, dict[str, Any]] = {
    "receiver_enabled": {
        "description": (
            "Receive Partnero's deliveries at ``/partnero/webhooks/<connection id>`` of the API server and turn them "
            "into asset events. It needs no login: a delivery is proven by its signature."
        ),
        "version_added": "0.1.0",
        "type": "boolean",
        "example": "True",
        "default": "False",
    },
    "receiver_base_url": {
        "description": (
            "Where Partnero reaches the receiver, if that is not ``base_url`` of section ``api``. "
            "``PartneroRegisterReceiverOperator`` appends ``/partnero/webhooks/<connection id>``."
        ),
        "version_added": "0.1.0",
        "type": "string",
        "example": "https://airflow.example.com",
        "default": "",
    },
    "receiver_connections": {
        "description": (
            "The connections that deliveries are taken for, separated by commas and spelt as in the URL. A delivery to "
            "any other is answered 404, and nothing is asked for it."
        ),
        "version_added": "0.2.0",
        "type": "string",
        "example": "partnero_default,partnero_shop",
        "default": "partnero_default",
    },
    "max_body_kb": {
        "description": "The largest delivery that is read, in KiB, from 1 to 10,240. A larger one is answered 413.",
        "version_added": "0.2.0",
        "type": "integer",
        "example": "512",
        "default": "256",
    },
    "keep_days": {
        "description": (
            "For how many days, from 1 to 3,650, the ledger keeps of a delivery what ``store`` says, encrypted with "
            "Airflow's Fernet key, so that it can be sent again."
        ),
        "version_added": "0.2.0",
        "type": "integer",
        "example": "30",
        "default": "91",
    },
    "store": {
        "description": (
            "How much of a delivery is kept in the asset event; a delivery may hold personal data. ``full`` keeps all "
            "of it, ``data-keys`` only the identifiers and field names of its data, ``ids`` none of its data; fields "
            "such as ``data.key, data.partner.email`` only those. A connection's own field goes over it."
        ),
        "version_added": "0.1.0",
        "type": "string",
        "example": "data-keys",
        "default": "full",
    },
}
