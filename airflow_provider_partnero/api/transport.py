"""One HTTP request to Partnero: JSON in, JSON or a :class:`PartneroError` out, without retries."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from urllib3 import exceptions as urllib3_errors

from airflow_provider_partnero import __version__
from airflow_provider_partnero.api.bodies import ACCEPTED, TOO_LARGE, read_body
from airflow_provider_partnero.api.clock import Deadline
from airflow_provider_partnero.api.connections import BoundedAdapter, carrying
from airflow_provider_partnero.api.errors import (
    PartneroAPIError,
    PartneroAuthenticationError,
    PartneroConflictError,
    PartneroConnectionError,
    PartneroNotFoundError,
    PartneroRateLimitError,
    PartneroResponseError,
    PartneroServerError,
    PartneroValidationError,
)
from airflow_provider_partnero.api.exchanges import Exchange, Stop
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.api.outages import explain
from airflow_provider_partnero.api.pace import NoTurnError, Pace, Turn
from airflow_provider_partnero.api.replies import Reply, json_object

_LONGEST_MESSAGE = 500  # characters of Partnero's own words that an error quotes

_ERROR_CLASSES: dict[int, type[PartneroAPIError]] = {
    401: PartneroAuthenticationError,
    403: PartneroAuthenticationError,
    404: PartneroNotFoundError,
    409: PartneroConflictError,
    422: PartneroValidationError,
    429: PartneroRateLimitError,
}


class Transport:
    """One base URL and token; several threads may use it at once.

    Redirects are never followed: Partnero's API has none, a POST would turn into a GET on the way, and the token must
    not travel to another host. Cookies and .netrc files play no part. Proxies and CA bundles of the environment do, as
    they are when the transport is made.

    :param token: the API token.
    :param base_url: URL of the API, without a slash at its end.
    :param timeout: seconds to connect, and seconds of silence. One request never takes longer than the first and twice
        the second together, whatever the server sends meanwhile.
    :param verify: whether to verify certificates, or the path of a CA bundle.
    :param pace: lets each request go when it may.
    """

    def __init__(
        self, token: str, base_url: str, *, timeout: tuple[float, float], verify: bool | str, pace: Pace
    ) -> None:
        self._base_url = base_url
        self._timeout = timeout
        self._verify = verify
        self._pace = pace
        self._token = Secret(token)
        self._adapter = BoundedAdapter()
        self._request = _prepared(base_url, token)
        self._settings: Any = requests.Session().merge_environment_settings(self._request.url, {}, True, verify, None)
        self._stop = Stop()

    def request(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        params: Mapping[str, int] | None = None,
        body: Mapping[str, Any] | None = None,
        stop: Stop | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the JSON object of the answer.

        A DELETE and ``/test`` may be answered without a body; the result is then ``{}``.

        :param deadline: the request ends by then, and earlier if the server drips.
        :param stop: once set, the request is broken off.
        :raises PartneroConnectionError: no answer.
        :raises PartneroResponseError: a 2xx that is not a JSON object, or is too large.
        :raises PartneroAPIError: any other status, and a 2xx that says ``"status": 0``.
        :raises ValueError: ``verify`` is the path of a file that does not exist.
        """
        stops = [self._stop] if stop is None else [self._stop, stop]
        turn = self._turn(method, path, deadline, stops[-1])
        connect, read = self._timeout
        exchange = Exchange(min(deadline.left(), connect + 2 * read), read)
        reply: Reply | Exception | None = None
        try:
            reply = self._exchange(self._prepare(method, path, params, body), exchange, stops)
        finally:
            self._end(turn, reply)
        if isinstance(reply, Exception):
            # Raised here, since in its context requests' own error would hold the request with the token.
            raise self._failure(method, path, reply, exchange)
        return self._checked(method, path, reply)

    def close(self) -> None:
        """Break off what is under way and close the connections; later requests open new ones."""
        stop, self._stop = self._stop, Stop()
        stop.set()
        self._adapter.close()

    def _turn(self, method: str, path: str, deadline: Deadline, stop: Stop) -> Turn:
        try:
            return self._pace.turn(deadline, stop)
        except NoTurnError as error:
            words = f"not sent: Partnero's limit lets it go in {error.seconds:.1f} s, after the time of this call"
            raise PartneroRateLimitError(
                429, words, method=method, path=_short_path(path), retry_after=error.seconds
            ) from None

    def _end(self, turn: Turn, reply: Reply | Exception | None) -> None:
        if not isinstance(reply, Reply):
            self._pace.left(turn)
        elif reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._pace.refused(turn, reply.retry_after)
        else:
            self._pace.passed(turn)

    def _checked(self, method: str, path: str, reply: Reply) -> dict[str, Any]:
        if reply.status < 200:
            raise PartneroResponseError(f"{method} {_short_path(path)}: {reply.status} as the last answer")
        if not reply.is_success:
            raise self._api_error(method, path, reply)
        if not reply.size and (method == "DELETE" or path == "/test"):
            return {}
        if reply.payload is None:
            kind = self._quote(reply.headers.get("Content-Type", "no declared type"))
            raise PartneroResponseError(
                f"{method} {_short_path(path)}: {reply.status} with a body that is not a JSON object "
                f"({reply.size} bytes of {kind})"
            )
        if reply.payload.get("status") in (0, "0", False):
            raise self._api_error(method, path, reply)
        return reply.payload

    def _prepare(
        self, method: str, path: str, params: Mapping[str, int] | None, body: Mapping[str, Any] | None
    ) -> requests.PreparedRequest:
        request = self._request.copy()
        request.method = method
        request.url = f"{request.url}{path}{f'?{urlencode(params)}' if params else ''}"
        if body is not None:
            request.prepare_body(None, None, json=body)
        elif method != "GET":
            request.headers["Content-Length"] = "0"
        return request

    def _exchange(self, request: requests.PreparedRequest, exchange: Exchange, stops: list[Stop]) -> Reply | Exception:
        for stop in stops:
            stop.watch(exchange)
        try:
            with carrying(exchange):
                response = self._adapter.send(request, timeout=self._timeout, **self._settings)
                try:
                    body = read_body(response.raw, exchange)
                finally:
                    response.close()
            return Reply(response.status_code, response.reason or "", response.headers, len(body), json_object(body))
        # requests lets some of urllib3's errors through, and errors of Python about malformed proxy URLs.
        except (OSError, urllib3_errors.HTTPError, ValueError) as error:
            return error
        finally:
            for stop in stops:
                stop.forget(exchange)

    def _failure(self, method: str, path: str, error: Exception, exchange: Exchange) -> Exception:
        if isinstance(self._verify, str) and not Path(self._verify).exists():
            return ValueError(
                f"verify={self._verify!r}: must be True, False or the path of a CA bundle on this machine"
            )
        if exchange.is_too_large:
            return PartneroResponseError(f"{method} {_short_path(path)}: {TOO_LARGE}")
        words = explain(error, exchange, urlsplit(self._base_url).netloc, self._timeout)
        return PartneroConnectionError(self._scrub(f"{method} {_short_path(path)}: {words}"), sent=exchange.is_sent)

    def _api_error(self, method: str, path: str, reply: Reply) -> PartneroAPIError:
        error_class = _ERROR_CLASSES.get(reply.status) or (
            PartneroServerError if reply.status >= 500 else PartneroAPIError
        )
        return error_class(
            reply.status,
            self._quote(reply.message),
            {self._quote(field): [self._quote(text) for text in texts] for field, texts in reply.errors},
            self._quote(reply.headers.get("X-Request-Id", "")) or None,
            method,
            _short_path(path),
            reply.retry_after,
            reply.payload is not None,
        )

    def _quote(self, words: str) -> str:
        """The server's words for use in a message: on one line, without the token, and only then shortened."""
        line = "".join(character if character.isprintable() else " " for character in words.strip())
        return self._scrub(line)[:_LONGEST_MESSAGE]

    def _scrub(self, text: str) -> str:
        return text.replace(self._token, "***")


def _prepared(base_url: str, token: str) -> requests.PreparedRequest:
    """What all requests have in common."""
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": ACCEPTED,
        "Authorization": Secret(f"Bearer {token}"),
        "User-Agent": f"airflow-provider-partnero/{__version__}",
    }
    return requests.Request("GET", base_url, headers).prepare()


def _short_path(path: str) -> str:
    return path if len(path) <= 120 else f"{path[:117]}..."
