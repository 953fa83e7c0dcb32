"""The page ``/docs``, made from the OpenAPI description and readable without the internet.

FastAPI's own page loads Swagger UI from a CDN, and nothing that ``apache-airflow`` installs brings a copy of it
(looked for in 3.0.6, 3.1.8, 3.2.2 and 3.3.2). So the sandbox has a page of its own, which links to FastAPI's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader, Template

SWAGGER_PATH = "/docs/swagger"

_REFERENCE = "#/components/schemas/"


def docs_page(openapi: Mapping[str, Any]) -> str:
    """The page that shows an OpenAPI description, as HTML."""
    api = _inlined(openapi, openapi["components"]["schemas"])
    return _template().render(api=api, swagger_path=SWAGGER_PATH)


@cache
def _template() -> Template:
    # Most operations lack some part of a description, such as a body; ChainableUndefined leaves it out.
    loader = PackageLoader("airflow_provider_partnero.sandbox", "")
    environment = Environment(loader=loader, autoescape=True, undefined=ChainableUndefined, trim_blocks=True)
    environment.filters["indented"] = lambda value: json.dumps(value, indent=2)
    return environment.get_template("docs.j2")


def _inlined(node: Any, schemas: Mapping[str, Any]) -> Any:
    """A description with schemas in place of references to them; no schema of the sandbox refers to itself."""
    if isinstance(node, list):
        return [_inlined(item, schemas) for item in node]
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        return _inlined(schemas[node["$ref"].removeprefix(_REFERENCE)], schemas)
    return {name: _inlined(value, schemas) for name, value in node.items()}
