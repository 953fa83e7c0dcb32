"""The client of Partnero's webhooks API."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from airflow_provider_partnero.api import arguments
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.creation import Creation, IfExists
from airflow_provider_partnero.api.endpoints import Endpoints
from airflow_provider_partnero.api.errors import PartneroNotFoundError, PartneroResponseError, Request
from airflow_provider_partnero.api.existing import Existing
from airflow_provider_partnero.api.listing import Listing
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.pace import Pace
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.api.retries import Attempt, RetryPlan
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.api.transport import Transport

_PROGRAM_SECONDS = 10.0


class PartneroClient:
    """Reads and writes Partnero's webhooks; a context manager, safe to use from several threads at once.

    :param token: the programme's API token; no message and no ``repr`` shows it.
    :param base_url: URL of the API, including ``/v1``.
    :param timeout: seconds to connect and seconds of silence while waiting for an answer, or one number for both.
    :param max_attempts: most attempts per request, from 1.
    :param max_wait: longest wait between two attempts, in seconds; ``Retry-After`` is honoured up to that.
    :param deadline: longest time of one call in seconds, with all its attempts and waits. When a long list is read,
        each page has that time.
    :param page_concurrency: most requests in flight while a long list is read, 1 to 64.
    :param verify: verify TLS certificates: True, False, or the path of a CA bundle.
    :param clock: waits between attempts; a test hands in one that does not wait.
    :raises ValueError: an argument is not allowed; the message names it, its value and what is allowed.

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
        deadline: float = arguments.CALL_SECONDS,
        page_concurrency: int = 8,
        verify: bool | str = True,
        clock: Clock = Clock(),  # noqa: B008 - frozen
    ) -> None:
        concurrency = arguments.checked_count(
            page_concurrency, argument="page_concurrency", most=arguments.MOST_PAGES_AT_ONCE
        )
        self._retries = RetryPlan(
            max_attempts=arguments.checked_count(max_attempts, argument="max_attempts"),
            max_wait=arguments.checked_seconds(max_wait, argument="max_wait", zero=True),
            seconds=arguments.checked_seconds(deadline, argument="deadline"),
            clock=clock,
        )
        self.base_url = arguments.checked_base_url(base_url)
        self._transport = Transport(
            arguments.checked_token(token),
            self.base_url,
            timeout=arguments.checked_timeout(timeout),
            verify=arguments.checked_verify(verify),
            new_pace=lambda: Pace(concurrency, self._retries.max_wait, clock),
        )
        self._sealing_key = hashlib.sha256(token.encode()).digest()
        self._endpoints = Endpoints(self._transport)
        self._listing = Listing(self._endpoints, self._retries, concurrency)
        self._existing = Existing(self._endpoints, self._listing, self._retries)
        self._creation = Creation(self._existing)

    def __repr__(self) -> str:
        return f"PartneroClient(base_url={self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; later requests open new ones."""
        self._transport.close()

    def abandon(self) -> None:
        """Close for good, from any thread: what is under way is broken off, and later requests are not sent.

        The call that is under way ends with a :class:`PartneroError`, and is not tried again.
        """
        self._transport.abandon()

    def seal(self, text: str) -> str:
        """A digest of a text, the same each time for one token: without the token, nobody finds the text by guessing.

        :returns: 64 hex digits, HMAC-SHA256.
        """
        return hmac.new(self._sealing_key, text.encode(errors="surrogatepass"), "sha256").hexdigest()

    def ping(self) -> None:
        """Check host and token (``GET /test``, as Partnero's own n8n node and PHP SDK do).

        What this endpoint returns for a good token is not documented. If it is not JSON, the list is read instead.
        """

        def test(attempt: Attempt) -> None:
            try:
                self._endpoints.test(attempt.deadline)
            except PartneroResponseError:
                params = {"limit": 10, "page": 1}
                self._transport.answer("GET", "/webhooks", attempt.deadline, params=params)

        self._retries.run(test, Request.REPEATABLE)

    def clock_lead(self) -> float | None:
        """By how many seconds Partnero's clock is ahead of this machine's, to about a second; None if it does not tell.

        Negative if it is behind.
        """
        try:
            there = self._retries.run(lambda attempt: self._endpoints.date(attempt.deadline), Request.REPEATABLE)
        except PartneroResponseError:
            return None
        return (there - datetime.now(UTC)).total_seconds() if there else None

    def get_program(self) -> Program | None:
        """The programme that the token belongs to (``GET /program``); None if Partnero does not tell.

        It is asked for once and within 10 seconds: nothing depends on it.
        """
        once = replace(self._retries, max_attempts=1, seconds=min(_PROGRAM_SECONDS, self._retries.seconds))
        try:
            return once.run(lambda attempt: self._endpoints.program(attempt.deadline), Request.REPEATABLE)
        except (PartneroNotFoundError, PartneroResponseError):
            return None

    def list_webhooks(self, *, limit: int = 100, page: int = 1) -> list[Webhook]:
        """One page of the webhooks (the specification, "Get a list of webhooks").

        :param limit: number of webhooks on a page, 10 to 100.
        :param page: the page's number, from 1.
        """
        arguments.checked_limit(limit)
        arguments.checked_count(page, argument="page")
        return list(self._listing.page(page, limit).webhooks)

    def iter_webhooks(self, *, page_size: int = 100, consistent: bool = False) -> Iterator[Webhook]:
        """All webhooks, each key once, in the server's order.

        :param page_size: number of webhooks per request, 10 to 100.
        :param consistent: read the list again until two readings hold the same keys or the server's total agrees, since
            webhooks may come and go between two pages. A list of one page is read once.
        :raises PartneroInconsistentReadError: three consistent readings disagreed.
        :raises PartneroResponseError: a page repeats an earlier one.
        """
        arguments.checked_limit(page_size, argument="page_size")
        arguments.checked_flag(consistent, argument="consistent")
        return iter(self._listing.all_at_once(page_size)) if consistent else self._listing.each_once(page_size)

    def get_webhook(self, key: str) -> Webhook:
        """The webhook that has this key, with its signing secret (the specification, "Fetch a webhook").

        :param key: the webhook's key, without ``/``.
        :raises PartneroNotFoundError: no webhook has this key.
        """
        arguments.checked_key(key)
        return self._retries.run(lambda attempt: self._endpoints.get(key, attempt.deadline), Request.REPEATABLE)

    def create_webhook(
        self,
        *,
        name: str,
        url: str,
        events: Iterable[str],
        is_active: bool = True,
        key: str | None = None,
        if_exists: IfExists = "adopt",
        is_retry: bool = False,
        listed: Collection[Webhook] | None = None,
    ) -> Webhook:
        """Create a webhook (the specification, "Create a webhook").

        With a ``key``, we look for it before the POST, since Partnero may change the webhook that has it or create a
        second one. The call may be repeated after any failure. When the outcome of a POST is in doubt, we look for the
        webhook for some 10 seconds before we send another, and once more after a success; what was created twice is
        deleted again.

        :param name: not empty; white space around it is dropped, as at Partnero.
        :param url: http(s) URL that Partnero delivers to.
        :param events: at least one event; duplicates count once.
        :param is_active: whether Partnero delivers from the start.
        :param key: the webhook's id, without ``/``; None: Partnero makes one.
        :param if_exists: if an equal webhook has the key already, ``"adopt"`` it or ``"fail"``.
        :param is_retry: an earlier call with this key may have created the webhook, as when a worker died.
        :param listed: all webhooks, if you have just read them and none has the key: then nothing is read before the
            POST. None: the key is looked up, and the first page of the list is read.
        :returns: the webhook, with its signing secret. Its key differs from ``key`` if Partnero ignored that.
        :raises PartneroValidationError: Partnero refuses a value.
        :raises PartneroConflictError: the key belongs to a webhook that differs, or to any with ``if_exists="fail"``.
        :raises PartneroAmbiguousError: the webhook may have been created, and looking for it did not settle that.
        :raises PartneroDuplicateError: it may have been created twice; the message names both, and nothing was deleted.
        """
        if if_exists not in {"adopt", "fail"}:
            raise ValueError(f"if_exists={short_repr(if_exists)}: must be 'adopt' or 'fail'")
        spec = _spec(name, url, events, is_active, key)
        return self._creation.create(spec, if_exists=if_exists, is_retry=is_retry, listed=listed)

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
        """The webhook of which :meth:`create_webhook` with the same arguments would make a duplicate, or None.

        :param name: as for :meth:`create_webhook`, like ``url``, ``events``, ``is_active`` and ``key``.
        :param is_ours: the webhook with this key was made by an earlier try of the caller; it may not be active yet.
        :param by_content: if no webhook has the key, look in the list for one of the same name, URL, events and state.
        :raises PartneroConflictError: the key belongs to a webhook that differs.
        """
        spec = _spec(name, url, events, is_active, key)
        return self._creation.find(spec, self._retries.deadline(), just_made=is_ours, by_content=by_content)

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
        :param url: new http(s) URL; None leaves it.
        :param is_active: switch it on or off; None leaves it.
        :param events: all events that it subscribes to from now on, at least one; None leaves them.
        :returns: the webhook after the change, with its signing secret.
        :raises PartneroNotFoundError: no webhook has this key.
        :raises PartneroValidationError: Partnero refuses a value.
        """
        arguments.checked_key(key)
        changes: dict[str, Any] = {}
        if name is not None:
            changes["name"] = arguments.trimmed_name(name)
        if url is not None:
            changes["url"] = arguments.checked_url(url)
        if is_active is not None:
            changes["is_active"] = arguments.checked_flag(is_active, argument="is_active")
        if events is not None:
            changes["events"] = list(arguments.trimmed_events(events))
        if not changes:
            raise ValueError("nothing to update: give at least one of name, url, is_active and events")
        return self._retries.run(
            lambda attempt: self._endpoints.update(key, changes, attempt.deadline), Request.REPEATABLE
        )

    def delete_webhook(self, key: str) -> None:
        """Delete the webhook that has this key (the specification, "Delete a webhook").

        A 404 after an attempt with an unknown outcome counts as success: that attempt may have deleted the webhook.

        :param key: the webhook's key, without ``/`` and without white space around it.
        :raises PartneroNotFoundError: no webhook has this key.
        """
        arguments.checked_key(key)

        self._existing.delete(key, self._retries.deadline())


def _spec(name: str, url: str, events: Iterable[str], is_active: bool, key: str | None) -> WebhookSpec:
    return WebhookSpec(name, url, arguments.trimmed_events(events), is_active, key)
