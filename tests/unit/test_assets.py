"""The assets that stand for what happens at Partnero."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from airflow.sdk import Asset
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero import get_provider_info
from airflow_provider_partnero.assets import partnero_audit_asset, sanitize_uri

# Characters that Airflow's check of connection ids accepts, and some that it accepted in the past.
conn_ids = st.text(st.sampled_from("abzAZ019_-.#!():/\\ %@?é"), min_size=1, max_size=20)


@pytest.mark.parametrize("conn_id", ["partnero_default", "Partnero-2.eu", "a" * 200])
def test_the_audit_asset_is_named_by_its_connection(conn_id: str) -> None:
    assert partnero_audit_asset(conn_id).uri == f"partnero://{conn_id}/audit"
    assert partnero_audit_asset(conn_id) == Asset(f"partnero://{conn_id}/audit")


def test_the_default_is_the_default_connection() -> None:
    assert partnero_audit_asset() == partnero_audit_asset("partnero_default")


@given(conn_ids, conn_ids)
def test_each_connection_id_makes_an_asset_of_its_own(one: str, other: str) -> None:
    assert (partnero_audit_asset(one).uri == partnero_audit_asset(other).uri) is (one == other)


@pytest.mark.parametrize("uri", ["partnero://conn/audit", "partnero://conn/partner.created"])
def test_a_valid_uri_stays_unchanged(uri: str) -> None:
    assert sanitize_uri(urlsplit(uri)) == urlsplit(uri)
    assert Asset(uri).uri == uri


@pytest.mark.parametrize("uri", ["partnero://", "partnero://conn", "partnero://conn/", "partnero:///audit"])
def test_an_invalid_uri_is_refused_with_what_is_allowed(uri: str) -> None:
    with pytest.raises(ValueError, match=r"partnero://<connection id>/<subject>"):
        sanitize_uri(urlsplit(uri))
    with pytest.raises(ValueError, match=r"partnero://<connection id>/<subject>"):
        Asset(uri)


def test_the_scheme_is_registered_with_airflow() -> None:
    [entry] = get_provider_info()["asset-uris"]
    assert entry == {
        "schemes": ["partnero"],
        "handler": "airflow_provider_partnero.assets.sanitize_uri",
        "to_openlineage_converter": "airflow_provider_partnero.assets.to_openlineage",
    }
