"""Reads the webhooks that a DAG declares, for audit and reconcile: from mappings, a file, or the text of a file."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.quoting import short_repr, shortened
from airflow_provider_partnero.operators.keys import under_declared_keys

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context

    from airflow_provider_partnero.api.specs import WebhookSpec
    from airflow_provider_partnero.operators.base import PartneroOperator

_SUFFIXES = (".yaml", ".yml", ".json")


def declared_webhooks(
    value: Sequence[Mapping[str, Any]] | str, operator: PartneroOperator, context: Context
) -> tuple[WebhookSpec, ...]:
    """The declared webhooks in an operator's argument, each with its declared key or else a derived one.

    :param value: mappings; the path of a ``.yaml``, ``.yml`` or ``.json`` file, which is rendered like any template; or
        the text of such a file. A path is absolute, or relative to the DAG or to its ``template_searchpath``.
    :raises ValueError: it is not a declaration; the message names the entry, its field and what is allowed. Lines and
        columns are those of the rendered file.
    """
    return under_declared_keys(operator.partnero_conn_id, _read_specs(value, operator, context))


def _read_specs(
    value: Sequence[Mapping[str, Any]] | str, operator: PartneroOperator, context: Context
) -> tuple[WebhookSpec, ...]:
    from airflow_provider_partnero.webhooks.spec_files import parse_specs

    if not isinstance(value, str) or "\n" in value or not value.lower().endswith(_SUFFIXES):
        return _parse(value)
    text = _render_file(value, operator, context)
    try:
        return parse_specs(text, suffix=PurePosixPath(value).suffix)
    except ValueError as error:
        raise ValueError(f"file {short_repr(value)}: {error}") from None


def _render_file(path: str, operator: PartneroOperator, context: Context) -> str:
    from jinja2 import TemplateNotFound, TemplateSyntaxError, UndefinedError

    try:
        return _environment(operator).get_template(path).render(context)
    except TemplateNotFound as missing:
        raise ValueError(
            f"no file {short_repr(str(missing))}: give a file beside the DAG, in its template_searchpath, or an "
            "absolute path"
        ) from None
    except TemplateSyntaxError as error:
        raise ValueError(
            f"file {short_repr(path)}, line {error.lineno}: {shortened(str(error.message), 200)}"
        ) from None
    except UndefinedError as error:
        raise ValueError(f"file {short_repr(path)}: {shortened(str(error.message), 200)}") from None
    except UnicodeDecodeError:
        raise ValueError(f"file {short_repr(path)} must be UTF-8") from None


def _environment(operator: PartneroOperator) -> jinja2.Environment:
    """Airflow's environment, without native objects even if the DAG asks for them: a native one takes the text of a
    file for a Python literal, which reads JSON's escapes differently.
    """
    dag = operator.get_dag()
    return _allow_absolute_paths(dag.get_template_env(force_sandboxed=True) if dag else operator.get_template_env())


def _allow_absolute_paths(environment: jinja2.Environment) -> jinja2.Environment:
    """The environment, able to find absolute paths as well: Airflow only looks beside the DAG."""
    import jinja2

    loaders = [loader for loader in (environment.loader, jinja2.FileSystemLoader("/")) if loader]
    return environment.overlay(loader=jinja2.ChoiceLoader(loaders))


def _parse(value: Any) -> tuple[WebhookSpec, ...]:
    """The specifications in a value, or in the text of one."""
    from airflow_provider_partnero.api.specs import specs_from
    from airflow_provider_partnero.webhooks.spec_files import declared_specs, parse_specs

    if isinstance(value, str) and _is_json(value):
        return parse_specs(value, suffix=".json")
    if isinstance(value, str):
        value = _evaluate(value)
    if isinstance(value, str):
        return parse_specs(value, suffix=".yaml")
    return declared_specs(value, what="the declaration") if isinstance(value, Mapping) else specs_from(value)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _evaluate(text: str) -> Any:
    """The Python literal that a template such as ``{{ ti.xcom_pull(...) }}`` renders to; any other text unchanged."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
