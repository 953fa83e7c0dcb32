"""The client of a sandbox's control API, for a sandbox in this process or in another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import httpx

from airflow_provider_partnero.sandbox.deliveries import Delivery
from airflow_provider_partnero.sandbox.faults import Fault
from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.request_log import LoggedRequest

_TIMEOUT = 30.0


class SandboxControl:
    """Changes and inspects a running sandbox. Safe to use from several threads.

    Every method raises :class:`ConnectionError` if no sandbox answers, and :class:`ValueError` if the sandbox refuses
    an argument.

    :param root_url: address of the sandbox, without ``/v1``: ``"http://127.0.0.1:8765"``.
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
        """Address of the sandbox: ``"http://127.0.0.1:8765"``.

        :raises RuntimeError: the sandbox has not been started yet.
        """
        if not self._root_url:
            raise RuntimeError("this sandbox has not been started: use it in a with block, or call start()")
        return self._root_url

    def close(self) -> None:
        """Close the connections to the sandbox, which goes on running."""
        if "_client" in self.__dict__:
            self._client.close()
            del self._client

    def reset(self, profile: Profile | None = None) -> None:
        """Delete all webhooks and forget what was set: faults, chaos, logs, limit, programme, latency, delays, backoff.

        :param profile: the new profile; None keeps the current one.
        """
        self._call("POST", "/reset", {"profile": asdict(profile) if profile else None})

    def profile(self) -> Profile:
        """The current profile."""
        return Profile(**self._call("GET", "/profile"))

    def set_profile(self, profile: Profile) -> None:
        """Change the profile and nothing else."""
        self._call("PUT", "/profile", asdict(profile))

    def seed(self, count: int, *, prefix: str = "Webhook") -> None:
        """Add ``count`` well-formed webhooks named ``"<prefix> <number>"``, each with its own address.

        Nobody answers at these addresses: deliveries to them fail and are repeated.
        """
        self._call("POST", "/seed", {"count": count, "prefix": prefix}, timeout=None)

    def put_webhooks(self, webhooks: Iterable[Mapping[str, Any]], *, whole: bool = False) -> None:
        """Add webhooks without any validation: inactive ones, with http, no events, any key, or fields of other types.

        They are listed as they are given. Missing fields are filled in and unknown ones are kept. A webhook whose key
        exists already replaces that one and keeps its place in the order. A number as key is found under its digits.

        :param whole: fill in nothing, so that fields may be missing.
        """
        self._call("PUT", "/webhooks", {"webhooks": [dict(webhook) for webhook in webhooks], "whole": whole})

    def webhooks(self) -> list[dict[str, Any]]:
        """All webhooks with their signatures, oldest first."""
        webhooks: list[dict[str, Any]] = self._call("GET", "/webhooks")["data"]
        return webhooks

    def delete_webhook(self, key: str) -> None:
        """Delete a webhook without a request to the API.

        :raises ValueError: no webhook has this key.
        """
        self._call("DELETE", "/webhooks", query={"key": key})

    def set_program(self, name: str, public_id: str) -> None:
        """Change what ``GET /program`` tells; the programme's type is a switch of the profile."""
        self._call("PUT", "/program", {"name": name, "public_id": public_id})

    def set_activation_delay(self, seconds: float) -> None:
        """From now on, new webhooks show as inactive for this long, even if they were created active."""
        self._call("PUT", "/activation-delay", {"seconds": seconds})

    def set_latency(self, seconds: float) -> None:
        """Every request of the API waits this long before it is carried out; requests wait side by side."""
        self._call("PUT", "/latency", {"seconds": seconds})

    def set_rate_limit(self, requests: int | None, seconds: float = 60.0) -> None:
        """From now on, refuse what a window does not admit with 429 and the profile's form of ``Retry-After``.

        The windows are fixed, as those of Laravel's throttle: one starts with the first request after the last one's
        end. Refused requests are not counted in it, nor are those with a wrong token. The window is empty at first.

        :param requests: how many requests a window admits; None ends the limit.
        :param seconds: length of a window.
        """
        self._call("PUT", "/rate-limit", {"requests": requests, "seconds": seconds})

    def refusals(self) -> int:
        """How many requests the rate limit has refused since it was set; 0 without a limit."""
        count: int = self._call("GET", "/rate-limit")["refusals"]
        return count

    def set_delivery_backoff(self, seconds: float) -> None:
        """Wait this long before a delivery's second attempt, and ten times as long before the third (default 1)."""
        self._call("PUT", "/delivery-backoff", {"seconds": seconds})

    def fault(self, fault: Fault | None = None, /, **fields: Any) -> None:
        """Script one fault, given as a :class:`Fault` or by its fields.

        :raises ValueError: the fields are not those of a fault, or both forms are given.
        """
        if fault is not None and fields:
            raise ValueError(f"give a Fault or its fields, not both; the fields were {', '.join(fields)}")
        if not isinstance(fault, Fault | None):
            raise ValueError(f"{fault!r} is not a Fault; give one, or its fields, such as status=503")
        try:
            scripted = fault or Fault(**fields)
        except TypeError as error:
            raise ValueError(f"not the fields of a fault: {error}") from error
        self._call("POST", "/faults", asdict(scripted))

    def faults(self) -> list[Fault]:
        """The scripted faults that are left; their ``times`` and ``skip`` count down."""
        return [Fault(**fault) for fault in self._call("GET", "/faults")]

    def clear_faults(self) -> None:
        """Remove the scripted faults and end those by chance."""
        self._call("DELETE", "/faults")

    def chaos(self, seed: int, rate: float) -> None:
        """From now on requests meet faults by chance, the same ones for the same seed.

        :param rate: share of requests that meet a fault, 0 to 1; 0 ends the faults by chance.
        """
        self._call("POST", "/chaos", {"seed": seed, "rate": rate})

    def requests(self) -> list[LoggedRequest]:
        """The requests of the API since the last reset, in order of arrival."""
        return [LoggedRequest(**request) for request in self._call("GET", "/requests")]

    def clear_requests(self) -> None:
        """Clear the log of requests."""
        self._call("DELETE", "/requests")

    def emit(self, event: str, data: Any = None, *, wait: bool = True) -> list[Delivery]:
        """Deliver an event to every active webhook that is subscribed to it.

        :param data: the event's data; None for a sample that suits the event.
        :param wait: return all attempts after the last one has ended; otherwise return an empty list at once.
        """
        content = {"event": event, "data": data, "wait": wait}
        return [Delivery(**one) for one in self._call("POST", "/events", content, timeout=None)]

    def deliveries(self) -> list[Delivery]:
        """Every attempt to deliver an event since the last reset."""
        return [Delivery(**one) for one in self._call("GET", "/deliveries")]

    @cached_property
    def _client(self) -> httpx.Client:
        # Without the environment's proxies. Plain HTTP needs no certificates, and loading them takes time.
        return httpx.Client(base_url=f"{self.root_url}/_sandbox", trust_env=False, verify=False)  # noqa: S501  # nosec B501

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
            raise ConnectionError(f"what answers at {self.root_url} is not a sandbox") from None
        if answer.is_success:
            return body
        raise ValueError(f"{method} /_sandbox{path}: {body.get('message')}")
