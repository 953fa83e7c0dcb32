"""The asset event of an audit, also if its connection is known only when the task runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.airflow_compat import extra_through_alias
from airflow_provider_partnero.assets import partnero_audit_alias, partnero_audit_asset
from airflow_provider_partnero.operators.arguments import is_final

if TYPE_CHECKING:
    from airflow.sdk import Asset, AssetAlias, BaseOperator, Context


def audit_outlet(partnero_conn_id: Any) -> Asset | AssetAlias:
    """What an audit emits to: its programme's asset, or the alias that stands for it until the task runs."""
    is_known = isinstance(partnero_conn_id, str) and is_final(partnero_conn_id)
    return partnero_audit_asset(partnero_conn_id) if is_known else partnero_audit_alias()


def emit_audit(operator: BaseOperator, partnero_conn_id: str, context: Context, extra: Mapping[str, Any]) -> None:
    """Emit the event on the programme's asset, once.

    The constructor of a mapped task runs in the task, so Airflow did not see that outlet when it parsed the DAG. Its
    asset may be unknown: Airflow 3.0 fails the task then, and later versions drop the event. An alias makes it known.
    """
    asset, alias = partnero_audit_asset(partnero_conn_id), partnero_audit_alias()
    if asset in operator.outlets and context["ti"].map_index is not None and context["ti"].map_index >= 0:
        operator.outlets = [*(outlet for outlet in operator.outlets if outlet not in (asset, alias)), alias]
    if asset in operator.outlets:
        context["outlet_events"][asset].extra = dict(extra)
    elif alias in operator.outlets:
        context["outlet_events"][alias].add(asset, extra=extra_through_alias(extra))
