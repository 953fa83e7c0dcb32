"""What differs between Airflow 3.0 and 3.3: where names live, and what older versions lack."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import BaseHook
    from airflow.sdk.configuration import conf
    from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
    )
else:
    try:  # from 3.1
        from airflow.sdk import BaseHook
    except (ImportError, AttributeError):
        from airflow.hooks.base import BaseHook
    try:  # from 3.2
        from airflow.sdk.configuration import conf
        from airflow.sdk.exceptions import (
            AirflowFailException,
            AirflowNotFoundException,
            AirflowSensorTimeout,
            AirflowSkipException,
            AirflowTaskTimeout,
        )
    except ImportError:
        from airflow.configuration import conf
        from airflow.exceptions import (
            AirflowFailException,
            AirflowNotFoundException,
            AirflowSensorTimeout,
            AirflowSkipException,
            AirflowTaskTimeout,
        )
    try:  # from 3.3
        from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
    except ImportError:
        RetryDecision = None
        RetryPolicy = object

__all__ = [
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "BaseHook",
    "RetryDecision",
    "RetryPolicy",
    "airflow_version",
    "asset_state_stores",
    "can_read_asset_events",
    "conf",
    "dag_details",
    "events_queued_by_partition",
    "extra_through_alias",
    "finds_db_managers",
    "knows_browsers",
    "latest_asset_events",
    "log_level",
    "partitioned_schedule_column",
    "queue_by_partition",
    "read_as_server",
    "server_stats",
    "set_variable",
]


def asset_state_stores(trigger: Any) -> list[Any]:
    """The asset state stores of a trigger of an ``AssetWatcher``, one for each watched asset; none before 3.3."""
    stores = getattr(trigger, "asset_state_store", None)
    # Without a subscript, Airflow gives the store of a single asset only.
    return list(getattr(stores, "_by_name", {}).values()) or ([stores] if stores else [])


def airflow_version() -> str:
    """Airflow's version, such as ``"3.3.2"``."""
    from airflow import __version__

    return __version__


def finds_db_managers() -> bool:
    """Whether Airflow runs the migrations of providers without being told to, as from 3.2."""
    from airflow.providers_manager import ProvidersManager

    return hasattr(ProvidersManager, "db_managers")


def dag_details(dag_id: str) -> Any:
    """What an auth manager is asked about a DAG; with its team, where DAGs have teams (from 3.1 on).

    It may ask Airflow's database.
    """
    from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
    from airflow.models.dag import DagModel

    team_of = getattr(DagModel, "get_team_name", None)
    return DagDetails(id=dag_id, team_name=team_of(dag_id)) if team_of else DagDetails(id=dag_id)


def read_as_server() -> None:
    """Let this process, which is no task, read connections from Airflow's database, and log to stderr."""
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    try:  # from 3.2
        from airflow.cli.utils import redirect_stdout_log_handlers_to_stderr
    except ImportError:
        return
    redirect_stdout_log_handlers_to_stderr()


def extra_through_alias(extra: Mapping[str, Any]) -> dict[str, Any]:
    """An asset event's extra as an asset alias takes it.

    The scheduler of 3.0 hashes the values, so there lists and objects become JSON texts.
    """
    from airflow.sdk.definitions.asset import AssetAliasEvent

    if "dest_asset_extra" in AssetAliasEvent.__annotations__:  # from 3.1
        return dict(extra)
    return {name: json.dumps(value) if isinstance(value, list | dict) else value for name, value in extra.items()}


def latest_asset_events(asset: Any, most: int) -> list[Any]:
    """The latest events of an asset, the newest first; none before 3.2, where a task can only ask for all of them.

    The asset need not be an inlet of the task, so that its name may be known at run time only.

    :raises Exception: whatever Airflow raises when its API server does not answer.
    """
    if not can_read_asset_events():
        return []
    from airflow.sdk.execution_time.context import InletEventsAccessor

    return list(InletEventsAccessor(asset_name=asset.name, asset_uri=asset.uri).ascending(False).limit(most))


def can_read_asset_events() -> bool:
    """Whether this is a task that can ask for the latest events of an asset, as tasks can from 3.2 on."""
    try:
        from airflow.sdk.execution_time.context import InletEventsAccessor  # noqa: F401 - from 3.2
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS  # noqa: F401 - not there outside of a task
    except ImportError:
        return False
    return True


def server_stats() -> Any:
    """Airflow's client for metrics in a process that is no task: the one that Airflow's own API server uses.

    Before 3.3 the API server does not set it up, nor does any Airflow in a process of ours. Then it is done here, which
    may ask for a name server: not for an event loop.
    """
    try:  # from 3.2
        from airflow._shared.observability.metrics import stats
        from airflow.observability.metrics import stats_utils
    except ImportError:
        from airflow.stats import Stats

        return Stats
    client: Any = stats.Stats
    make_factory: Any = stats_utils.get_stats_factory
    if "_factory" not in vars(stats):  # before 3.3
        if client.factory is None:
            client.initialize(factory=make_factory(client))
    elif vars(stats)["_factory"] is None:
        legacy = conf.getboolean("metrics", "legacy_names_on", fallback=True)
        client.initialize(factory=make_factory(), export_legacy_names=legacy)
    return client


def partitioned_schedule_column() -> Any | None:
    """The column of ``DagModel`` that says whether a DAG's schedule is partitioned; None before 3.2."""
    from airflow.models.dag import DagModel

    return getattr(DagModel, "timetable_partitioned", None)


def knows_browsers() -> bool:
    """Whether Airflow knows a browser by its cookie, as from 3.1; to 3.0 its own pages send a token each time."""
    from airflow.api_fastapi.core_api import security

    return hasattr(security, "COOKIE_NAME_JWT_TOKEN")


def log_level(logger: str) -> str:
    """The level that Airflow's configuration gives to a logger, in capitals; before 3.2 it gives all the same."""
    by_name = conf.get("logging", "namespace_levels", fallback=None) or ""
    pairs = [pair.partition("=") for pair in by_name.replace(",", " ").split()]
    levels = {} if airflow_version().startswith(("3.0.", "3.1.")) else {name: level for name, _, level in pairs}
    return (levels.get(logger) or conf.get("logging", "logging_level", fallback="INFO")).upper()


def set_variable(name: str, value: str, description: str) -> None:
    """``Variable.set``, which before 3.3 logs that Airflow did not store the value, and returns as if it had.

    :raises Exception: Airflow did not store it.
    """
    try:
        from airflow.sdk.execution_time.context import _set_variable
    except ImportError:
        from airflow.sdk import Variable

        Variable.set(name, value, description=description)
        return
    _set_variable(name, value, description)


def events_queued_by_partition(dag_id: str) -> Any:
    """A query for the ids of the asset events that have been queued for a DAG with a partitioned schedule; from 3.2."""
    from airflow.models.asset import PartitionedAssetKeyLog
    from sqlalchemy import select

    log = PartitionedAssetKeyLog
    return select(log.asset_event_id).where(log.target_dag_id == dag_id)


def queue_by_partition(session: Any, dag: Any, event: Any, partition_key: str) -> None:
    """Queue an asset event for one DAG with a partitioned schedule, as Airflow does when the event is written.

    Airflow has no public way to do so for a DAG that was paused then; from 3.2.

    :param dag: the ``DagModel``.
    :param event: the ``AssetEvent``.
    """
    import inspect

    from airflow.assets.manager import asset_manager

    queue = asset_manager._queue_partitioned_dags  # noqa: SLF001
    date = {"partition_date": None} if "partition_date" in inspect.signature(queue).parameters else {}  # from 3.3
    queue(
        asset_id=event.asset_id,
        partition_dags=[dag],
        event=event,
        partition_key=partition_key,
        task_instance=None,
        session=session,
        **date,
    )
