"""The provider info, read by Airflow's own managers."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema  # type: ignore[import-untyped,unused-ignore]
import pytest
from airflow.providers_manager import ProvidersManager

from airflow_provider_partnero import __version__, get_provider_info


@pytest.fixture(name="manager")
def airflows_manager() -> Any:
    return ProvidersManager()  # type: ignore[no-untyped-call]


def test_it_passes_the_validation_that_airflow_runs_at_start(manager: Any) -> None:
    manager._provider_schema_validator.validate(get_provider_info())
    [connection] = get_provider_info()["connection-types"]
    behaviour = {name.replace("-", "_"): value for name, value in connection["ui-field-behaviour"].items()}
    manager._customized_form_fields_schema_validator.validate(behaviour)


def test_airflow_lists_the_provider_with_its_version(manager: Any) -> None:
    provider = manager.providers["airflow-provider-partnero"]
    assert provider.version == __version__
    assert provider.data["name"] == "Partnero"


def test_airflow_has_the_connection_type_and_its_form(manager: Any) -> None:
    assert manager.field_behaviours["partnero"]["relabeling"] == {"password": "API token", "host": "Base URL"}
    fields = {name for name in manager.connection_form_widgets if name.startswith("extra__partnero__")}
    names = ("timeout", "max_attempts", "page_concurrency", "verify_tls", "store")
    assert fields == {f"extra__partnero__{name}" for name in names}


def test_airflow_finds_the_hook_and_knows_the_scheme_of_our_assets() -> None:
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    from airflow_provider_partnero.assets import sanitize_uri

    runtime = ProvidersManagerTaskRuntime()  # type: ignore[no-untyped-call]
    hook = runtime.hooks["partnero"]
    assert hook is not None
    assert hook.hook_class_name == "airflow_provider_partnero.hooks.partnero.PartneroHook"
    assert hook.connection_testable
    assert runtime.asset_uri_handlers["partnero"] is sanitize_uri


def test_the_hook_is_found_by_connection_type() -> None:
    from airflow.sdk import Connection

    from airflow_provider_partnero.hooks.partnero import PartneroHook

    hook = Connection(conn_id="some", conn_type="partnero", password="token").get_hook()  # type: ignore[no-untyped-call]
    assert isinstance(hook, PartneroHook)
    assert hook.partnero_conn_id == "some"


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("timeout", [None, 1, 0.5, 90], [0, -1, "soon"]),
        ("max_attempts", [None, 1, 9], [0, 1.5, "x"]),
        ("page_concurrency", [None, 1, 64], [0, 65, "x"]),
        ("verify_tls", [None, "true", "false", "/etc/ca.pem"], [7, True]),
        ("store", [None, "full", "data.key, data.amount"], [7, True]),
    ],
)
def test_the_forms_fields_allow_what_the_hook_allows(field: str, good: list[Any], bad: list[Any]) -> None:
    [connection] = get_provider_info()["connection-types"]
    schema = connection["conn-fields"][field]["schema"]
    for value in good:
        jsonschema.validate(value, schema)
    for value in bad:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, schema)


def test_the_form_before_airflow_3_2_keeps_the_box_for_the_extras(manager: Any) -> None:
    from airflow_provider_partnero.hooks.partnero import PartneroHook

    behaviour = copy.deepcopy(PartneroHook.get_ui_field_behaviour())
    manager._customized_form_fields_schema_validator.validate(behaviour)
    assert "extra" not in behaviour["hidden_fields"]
    assert behaviour["relabeling"]["password"] == "API token"
