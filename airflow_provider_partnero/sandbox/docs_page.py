"""The page ``/docs``: readable by itself, and Swagger UI as soon as its files can be had from the internet."""

from __future__ import annotations

import html
import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi.openapi.docs import get_swagger_ui_html

_REFERENCE = "#/components/schemas/"
# Where Swagger UI is, FastAPI knows.
_SWAGGER = {
    name: parameter.default
    for name, parameter in inspect.signature(get_swagger_ui_html).parameters.items()
    if name in {"swagger_js_url", "swagger_css_url"}
}
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #0d655c; }
@media (prefers-color-scheme: dark) { :root { --accent: #6fcabc; } }
.plain { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
.plain code, .plain pre { font: 0.875rem/1.45 ui-monospace, Menlo, Consolas, monospace; }
.plain pre { background: var(--soft); padding: 0.75rem; border-radius: 0.4rem; overflow-x: auto; }
.plain details { border: 1px solid var(--line); border-radius: 0.4rem; margin: 0.4rem 0; padding: 0 0.75rem; }
.plain summary { cursor: pointer; padding: 0.5rem 0; overflow-wrap: anywhere; }
.plain b { display: inline-block; min-width: 4.2rem; color: var(--accent); }
.plain h4 { margin: 0.75rem 0 0.25rem; }
"""
# The style sheet comes last, so that nobody waits for it: without the internet the page stays as it is.
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head>
<body><div id="swagger-ui"><main class="plain">{content}</main></div>
<script async src="{swagger_js_url}"
 onload="SwaggerUIBundle({{url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true}})"></script>
<link rel="stylesheet" href="{swagger_css_url}"></body></html>
"""


def docs_page(openapi: Mapping[str, Any]) -> str:
    """The page that shows an OpenAPI description, as HTML."""
    title = html.escape(openapi["info"]["title"])
    content = "\n".join(_content(openapi))
    return _PAGE.format(title=title, style=_STYLE, content=content, **_SWAGGER)


def _content(openapi: Mapping[str, Any]) -> Iterator[str]:
    info = openapi["info"]
    yield f"<h1>{html.escape(info['title'])}</h1><p>{_prose(info['description'])}</p>"
    yield '<p>For programs: <a href="/openapi.json">/openapi.json</a></p>'
    tag = None
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                yield f"<h2>{html.escape(tag)}</h2>"
            yield from _operation(method.upper(), path, operation, openapi["components"]["schemas"])


def _operation(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details><summary><b>{method}</b> <code>{html.escape(path)}</code> {html.escape(operation['summary'])}"
    yield f"</summary><p>{_prose(operation.get('description', ''))}</p>"
    for parameter in operation.get("parameters", ()):
        words = _prose(parameter.get("description", ""))
        schema = _json(_resolved(parameter["schema"], schemas))
        yield f"<h4>{html.escape(parameter['name'])} ({parameter['in']})</h4><p>{words}</p>{schema}"
    for name, described in (("Body", operation.get("requestBody", {})), *operation["responses"].items()):
        content = described.get("content", {}).get("application/json", {})
        if content.get("schema"):
            heading = name if name == "Body" else f"Answer: {described['description']}"
            example = _json(content["example"]) if "example" in content else ""
            yield f"<h4>{html.escape(heading)}</h4>{example}{_json(_resolved(content['schema'], schemas))}"
    yield "</details>"


def _resolved(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """The schema with those it refers to in their places; none of the sandbox's refers to itself."""
    if isinstance(schema, list):
        return [_resolved(item, schemas) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return _resolved(schemas[schema["$ref"].removeprefix(_REFERENCE)], schemas)
    return {name: _resolved(value, schemas) for name, value in schema.items()}


def _json(value: Any) -> str:
    return f"<pre>{html.escape(json.dumps(value, indent=2))}</pre>"


def _prose(markdown: str) -> str:
    """Text whose only mark-up is code in back-quotes."""
    parts = html.escape(markdown).replace("``", "`").split("`")
    return "".join(f"<code>{part}</code>" if position % 2 else part for position, part in enumerate(parts))
