"""Texts as HTML."""

from __future__ import annotations

import html
import re

from airflow_provider_partnero.webhooks.texts import cell

_ESCAPE = re.compile(r"&lt;(U\+[0-9A-F]{4,6})&gt;")


def shown(text: str, longest: int = 120) -> str:
    """A text that somebody else chose, as HTML that shows it and does nothing else: escaped, in one line, no formula,
    invisible characters written out.
    """
    return _ESCAPE.sub(r'<span class="raw">\1</span>', html.escape(cell(text, longest)))
