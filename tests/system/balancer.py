"""Debian's nginx before several API servers, as a company would put it there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from airflow_provider_partnero.demo.sessions import end_session
from tests.e2e import nginx

# A server that was killed is tried again at once: the other one may be killed next.
_RECIPE = """
upstream airflow {{ {servers} }}
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://airflow;
        proxy_set_header Host $http_host;
        proxy_connect_timeout 5s;
        proxy_read_timeout 120s;
    }}
}}
"""


@contextmanager
def running(program: str, folder: Path, port: int, servers: Sequence[int]) -> Iterator[None]:
    """An nginx that gives each request to one of the servers, and to the next one when that one does not answer.

    :param folder: of its own.
    :param port: to listen on.
    :param servers: ports of the servers.
    """
    folder.mkdir()
    addresses = " ".join(f"server 127.0.0.1:{server} max_fails=0;" for server in servers)
    process = nginx.start(program, folder, _RECIPE.format(port=port, servers=addresses))
    try:
        yield
    finally:
        end_session(process)
