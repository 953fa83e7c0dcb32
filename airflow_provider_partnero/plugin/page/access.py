"""Who may see and do what on the page. Airflow's login and permissions decide; there are no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AssetDetails,
    ConnectionDetails,
    DagAccessEntity,
)
from airflow.api_fastapi.core_api.security import (
    GetUserDep,
    requires_access_asset,
    requires_access_connection,
    requires_authenticated,
)
from fastapi import Depends, HTTPException, Request

from airflow_provider_partnero.airflow_compat import conf, dag_details

if TYPE_CHECKING:
    from collections.abc import Iterable

LOGIN = Depends(requires_authenticated())
READS_CONNECTION = Depends(requires_access_connection("GET"))
"""For routes with the path parameter ``connection_id``."""
EDITS_CONNECTION = Depends(requires_access_connection("PUT"))
READS_ASSETS = Depends(requires_access_asset("GET"))
User = GetUserDep


def may_read_assets(user: Any) -> bool:
    """Whether somebody may see what Airflow keeps of asset events."""
    return bool(get_auth_manager().is_authorized_asset(method="GET", details=AssetDetails(), user=user))


def may_edit_connection(user: Any, conn_id: str) -> bool:
    """Whether somebody may change a connection."""
    details = ConnectionDetails(conn_id=conn_id)
    return bool(get_auth_manager().is_authorized_connection(method="PUT", details=details, user=user))


def readable(user: Any, conn_ids: Iterable[str]) -> list[str]:
    """Those of some connections that somebody may read."""
    manager = get_auth_manager()
    return [
        conn_id
        for conn_id in conn_ids
        if manager.is_authorized_connection(method="GET", details=ConnectionDetails(conn_id=conn_id), user=user)
    ]


def check_no_nul(request: Request) -> None:
    """Refuse an address with a NUL, for which PostgreSQL's driver has no words but an error.

    :raises HTTPException: 404.
    """
    if "\0" in request.url.path or b"%00" in request.scope["query_string"]:
        raise HTTPException(404, "There is nothing here.")


WITHOUT_NUL = Depends(check_no_nul)


def readable_dags(user: Any, dag_ids: Iterable[str]) -> set[str]:
    """Those of some DAGs that somebody may read; may ask Airflow's database."""
    manager = get_auth_manager()
    return {
        dag_id for dag_id in dag_ids if manager.is_authorized_dag(method="GET", details=dag_details(dag_id), user=user)
    }


def check_task_output(request: Request, user: User) -> None:
    """Refuse what a task has told, to those who may not read the XComs of its DAG; the query names it, if any.

    :raises HTTPException: 403.
    """
    dag_id = request.query_params.get("dag_id")
    if dag_id is None:
        return
    may_read = get_auth_manager().is_authorized_dag(
        method="GET", access_entity=DagAccessEntity.XCOM, details=dag_details(dag_id), user=user
    )
    if not may_read:
        raise HTTPException(403, "What a task tells is for those who may read the XComs of its DAG.")


READS_TASK_OUTPUT = Depends(check_task_output)


def check_same_origin(request: Request) -> None:
    """Refuse a request that another site may have made somebody's browser send.

    A browser says where a request comes from, in ``Sec-Fetch-Site`` (over HTTPS) or ``Origin``. Only a program that
    shows a token of its own need not: no browser adds that by itself, as it does with a password for a proxy.

    :raises HTTPException: 403.
    """
    if request.headers.get("authorization", "").lower().startswith("bearer "):
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site == "same-origin":
            return
    elif urlsplit(request.headers.get("origin", "")).netloc in _own_hosts(request):
        return
    raise HTTPException(403, "This must be sent from the page itself.")


SAME_ORIGIN = Depends(check_same_origin)


def _own_hosts(request: Request) -> set[str]:
    """Where this server is: as the request names it, and as Airflow's configuration does if a proxy stands before."""
    hosts = {request.headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="") or "").netloc}
    return hosts - {""}
