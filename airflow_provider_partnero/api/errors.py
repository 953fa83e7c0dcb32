"""What can go wrong between a program and Partnero, one class a cause, so that a caller can act on the class alone.

No message ever holds the API token or a webhook's signing secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence


class PartneroError(Exception):
    """Everything this package raises about Partnero (bad arguments are plain :class:`ValueError`)."""


class PartneroConnectionError(PartneroError):
    """No answer: the host is unknown, refuses, is silent, or broke off in the middle.

    :param message: method, path and what happened.
    :param sent: False when certainly nothing reached Partnero, so that even a create may be repeated.
    """

    def __init__(self, message: str, sent: bool = True) -> None:
        super().__init__(message, sent)
        self.message = message
        self.sent = sent

    def __str__(self) -> str:
        return self.message


class PartneroAmbiguousError(PartneroError):
    """A create was sent and its outcome is unknown: it may have happened. Look before you create again."""


class PartneroResponseError(PartneroError):
    """An answer that is not the JSON which the API promises. The body is never quoted: it may hold secrets."""


class PartneroInconsistentReadError(PartneroError):
    """Three readings of the whole list disagreed with each other: webhooks come and go while we read."""


class PartneroAPIError(PartneroError):
    """Partnero answered, and the answer is a refusal.

    :param status: HTTP status code of the answer (a 2xx with ``"status": 0`` in its body is a refusal too).
    :param message: Partnero's own words, or a description where it gave none.
    :param errors: field name -> complaints, from a 422 in Laravel's form; empty otherwise.
    :param request_id: the answer's ``X-Request-Id``, when it has one.
    :param method: HTTP method of the request.
    :param path: path of the request below the base URL.
    :param retry_after: seconds that the answer's ``Retry-After`` asks to wait; None without one.
    """

    def __init__(
        self,
        status: int,
        message: str,
        errors: Mapping[str, Sequence[str]] | None = None,
        request_id: str | None = None,
        method: str = "",
        path: str = "",
        retry_after: float | None = None,
    ) -> None:
        # Everything goes into args, so that the exception survives pickling (Celery) and copying.
        super().__init__(status, message, errors, request_id, method, path, retry_after)
        self.status = status
        self.message = message
        self.errors: dict[str, tuple[str, ...]] = {field: tuple(texts) for field, texts in (errors or {}).items()}
        self.request_id = request_id
        self.method = method
        self.path = path
        self.retry_after = retry_after

    def __str__(self) -> str:
        words = f"{self.method} {self.path}: {self.status} {self.message}".strip(" :")
        if self.errors:
            words += " (" + "; ".join(f"{field}: {' '.join(texts)}" for field, texts in self.errors.items()) + ")"
        if self.request_id:
            words += f" [request {self.request_id}]"
        return words


class PartneroAuthenticationError(PartneroAPIError):
    """401 or 403: the token is refused, or may not do this."""


class PartneroNotFoundError(PartneroAPIError):
    """404: no webhook has this key (or the base URL is not Partnero's API)."""


class PartneroValidationError(PartneroAPIError):
    """422: Partnero refuses the values; ``.errors`` says which field and why."""


class PartneroConflictError(PartneroAPIError):
    """409, or a create whose key belongs to a webhook that differs from the one asked for."""


class PartneroRateLimitError(PartneroAPIError):
    """429 on every attempt; ``.retry_after`` holds the seconds Partnero asked for, or None."""


class PartneroServerError(PartneroAPIError):
    """5xx on every attempt."""


def is_passing(error: BaseException) -> bool:
    """Whether the same request may well succeed later: no answer or a broken one, a list in motion, 408, 429, 5xx."""
    if isinstance(error, PartneroConnectionError | PartneroResponseError | PartneroInconsistentReadError):
        return True
    return isinstance(error, PartneroAPIError) and (error.status in {408, 429} or error.status >= 500)


def is_about_key(error: BaseException) -> bool:
    """Whether Partnero refuses a create because of its ``key``: a 409, or a 422 that names it."""
    if isinstance(error, PartneroValidationError):
        return "key" in error.errors or (not error.errors and re.search(r"\bkey\b", error.message) is not None)
    return isinstance(error, PartneroAPIError) and error.status == 409
