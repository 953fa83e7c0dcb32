"""One HTTP request to Partnero: JSON in, JSON or a :class:`PartneroError` out, without retries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from urllib3 import exceptions as urllib3_errors

from airflow_provider_partnero import __version__
from airflow_provider_partnero.api.allowance import NoTurnError, Turn
from airflow_provider_partnero.api.bodies import ACCEPTED, TOO_LARGE, read_body
from airflow_provider_partnero.api.clock import Deadline
from airflow_provider_partnero.api.connections import BoundedAdapter, carrying
from airflow_provider_partnero.api.errors import (
    PartneroAPIError,
    PartneroAuthenticationError,
    PartneroConflictError,
    PartneroConnectionError,
    PartneroError,
    PartneroNotFoundError,
    PartneroRateLimitError,
    PartneroResponseError,
    PartneroServerError,
    PartneroValidationError,
)
from airflow_provider_partnero.api.exchanges import MOST_DECODED, Exchange, Stop, TooLargeAheadError
from airflow_provider_partnero.api.masking import Mask
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.api.outages import explain
from airflow_provider_partnero.api.pace import Pace
from airflow_provider_partnero.api.replies import Reply, json_object

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
    :param new_pace: makes what lets each request go when it may.
    """

    def __init__(
        self,
        token: str,
        base_url: str,
        *,
        timeout: tuple[float, float],
        verify: bool | str,
        new_pace: Callable[[], Pace],
    ) -> None:
        self._base_url = base_url
        self._timeout = timeout
        self._verify = verify
        self._mask = Mask(token)
        self._request = _prepared(base_url, token)
        self._settings: Any = requests.Session().merge_environment_settings(self._request.url, {}, True, verify, None)
        self._new_pace = new_pace
        self._line = _Line(new_pace())
        self._is_abandoned = False

    def request(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the JSON object of the answer; the arguments are those of :meth:`answer`.

        A DELETE and ``/test`` may be answered without a body; the result is then ``{}``.
        """
        return self.answer(method, path, deadline, body=body).payload or {}

    def answer(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        params: Mapping[str, int] | None = None,
        body: Mapping[str, Any] | None = None,
        stop: Stop | None = None,
        most: int = MOST_DECODED,
    ) -> Reply:
        """Send a request and return the answer: a JSON object, or none where there need not be one.

        :param deadline: the request ends by then, and earlier if the server drips.
        :param stop: once set, the request is broken off.
        :param most: bytes that the answer may have.
        :raises TooLargeAheadError: it has more than ``most``, where that is less than what is allowed at all.
        :raises PartneroConnectionError: no answer.
        :raises PartneroResponseError: a 2xx that is not a JSON object, or is too large.
        :raises PartneroAPIError: any other status, and a 2xx that says ``"status": 0``.
        :raises ValueError: ``verify`` is the path of a file that does not exist.
        """
        line = self._own_line()
        with _either(line.stop, stop) as either:
            self._check_wanted(method, path)
            turn = self._turn(line.pace, method, path, deadline, either)
            connect, read = self._timeout
            exchange = Exchange(min(deadline.left(), connect + 2 * read), read, most)
            reply: Reply | _Broken | None = None
            try:
                reply = self._exchange(line.adapter, self._prepare(method, path, params, body), exchange, either)
            finally:
                _end(line.pace, turn, reply)
        if isinstance(reply, _Broken):
            self._check_wanted(method, path)
            # Raised here, since in its context requests' own error would hold the request with the token.
            raise self._failure(method, path, reply, exchange)
        self._mask.learn(reply.payload)
        self._check(method, path, reply)
        return reply

    def close(self) -> None:
        """Break off what is under way and close the connections; later requests open new ones."""
        line, self._line = self._own_line(), _Line(self._new_pace())
        line.stop.set()
        line.adapter.close()

    def abandon(self) -> None:
        """Close, and send nothing any more."""
        self._is_abandoned = True
        self.close()

    def _own_line(self) -> _Line:
        """The connections of this process: with those of its parent, two processes would read each other's answers."""
        if self._line.process != os.getpid():
            self._line = _Line(self._new_pace())
        return self._line

    def _check_wanted(self, method: str, path: str) -> None:
        if self._is_abandoned:
            raise PartneroError(f"{method} {_short_path(path)}: nobody waits for the answer any more")

    def _turn(self, pace: Pace, method: str, path: str, deadline: Deadline, stop: Stop) -> Turn:
        try:
            return pace.turn(deadline, stop)
        except NoTurnError as error:
            words = f"not sent: Partnero's limit lets it go in {error.seconds:.1f} s, after the time of this call"
            raise PartneroRateLimitError(
                429, words, method=method, path=_short_path(path), retry_after=error.seconds
            ) from None

    def _check(self, method: str, path: str, reply: Reply) -> None:
        if reply.status < 200:
            raise PartneroResponseError(f"{method} {_short_path(path)}: {reply.status} as the last answer")
        if not reply.is_success:
            raise self._api_error(method, path, reply)
        if not reply.size and (method == "DELETE" or path == "/test"):
            return
        if reply.payload is None:
            kind = self._mask.quote(reply.headers.get("Content-Type", "no declared type"))
            raise PartneroResponseError(
                f"{method} {_short_path(path)}: {reply.status} with a body that is not a JSON object "
                f"({reply.size} bytes of {kind})"
            )
        if reply.payload.get("status") in (0, "0", False):
            raise self._api_error(method, path, reply)

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

    def _exchange(
        self, adapter: BoundedAdapter, request: requests.PreparedRequest, exchange: Exchange, stop: Stop
    ) -> Reply | _Broken:
        stop.watch(exchange)
        try:
            with carrying(exchange):
                response = adapter.send(request, timeout=self._timeout, **self._settings)
                try:
                    body = read_body(response.raw, exchange)
                finally:
                    response.close()
            size, payload = len(body.content), json_object(body.content)
            return Reply(response.status_code, response.reason or "", response.headers, size, body.values, payload)
        # requests lets some of urllib3's errors through, and errors of Python about malformed proxy URLs.
        except (OSError, urllib3_errors.HTTPError, ValueError, TypeError) as error:
            return _Broken(explain(error, exchange, urlsplit(self._base_url).netloc, self._timeout))
        finally:
            stop.forget(exchange)

    def _failure(self, method: str, path: str, broken: _Broken, exchange: Exchange) -> Exception:
        if isinstance(self._verify, str) and not Path(self._verify).exists():
            return ValueError(
                f"verify={self._verify!r}: must be True, False or the path of a CA bundle on this machine"
            )
        if exchange.is_too_large and exchange.most < MOST_DECODED:
            return TooLargeAheadError()
        if exchange.is_too_large and exchange.is_sent:
            return PartneroResponseError(f"{method} {_short_path(path)}: {TOO_LARGE}")
        words = self._mask.hide(f"{method} {_short_path(path)}: {broken.words}")
        return PartneroConnectionError(words, sent=exchange.is_sent)

    def _api_error(self, method: str, path: str, reply: Reply) -> PartneroAPIError:
        error_class = _ERROR_CLASSES.get(reply.status) or (
            PartneroServerError if reply.status >= 500 else PartneroAPIError
        )
        return error_class(
            reply.status,
            self._mask.quote(reply.message),
            self._mask.complaints(reply.errors),
            self._mask.quote(reply.headers.get("X-Request-Id", "")) or None,
            method,
            _short_path(path),
            reply.retry_after,
            reply.payload is not None,
        )


@contextmanager
def _either(*stops: Stop | None) -> Iterator[Stop]:
    """A stop that is set once one of these is."""
    either = Stop()
    given = [stop for stop in stops if stop is not None]
    for stop in given:
        stop.watch(either)
    try:
        yield either
    finally:
        for stop in given:
            stop.forget(either)


class _Line:
    """What the requests of one process share.

    :param pace: lets each request go when it may.
    """

    def __init__(self, pace: Pace) -> None:
        self.process = os.getpid()
        self.adapter = BoundedAdapter()
        self.pace = pace
        self.stop = Stop()


@dataclass(frozen=True, slots=True)
class _Broken:
    """An exchange without an answer, in words. It does not keep the error, whose text may hold a proxy's password."""

    words: str


def _end(pace: Pace, turn: Turn, reply: Reply | _Broken | None) -> None:
    if not isinstance(reply, Reply):
        pace.left(turn)
    elif reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        pace.refused(turn, reply.retry_after)
    else:
        pace.passed(turn)


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
