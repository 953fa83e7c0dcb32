"""One HTTP request to Partnero: JSON in, JSON or a :class:`PartneroError` out, without retries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import exceptions as urllib3_errors

from airflow_provider_partnero import __version__
from airflow_provider_partnero.api.clock import Deadline
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
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.api.outages import explain

_LONGEST_MESSAGE = 500  # characters of Partnero's own words that an error quotes
_CONNECTIONS = 64  # kept open at most; with fewer, threads that share a client would wait for each other

_ERROR_CLASSES: dict[int, type[PartneroAPIError]] = {
    401: PartneroAuthenticationError,
    403: PartneroAuthenticationError,
    404: PartneroNotFoundError,
    409: PartneroConflictError,
    422: PartneroValidationError,
    429: PartneroRateLimitError,
}


class _Bearer(AuthBase):
    """Adds the token to a request; no ``repr`` shows it and no .netrc file replaces it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def scrub(self, text: str) -> str:
        return text.replace(self._token, "***")


class _Session(requests.Session):
    """A session that ignores the target of a redirect: ``requests`` would raise if that URL is malformed."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


class Transport:
    """A ``requests`` session bound to one base URL and token; several threads may use it at once.

    Redirects are never followed: Partnero's API has none, ``requests`` would turn a POST into a GET on the way, and the
    token must not travel to another host. Cookies are not kept.
    """

    def __init__(self, token: str, base_url: str, *, timeout: tuple[float, float], verify: bool | str) -> None:
        self._base_url = base_url
        self._timeout = timeout
        self._verify = verify
        self._auth = _Bearer(token)
        self._session = _Session()
        self._session.headers.update(
            {"Accept": "application/json", "User-Agent": f"airflow-provider-partnero/{__version__}"}
        )
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def request(
        self,
        method: str,
        path: str,
        deadline: Deadline,  # noqa: ARG002
        *,
        params: Mapping[str, int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the JSON object of the answer.

        A DELETE and ``/test`` may be answered without a body; the result is then ``{}``.

        :raises PartneroConnectionError: no answer.
        :raises PartneroResponseError: a 2xx that is not a JSON object.
        :raises PartneroAPIError: any other status, and a 2xx that says ``"status": 0``.
        :raises ValueError: ``verify`` is the path of a file that does not exist.
        """
        try:
            response = self._session.request(
                method,
                self._base_url + path,
                params=params,
                json=body,
                auth=self._auth,
                timeout=self._timeout,
                verify=self._verify,
                allow_redirects=False,
            )
        except (OSError, urllib3_errors.HTTPError) as error:  # requests lets some of urllib3's errors through
            if isinstance(self._verify, str) and not Path(self._verify).exists():
                raise ValueError(
                    f"verify={self._verify!r}: must be True, False or the path of a CA bundle on this machine"
                ) from None
            # "from None": the frames of requests hold the token, and some tracebacks print local variables.
            raise self._connection_error(method, path, error) from None
        if not 200 <= response.status_code < 300:
            raise self._api_error(method, path, response, _json_object(response) or {})
        if not response.content and (method == "DELETE" or path == "/test"):
            return {}
        payload = _json_object(response)
        if payload is None:
            kind = self._quote(response.headers.get("Content-Type", "no declared type"))
            raise PartneroResponseError(
                f"{method} {_short_path(path)}: {response.status_code} with a body that is not a JSON object "
                f"({len(response.content)} bytes of {kind})"
            )
        if payload.get("status") in (0, "0", False):
            raise self._api_error(method, path, response, payload)
        return payload

    def close(self) -> None:
        """Close the connections; later requests open new ones."""
        self._session.close()

    def _connection_error(self, method: str, path: str, error: Exception) -> PartneroConnectionError:
        words, sent = explain(error, urlsplit(self._base_url).netloc, self._timeout)
        return PartneroConnectionError(self._auth.scrub(f"{method} {_short_path(path)}: {words}"), sent=sent)

    def _api_error(
        self, method: str, path: str, response: requests.Response, payload: dict[str, Any]
    ) -> PartneroAPIError:
        status = response.status_code
        error_class = _ERROR_CLASSES.get(status) or (PartneroServerError if status >= 500 else PartneroAPIError)
        return error_class(
            status,
            self._quote(_message_in(response, payload)),
            {self._quote(field): [self._quote(text) for text in texts] for field, texts in _errors_in(payload)},
            self._quote(response.headers.get("X-Request-Id", "")) or None,
            method,
            _short_path(path),
            _retry_after(response.headers),
        )

    def _quote(self, words: str) -> str:
        """The server's words for use in a message: on one line, without the token, and only then shortened."""
        line = "".join(character if character.isprintable() else " " for character in words.strip())
        return self._auth.scrub(line)[:_LONGEST_MESSAGE]


def _json_object(response: requests.Response) -> dict[str, Any] | None:
    try:
        payload = json.loads(response.content, object_pairs_hook=_hide_signature)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _hide_signature(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if isinstance(fields.get("signature"), str):
        fields["signature"] = Secret(fields["signature"])
    return fields


def _message_in(response: requests.Response, payload: Mapping[str, Any]) -> str:
    if 300 <= response.status_code < 400:
        origin = _origin(response.headers.get("Location", ""))
        return f"a redirect to {origin}, which is not followed: is the base URL right?"
    for field in ("message", "error"):
        words = payload.get(field)
        if isinstance(words, str) and words.strip():
            return words
    if response.ok:
        return 'a 2xx that says "status": 0'
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    return f"{response.reason or 'no reason given'}{f' (an answer of type {kind})' if kind else ''}"


def _origin(location: str) -> str:
    try:
        target = urlsplit(location)
        return f"{target.scheme}://{target.netloc.rpartition('@')[2]}" if target.netloc else "another path"
    except ValueError:
        return "a malformed URL"


def _errors_in(payload: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    errors = payload.get("errors")
    if not isinstance(errors, Mapping):
        return []
    return [
        (str(field), [str(text) for text in (texts if isinstance(texts, list) else [texts])])
        for field, texts in errors.items()
    ]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds to wait by ``Retry-After`` (RFC 9110, 10.2.3); a date is compared with the server's own clock."""
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):  # the RFC has whole seconds; some servers send fractions
        return float(value)
    moment = _http_date(value)
    if moment is None:
        return None
    now = _http_date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (moment - now).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _short_path(path: str) -> str:
    return path if len(path) <= 120 else f"{path[:117]}..."
