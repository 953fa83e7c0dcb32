"""Debian's nginx before several API servers, as a company would put it there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from airflow_provider_partnero.demo.sessions import end_session
from tests.e2e.processes import start_process

# A server that was killed is tried again at once: the other one may be killed next.
_WHOLE = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 768; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
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
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(_WHOLE.format(folder=folder, user=user, port=port, servers=addresses))
    command = [program, "-c", str(configuration), "-e", str(folder / "error.log")]
    process = start_process(command, os.environ, subprocess.DEVNULL)
    try:
        yield
    finally:
        end_session(process)
