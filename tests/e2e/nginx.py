"""Debian's nginx with the recipe of the page about the receiver, and a certificate of the tests' own."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from ..certificates import self_signed
from .processes import free_port, start_process
from .waiting import HTTP_PATIENCE, wait_for

HOST = "hooks.example.com"
HOW_TO_START = "needs nginx: apt-get install nginx-light; the test starts a server of its own"
PAGE = Path(__file__).parents[2] / "airflow_provider_partnero" / "docs" / "receiver.md"

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
    {recipe}
}}
"""


def binary() -> str | None:
    """Debian puts it where only root looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")


@dataclass(frozen=True)
class Answer:
    """What nginx or whoever is behind it answered."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Nginx:
    """A running nginx."""

    port: int
    certificate: Path

    def context(self) -> ssl.SSLContext:
        """Trusts its certificate and no other."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False  # the tests call it by its address
        return context

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> Answer:
        """One request.

        :param source: the sender's address, of this machine's own.
        """
        connection = HTTPSConnection(
            "127.0.0.1", self.port, context=self.context(), source_address=(source, 0), timeout=HTTP_PATIENCE
        )
        try:
            connection.request(method, path, body, {"Host": HOST, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()


@contextmanager
def running(program: str, folder: Path, upstream: str, **changes: str) -> Iterator[Nginx]:
    """An nginx with the recipe of the page, but for ports, certificate and ``changes``.

    :param upstream: host and port.
    """
    port = free_port()
    own = self_signed(folder, HOST)
    [recipe] = re.findall(r"^```nginx\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    replaced = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "127.0.0.1:8090": upstream,
        f"/etc/letsencrypt/live/{HOST}/fullchain.pem": str(own.certificate),
        f"/etc/letsencrypt/live/{HOST}/privkey.pem": str(own.key),
        **changes,
    }
    for old, new in replaced.items():
        assert old in recipe
        recipe = recipe.replace(old, new)
    process = start(program, folder, recipe)
    server = Nginx(port, own.certificate)
    try:

        def is_up() -> bool:
            assert process.poll() is None, (folder / "error.log").read_text()
            try:
                return server.ask("GET", "/").status == 404
            except OSError:
                return False

        wait_for(is_up, "nginx")
        yield server
    finally:
        process.terminate()
        process.wait(HTTP_PATIENCE)


def start(program: str, folder: Path, recipe: str) -> subprocess.Popen[Any]:
    """Start it in the foreground.

    :param folder: for its configuration and all that it writes.
    :param recipe: what stands in its ``http``.
    """
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_WHOLE.format(folder=folder, recipe=recipe, user=user))
    command = [program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    return start_process(command, os.environ, subprocess.DEVNULL)
