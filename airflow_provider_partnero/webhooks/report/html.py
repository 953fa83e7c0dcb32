"""The report as one HTML page: no script, nothing loaded, readable on a phone and in the dark.

``html.j2`` is the page. ``style.css`` is its look: paper and ink, one accent, colour only where something is wrong.
Jinja2 is imported in this module only, so that nothing but rendering a page loads it.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from airflow_provider_partnero.webhooks.report.page import build_page
from airflow_provider_partnero.webhooks.texts import cell

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport
    from airflow_provider_partnero.webhooks.comparison import Comparison

_INVISIBLE = re.compile(r"<(U\+[0-9A-F]{4,6})>")
_RAW = Markup('<span class="raw">{}</span>')


def render_html(
    report: AuditReport, title: str, moment: datetime, conn_id: str, comparison: Comparison | None = None
) -> str:
    """The page: a verdict, what has changed, findings by rule with what to do, who gets which event, and a matrix of
    webhooks and events.

    Its Content-Security-Policy forbids scripts and everything that would have to be loaded. The page shows at most 100
    findings of a rule and 200 webhooks in the matrix, so that it stays small. The counts are always complete.

    :param moment: when the audit was made, in UTC.
    :param comparison: this audit beside an earlier one; None: that is not looked at.
    """
    page = build_page(report, title, moment, conn_id, comparison)
    return environment().get_template("html.j2").render(page=page)


def shown(text: str, longest: int = 120) -> Markup:
    """Somebody else's text as HTML that only shows it: escaped, on one line, no spreadsheet formula.

    Characters that cannot be seen are written out, each in a ``span`` of its own.

    :param longest: how many characters are kept, from 1.
    """
    plain = cell(text, longest)
    if "<U+" not in plain:
        return escape(plain)
    pieces = _INVISIBLE.split(plain)  # texts and code points in turn
    return Markup("").join(_RAW.format(piece) if place % 2 else piece for place, piece in enumerate(pieces))


@cache
def environment() -> Environment:
    """The templates, made once: whatever they show is escaped, and a misspelt name in them raises."""
    environment = new_environment("airflow_provider_partnero.webhooks", "report")
    environment.globals["policy"] = _policy(environment.get_template("style.css").render())
    return environment


def new_environment(package: str, folder: str) -> Environment:
    """The templates in a folder of a package, whose output is safe HTML whatever they show.

    Their filters are ``shown`` for texts, ``cell`` for attributes, and ``number``.
    """
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=PackageLoader(package, folder),
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(cell=cell, shown=shown, number="{:,}".format)
    return environment


def _policy(style: str) -> str:
    """The page's Content-Security-Policy: only this style may apply."""
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
