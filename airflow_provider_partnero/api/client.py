"""The client of Partnero's webhooks API."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from airflow_provider_partnero.api import arguments
from airflow_provider_partnero.api.creation import Creation, Wanted
from airflow_provider_partnero.api.errors import PartneroNotFoundError, PartneroResponseError
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.pages import Page, read_consistently, read_pages, search
from airflow_provider_partnero.api.retries import Request, RetryPlan
from airflow_provider_partnero.api.transport import Transport


class PartneroClient:
    """Partnero's webhooks, safe to retry; a context manager, and usable from several threads at once.

    :param token: the programme's API token; never part of a message or a ``repr``.
    :param base_url: where the API lives, up to and with ``/v1``.
    :param timeout: seconds to connect and seconds of silence while waiting for an answer, or one number for both.
    :param max_attempts: attempts per request in all, from 1.
    :param max_wait: longest wait between two attempts in seconds; ``Retry-After`` is honoured up to it.
    :param page_concurrency: most requests in flight while a long list is read, 1 to 64.
    :param verify: verify TLS certificates: True, False, or the path of a CA bundle.
    :raises ValueError: an argument is not allowed; the message names it, its value and what is.

    Every method raises, besides what it names itself: :class:`ValueError` for an argument that is not allowed, before
    anything is sent; :class:`PartneroAuthenticationError` for a refused token; :class:`PartneroRateLimitError`,
    :class:`PartneroServerError`, :class:`PartneroConnectionError` or :class:`PartneroResponseError` when the attempts
    are used up; and :class:`PartneroAPIError` for other refusals.
    """

    def __init__(
        self,
        token: str,
        base_url: str = arguments.PARTNERO_URL,
        *,
        timeout: tuple[float, float] | float = (5, 30),
        max_attempts: int = 5,
        max_wait: float = 60,
        page_concurrency: int = 8,
        verify: bool | str = True,
    ) -> None:
        self._page_concurrency = arguments.checked_count(
            page_concurrency, argument="page_concurrency", most=arguments.MOST_PAGES_AT_ONCE
        )
        self._retries = RetryPlan(
            max_attempts=arguments.checked_count(max_attempts, argument="max_attempts"),
            max_wait=arguments.checked_seconds(max_wait, argument="max_wait", zero=True),
        )
        self.base_url = arguments.checked_base_url(base_url)
        self._transport = Transport(
            arguments.checked_token(token),
            self.base_url,
            timeout=arguments.checked_timeout(timeout),
            verify=arguments.checked_verify(verify),
        )
        self._creation = Creation(
            post=lambda wanted: self._webhook("POST", "/webhooks", wanted.body()),
            get=self._get_or_none,
            search=lambda is_sought: search(lambda: self._pages(100), is_sought),
            retries=self._retries,
        )

    def __repr__(self) -> str:
        return f"PartneroClient(base_url={self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back; the client may be used again afterwards."""
        self._transport.close()

    def ping(self) -> None:
        """Check host and token (``GET /test``, as Partnero's own n8n node and PHP SDK do).

        What a good token is answered there is not documented, so an answer that is no JSON is settled by the list.
        """

        def attempt(_: int) -> None:
            try:
                self._transport.request("GET", "/test")
            except PartneroResponseError:
                self._transport.request("GET", "/webhooks", params={"limit": 10, "page": 1})

        self._retries.run(attempt, Request.REPEATABLE)

    def list_webhooks(self, *, limit: int = 100, page: int = 1) -> list[Webhook]:
        """One page of the webhooks (the specification, "Get a list of webhooks").

        :param limit: webhooks on a page, 10 to 100.
        :param page: the page's number, from 1.
        """
        arguments.checked_limit(limit)
        arguments.checked_count(page, argument="page")
        return list(self._page(page, limit).webhooks)

    def iter_webhooks(self, *, page_size: int = 100, consistent: bool = False) -> Iterator[Webhook]:
        """All webhooks, each key once, in the server's order.

        :param page_size: webhooks a request, 10 to 100.
        :param consistent: read a programme of more than one page again until two readings hold the same keys, or the
            server's own total agrees; webhooks may come and go while the pages are read.
        :raises PartneroInconsistentReadError: three consistent readings disagreed.
        :raises PartneroResponseError: a page repeats an earlier one.
        """
        arguments.checked_limit(page_size, argument="page_size")
        arguments.checked_flag(consistent, argument="consistent")
        return iter(read_consistently(lambda: self._pages(page_size))) if consistent else self._each_once(page_size)

    def get_webhook(self, key: str) -> Webhook:
        """The webhook of a key, with its signing secret (the specification, "Fetch a webhook").

        :param key: the webhook's key, without ``/``.
        :raises PartneroNotFoundError: there is none.
        """
        return self._webhook_of_request("GET", _path(key))

    def create_webhook(
        self,
        *,
        name: str,
        url: str,
        events: Iterable[str],
        is_active: bool = True,
        key: str | None = None,
    ) -> Webhook:
        """Create a webhook (the specification, "Create a webhook").

        With a ``key`` the call may be repeated after any failure: before a POST is sent again whose outcome is in
        doubt, the key is looked up (and, since Partnero may ignore keys, the same content in the list).

        :param name: not empty.
        :param url: http(s) address that Partnero delivers to.
        :param events: at least one event; duplicates count once.
        :param is_active: deliver from the start.
        :param key: the webhook's id, without ``/``; Partnero makes one when it is left out.
        :returns: the webhook, with its signing secret; its key is another than asked for if Partnero ignored that.
        :raises PartneroValidationError: Partnero refuses a value.
        :raises PartneroConflictError: the key belongs to a webhook that differs.
        :raises PartneroAmbiguousError: it may have been created, and nothing could tell.
        """
        return self._creation.create(_wanted(name, url, events, is_active, key))

    def find_webhook(
        self,
        *,
        name: str,
        url: str,
        events: Iterable[str],
        is_active: bool = True,
        key: str | None = None,
        is_ours: bool = False,
        by_content: bool = False,
    ) -> Webhook | None:
        """The webhook that :meth:`create_webhook` with the same arguments would double, or None.

        :param name: as for :meth:`create_webhook`, like ``url``, ``events``, ``is_active`` and ``key``.
        :param is_ours: an earlier try of the caller made what bears the key; it may not be active yet.
        :param by_content: when no webhook has the key, look through the list for the same name, URL, events and state.
        :raises PartneroConflictError: the key belongs to a webhook that differs.
        """
        return self._creation.find(_wanted(name, url, events, is_active, key), is_ours=is_ours, by_content=by_content)

    def update_webhook(
        self,
        key: str,
        *,
        name: str | None = None,
        url: str | None = None,
        is_active: bool | None = None,
        events: Iterable[str] | None = None,
    ) -> Webhook:
        """Change the fields that are given; key and signing secret stay (the specification, "Update a webhook").

        :param key: the webhook's key, without ``/``.
        :param name: new name, not empty; None leaves it.
        :param url: new http(s) address; None leaves it.
        :param is_active: switch it on or off; None leaves it.
        :param events: the events it shall have, all of them, at least one; None leaves them.
        :returns: the webhook as it is now, with its signing secret.
        :raises PartneroNotFoundError: no webhook has this key.
        :raises PartneroValidationError: Partnero refuses a value.
        """
        changes: dict[str, Any] = {}
        if name is not None:
            changes["name"] = arguments.checked_name(name)
        if url is not None:
            changes["url"] = arguments.checked_url(url)
        if is_active is not None:
            changes["is_active"] = arguments.checked_flag(is_active, argument="is_active")
        if events is not None:
            changes["events"] = list(arguments.checked_events(events))
        if not changes:
            raise ValueError("nothing to update: give at least one of name, url, is_active and events")
        return self._webhook_of_request("PUT", _path(key), changes)

    def delete_webhook(self, key: str) -> None:
        """Delete the webhook of a key (the specification, "Delete a webhook"); a repeated DELETE may find it gone.

        :param key: the webhook's key, without ``/``.
        :raises PartneroNotFoundError: the first DELETE finds no such webhook.
        """
        path = _path(key)

        def attempt(number: int) -> None:
            try:
                self._transport.request("DELETE", path)
            except PartneroNotFoundError:
                if number == 1:
                    raise

        self._retries.run(attempt, Request.REPEATABLE)

    def _webhook_of_request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Webhook:
        return self._retries.run(lambda _: self._webhook(method, path, body), Request.REPEATABLE)

    def _webhook(self, method: str, path: str, body: dict[str, Any] | None = None) -> Webhook:
        payload = self._transport.request(method, path, body=body)
        if "data" not in payload:
            raise PartneroResponseError(f"{method} /webhooks: a 2xx without the promised field 'data'")
        return Webhook.from_api(payload["data"])

    def _get_or_none(self, key: str) -> Webhook | None:
        try:
            return self.get_webhook(key)
        except PartneroNotFoundError:
            return None

    def _page(self, number: int, limit: int, stopped: threading.Event | None = None) -> Page:
        params = {"limit": limit, "page": number}

        def attempt(_: int) -> Page:
            return Page.from_api(self._transport.request("GET", "/webhooks", params=params), number=number, limit=limit)

        return self._retries.run(attempt, Request.REPEATABLE, stopped)

    def _pages(self, page_size: int) -> Iterator[Page]:
        return read_pages(
            lambda number, stopped: self._page(number, page_size, stopped), concurrency=self._page_concurrency
        )

    def _each_once(self, page_size: int) -> Iterator[Webhook]:
        seen: set[str] = set()
        for page in self._pages(page_size):
            for webhook in page.webhooks:
                if webhook.key not in seen:
                    seen.add(webhook.key)
                    yield webhook


def _path(key: str) -> str:
    return "/webhooks/" + quote(arguments.checked_key(key), safe="")


def _wanted(name: str, url: str, events: Iterable[str], is_active: bool, key: str | None) -> Wanted:
    return Wanted(
        name=arguments.checked_name(name),
        url=arguments.checked_url(url),
        events=arguments.checked_events(events),
        is_active=arguments.checked_flag(is_active, argument="is_active"),
        key=None if key is None else arguments.checked_key(key),
    )
