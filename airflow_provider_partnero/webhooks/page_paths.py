"""Where the page about a connection is, below the path of Airflow's API server."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote, urlencode

PAGE_PATH = "/partnero/page"

View = Literal["health", "webhooks", "coverage", "history", "deliveries", "plan", "report"]


def page_path(partnero_conn_id: str, view: View = "health", **query: str | int) -> str:
    """The path of one view, such as ``/partnero/page/partnero_default/webhooks?key=aBc``.

    :param query: what the view is about, such as the ``key`` of a webhook; a text that is empty is left out.
    """
    path = f"{PAGE_PATH}/{quote(partnero_conn_id, safe='')}/{view}"
    given = {name: value for name, value in query.items() if value != ""}
    return f"{path}?{urlencode(given)}" if given else path
