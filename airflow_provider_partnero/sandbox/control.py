"""The control of a sandbox as a small HTTP client; it works on one in this process and on one started elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import httpx

from airflow_provider_partnero.sandbox.faults import Fault
from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.records import Delivery, LoggedRequest

_TIMEOUT = 30.0


class SandboxControl:
    """Does to a running sandbox what only the sandbox's owner can do. Safe to use from several threads.

    Every method raises :class:`ConnectionError` when nothing answers, and :class:`ValueError` when the sandbox
    refuses an argument.

    :param root_url: where it runs, without ``/v1``: ``"http://127.0.0.1:8765"``.
    """

    def __init__(self, root_url: str) -> None:
        self._root_url = root_url.rstrip("/")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def root_url(self) -> str:
        """Where the sandbox runs: ``"http://127.0.0.1:8765"``.

        :raises RuntimeError: it has not been started yet, so that nobody knows.
        """
        if not self._root_url:
            raise RuntimeError("this sandbox has not been started: use it in a with block, or call start()")
        return self._root_url

    def close(self) -> None:
        """Close the connections to the sandbox; the sandbox itself runs on."""
        if "_client" in self.__dict__:
            self._client.close()
            del self._client

    def reset(self, profile: Profile | None = None) -> None:
        """Empty the programme; forget faults, chaos, logs, latency, activation delay and delivery backoff.

        :param profile: the profile from now on; None keeps the one in force.
        """
        self._call("POST", "/reset", {"profile": asdict(profile) if profile else None})

    def profile(self) -> Profile:
        """The profile in force."""
        return Profile(**self._call("GET", "/profile"))

    def set_profile(self, profile: Profile) -> None:
        """Change the profile and nothing else."""
        self._call("PUT", "/profile", asdict(profile))

    def seed(self, count: int, *, prefix: str = "Webhook") -> None:
        """Add ``count`` orderly webhooks named ``"<prefix> <number>"``, each with an address of its own.

        Nobody lives at those addresses: deliveries to them fail, and are repeated.
        """
        self._call("POST", "/seed", {"count": count, "prefix": prefix}, timeout=None)

    def put_webhooks(self, webhooks: Iterable[Mapping[str, Any]]) -> None:
        """Add webhooks as they are, bypassing validation: inactive, http, without events, with any key or signature.

        What is missing is filled in, unknown fields are kept, and a key that is there already keeps its place in the
        order while everything else of it is replaced.
        """
        self._call("PUT", "/webhooks", {"webhooks": [dict(webhook) for webhook in webhooks]})

    def webhooks(self) -> list[dict[str, Any]]:
        """All webhooks with their signatures, oldest first."""
        webhooks: list[dict[str, Any]] = self._call("GET", "/webhooks")["data"]
        return webhooks

    def delete_webhook(self, key: str) -> None:
        """Delete a webhook behind the API's back.

        :raises ValueError: none has this key.
        """
        self._call("DELETE", "/webhooks", query={"key": key})

    def set_activation_delay(self, seconds: float) -> None:
        """Webhooks that are created active from now on show as inactive for so long."""
        self._call("PUT", "/activation-delay", {"seconds": seconds})

    def set_latency(self, seconds: float) -> None:
        """Every request of the API waits so long before it is carried out; requests wait side by side."""
        self._call("PUT", "/latency", {"seconds": seconds})

    def set_delivery_backoff(self, seconds: float) -> None:
        """Wait so long before the second attempt of a delivery, and ten times as long before the third (default 1)."""
        self._call("PUT", "/delivery-backoff", {"seconds": seconds})

    def fault(self, fault: Fault | None = None, /, **fields: Any) -> None:
        """Script one fault: a :class:`Fault`, or its fields.

        :raises ValueError: the fields do not make a fault, or both forms are given.
        """
        if fault is not None and fields:
            raise ValueError(f"give a Fault or its fields, not both; the fields were {', '.join(fields)}")
        if not isinstance(fault, Fault | None):
            raise ValueError(f"{fault!r} is no Fault; give one, or its fields, such as status=503")
        try:
            scripted = fault or Fault(**fields)
        except TypeError as error:
            raise ValueError(f"not the fields of a fault: {error}") from error
        self._call("POST", "/faults", asdict(scripted))

    def faults(self) -> list[Fault]:
        """The scripted faults still to come; ``times`` and ``skip`` hold what is left of them."""
        return [Fault(**fault) for fault in self._call("GET", "/faults")]

    def clear_faults(self) -> None:
        """Forget the scripted faults and end those by chance."""
        self._call("DELETE", "/faults")

    def chaos(self, seed: int, rate: float) -> None:
        """From now on each request meets a fault by chance, the same ones for the same seed; a rate of 0 ends it.

        :param rate: share of requests that meet one, 0 to 1.
        """
        self._call("POST", "/chaos", {"seed": seed, "rate": rate})

    def requests(self) -> list[LoggedRequest]:
        """The requests of the API since the last reset, in order of arrival."""
        return [LoggedRequest(**request) for request in self._call("GET", "/requests")]

    def clear_requests(self) -> None:
        """Forget the requests."""
        self._call("DELETE", "/requests")

    def emit(self, event: str, data: Any = None, *, wait: bool = True) -> list[Delivery]:
        """Let an event happen: it is delivered to every active webhook that subscribes to it.

        :param data: the event's data; None for some that suits the event.
        :param wait: return after the last attempt, with all of them; else at once, with none.
        """
        content = {"event": event, "data": data, "wait": wait}
        return [Delivery(**one) for one in self._call("POST", "/events", content, timeout=None)]

    def deliveries(self) -> list[Delivery]:
        """Every attempt to deliver an event since the last reset."""
        return [Delivery(**one) for one in self._call("GET", "/deliveries")]

    @cached_property
    def _client(self) -> httpx.Client:
        # Without the environment's proxies, and without loading certificates for plain HTTP.
        return httpx.Client(base_url=f"{self.root_url}/_sandbox", trust_env=False, verify=False)  # noqa: S501

    def _call(
        self,
        method: str,
        path: str,
        content: Any = None,
        *,
        query: dict[str, str] | None = None,
        timeout: float | None = _TIMEOUT,
    ) -> Any:
        try:
            answer = self._client.request(method, path, json=content, params=query, timeout=timeout)
        except httpx.TransportError as error:
            raise ConnectionError(f"no sandbox answers at {self.root_url}: {error}") from error
        try:
            body = answer.json()
        except ValueError:
            raise ConnectionError(f"what answers at {self.root_url} is no sandbox") from None
        if answer.is_success:
            return body
        raise ValueError(f"{method} /_sandbox{path}: {body.get('message')}")
