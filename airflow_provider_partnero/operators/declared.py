"""The webhooks that there must be, as a DAG declares them: mappings, or a file beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.webhooks.keys import derived_key

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context

    from airflow_provider_partnero.operators.base import PartneroOperator
    from airflow_provider_partnero.webhooks.reconcile import WebhookSpec

DECLARATION_SUFFIXES = (".yaml", ".yml", ".json")


def declared_webhooks(
    value: Sequence[Mapping[str, Any]] | str, operator: PartneroOperator, context: Context
) -> tuple[WebhookSpec, ...]:
    """The declaration in an operator's argument, each webhook with its declared key or :func:`declared_key`.

    :param value: mappings; the path of a file, looked for beside the DAG, in the DAG's ``template_searchpath``, or
        absolute, and rendered like any template; or such a file's text, already rendered.
    :raises ValueError: it is not a declaration; the message names the entry, its field and what is allowed.
    """
    return tuple(
        spec if spec.key else replace(spec, key=declared_key(operator.partnero_conn_id, spec.name))
        for spec in _specs(value, operator, context)
    )


def declared_key(partnero_conn_id: str, name: str, generation: int = 0) -> str:
    """The key that a webhook declared without one is created with, so that it is known again under any name.

    :param generation: from 1 on for a further key, should Partnero refuse the first.
    """
    return derived_key(partnero_conn_id, "reconcile", name, generation)


def _specs(
    value: Sequence[Mapping[str, Any]] | str, operator: PartneroOperator, context: Context
) -> tuple[WebhookSpec, ...]:
    from airflow_provider_partnero.webhooks.reconcile import parse_specs, specs_from

    if not isinstance(value, str):
        return specs_from(value)
    if "\n" in value or not value.endswith(DECLARATION_SUFFIXES):
        return parse_specs(value, suffix=".yaml")  # which JSON is, too
    template = with_absolute_paths(operator.get_template_env()).get_template(value)
    return parse_specs(template.render(context), suffix=PurePosixPath(value).suffix)


def with_absolute_paths(environment: jinja2.Environment) -> jinja2.Environment:
    """Airflow looks for template files beside the DAG only; this finds absolute paths as well."""
    import jinja2

    loaders = [loader for loader in (environment.loader, jinja2.FileSystemLoader("/")) if loader]
    return environment.overlay(loader=jinja2.ChoiceLoader(loaders))
