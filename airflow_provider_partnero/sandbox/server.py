"""A sandbox in this process: uvicorn in its own thread."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import quote

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_partnero.sandbox.app import build_app
from airflow_provider_partnero.sandbox.control_client import SandboxControl
from airflow_provider_partnero.sandbox.partnero_api import BASE_PATH
from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.state import SandboxState
from airflow_provider_partnero.sandbox.transmission import TRANSPORT

_KEEP_ALIVE = 75
_LONGEST_HEAD = 1_000_000
_PATIENCE = 10.0


class _Protocol(H11Protocol):
    """Lets the application cut its connection, for which ASGI has no message."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, TRANSPORT: transport}
        self.access_log = False
        # asyncio does this only for sockets that name their protocol. Without it each answer waits 40 ms for an ACK.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """A server that says when it is up, and stops without waiting for requests."""

    def __init__(self, config: uvicorn.Config, state: SandboxState) -> None:
        super().__init__(config)
        self.is_up = threading.Event()
        self._state = state
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._loop = asyncio.get_running_loop()
        self.is_up.set()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._serving = asyncio.current_task()
        # uvicorn's own shutdown takes at least 0.2 seconds and waits for requests; a cancellation does neither.
        with suppress(asyncio.CancelledError):
            await super().serve(sockets=sockets)
        await self._state.postman.close()

    def stop_at_once(self) -> None:
        """Abort every connection and stop. May be called from any thread."""
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        if self._serving is not None:
            self._serving.cancel()


class Sandbox(SandboxControl):
    """A local Partnero that runs as long as its ``with`` block, together with the client of its control API.

    :param token: the API token to accept.
    :param profile: how it behaves where Partnero's documentation leaves a choice.
    :param host: address to listen on. The control API needs no token, so any address but loopback opens it to the
        network.
    :param port: port to listen on; 0 for a free one.
    :raises ValueError: the token or the host is blank, or the port out of range.
    """

    def __init__(
        self,
        token: str = "demo",  # noqa: S107 - the sandbox's token, not Partnero's
        *,
        profile: Profile | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        if not token.strip():
            raise ValueError(f"token is {token!r}; allowed: anything but blank text")
        if not host.strip():  # to a socket it would mean every address of this machine
            raise ValueError(f"host is {host!r}; allowed: an address of this machine")
        if not 0 <= port <= 65_535:
            raise ValueError(f"port is {port!r}; allowed: 0 to 65535")
        super().__init__("")
        self.token = token
        self.host = host
        self.port = port
        self._profile = profile or Profile()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def control(self) -> SandboxControl:
        """The client of the control API, which is the sandbox itself."""
        return self

    @property
    def base_url(self) -> str:
        """The base URL of the API: ``"http://127.0.0.1:PORT/v1"``."""
        return f"{self.root_url}{BASE_PATH}"

    @property
    def connection_json(self) -> str:
        """The Airflow connection to this sandbox as JSON, for ``AIRFLOW_CONN_PARTNERO_DEFAULT``."""
        return json.dumps({"conn_type": "partnero", "password": self.token, "host": self.base_url})

    @property
    def connection_uri(self) -> str:
        """The Airflow connection to this sandbox as a URI."""
        return f"partnero://:{quote(self.token, safe='')}@{quote(self.base_url, safe='')}"

    def start(self) -> None:
        """Start the sandbox; returns when it answers requests.

        :raises OSError: the port is taken, or the address does not belong to this machine.
        :raises RuntimeError: the sandbox is running already.
        """
        if self._server is not None:
            raise RuntimeError(f"this sandbox is running already, at {self.root_url}")
        listener = _listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        self._root_url = f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"
        state = SandboxState(self.token, self._profile)
        config = uvicorn.Config(
            build_app(state),
            http=_Protocol,
            loop="asyncio",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="warning",
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            h11_max_incomplete_event_size=_LONGEST_HEAD,
        )
        self._server = _Server(config, state)
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._server.serve([listener]),), name="partnero-sandbox", daemon=True
        )
        self._thread.start()
        if not self._server.is_up.wait(_PATIENCE):
            self.stop()
            raise RuntimeError(f"the sandbox at {self.root_url} did not start within {_PATIENCE:g} seconds")

    def stop(self) -> None:
        """Stop the sandbox without waiting for requests; does nothing if it is not running."""
        self.close()
        if self._server is None or self._thread is None:
            return
        self._server.stop_at_once()
        self._thread.join(_PATIENCE)
        self._server = self._thread = None


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512
        )
    except OSError as error:
        reason = "it is taken" if error.errno == errno.EADDRINUSE else str(error.strerror or error)
        raise OSError(error.errno, f"cannot listen on port {port} of {host}: {reason}") from None
