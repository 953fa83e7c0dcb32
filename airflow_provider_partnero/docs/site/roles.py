"""Turns Sphinx's roles in docstrings, such as ``:class:`~a.b.C```, into the names that they stand for."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|mod):`(~?)([\w.]+)`")


class PlainRoles(griffe.Extension):
    """The site's pages are Markdown, which knows no roles."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = _ROLE.sub(_name, obj.docstring.value)


def _name(role: re.Match[str]) -> str:
    is_short, path = role.groups()
    return f"`{path.rpartition('.')[2] if is_short else path}`"
