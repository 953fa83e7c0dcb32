"""What can go wrong between a program and Partnero: one class per cause, and one table of what may be tried again.

No message ever holds the API token or a webhook's signing secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto


class PartneroError(Exception):
    """The root of all errors about Partnero; a bad argument is a plain :class:`ValueError`."""


class PartneroConnectionError(PartneroError):
    """No answer: the host is unknown, refuses the connection, is silent, or closes the connection early.

    :param message: method, path and what happened.
    :param sent: False if the request certainly did not reach Partnero; then even a create may be repeated.
    """

    def __init__(self, message: str, sent: bool = True) -> None:
        super().__init__(message, sent)
        self.message = message
        self.sent = sent

    def __str__(self) -> str:
        return self.message


class PartneroAmbiguousError(PartneroError):
    """A create was sent and its outcome is unknown: it may have happened. Look before you create again.

    :param message: what was sent, and why the outcome is unknown.
    :param keys: keys of webhooks that it may have made, if a further try cannot tell either; empty otherwise.
    """

    def __init__(self, message: str, keys: Sequence[str] = ()) -> None:
        super().__init__(message, keys)
        self.message = message
        self.keys = tuple(keys)

    def __str__(self) -> str:
        return self.message


class PartneroDuplicateError(PartneroError):
    """A create finds equal webhooks beside its own, and cannot tell whether it made them too. Nothing was deleted.

    :param message: names all of them, and says what to do.
    :param keys: their keys; the first is the one to keep.
    """

    def __init__(self, message: str, keys: Sequence[str]) -> None:
        super().__init__(message, keys)
        self.message = message
        self.keys = tuple(keys)

    def __str__(self) -> str:
        return self.message


class PartneroResponseError(PartneroError):
    """An answer that is not the JSON that the API promises. The body is never quoted: it may hold secrets."""


class PartneroInconsistentReadError(PartneroError):
    """Three readings of the whole list disagreed: webhooks come and go while we read."""


class PartneroAPIError(PartneroError):
    """Partnero answered, and the answer is a refusal.

    :param status: HTTP status code of the answer (a 2xx with ``"status": 0`` in its body is a refusal too).
    :param message: Partnero's own words, or a description if it gave none.
    :param errors: field name -> complaints, from a 422 in Laravel's form; empty otherwise.
    :param request_id: the answer's ``X-Request-Id``; None without one.
    :param method: HTTP method of the request.
    :param path: path of the request below the base URL.
    :param retry_after: seconds to wait, from the answer's ``Retry-After``; None without one.
    :param has_json: whether the answer's body is a JSON object, as Partnero's own answers are.
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
        has_json: bool = True,
    ) -> None:
        # Everything goes into args, so that the exception survives pickling (Celery) and copying.
        super().__init__(status, message, errors, request_id, method, path, retry_after, has_json)
        self.status = status
        self.message = message
        self.errors: dict[str, tuple[str, ...]] = {field: tuple(texts) for field, texts in (errors or {}).items()}
        self.request_id = request_id
        self.method = method
        self.path = path
        self.retry_after = retry_after
        self.has_json = has_json

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
    """409, or a create whose key belongs to a webhook that differs from the wanted one."""


class PartneroRateLimitError(PartneroAPIError):
    """429 on every attempt; ``.retry_after`` holds the seconds Partnero asked for, or None."""


class PartneroServerError(PartneroAPIError):
    """5xx on every attempt."""


class Request(Enum):
    """What was sent."""

    REPEATABLE = auto()  # GET, PUT, DELETE
    KEYED_CREATE = auto()  # POST with a key
    PLAIN_CREATE = auto()  # POST without a key


class Reaction(Enum):
    """What to do about one failed attempt."""

    RETRY = auto()
    LOOK = auto()  # look for the webhook before anything is sent again; in doubt, patiently
    AMBIGUOUS = auto()  # it may have happened, and there is no way to find out: PartneroAmbiguousError
    RAISE = auto()


class Outlook(Enum):
    """Whether a sensor, a trigger or Airflow's retries may succeed with the same call later."""

    PASSING = auto()  # the same call may well succeed later
    OPEN = auto()  # unclear; worth one of Airflow's retries, but a sensor stops waiting
    FINAL = auto()  # trying again cannot help


@dataclass(frozen=True, slots=True)
class Failure:
    """A row of the table: one way in which an attempt goes wrong.

    :param repeatable: reaction to it after a GET, PUT or DELETE.
    :param keyed_create: reaction to it after a POST with a key. A key is not a lock at Partnero: what a POST with a
        taken key does is not documented. So when the outcome is in doubt, we look before we repeat the POST.
    :param plain_create: reaction to it after a POST without a key; there is no key to look up.
    :param outlook: whether a later call may succeed, once the attempts are used up.
    """

    repeatable: Reaction
    keyed_create: Reaction
    plain_create: Reaction
    outlook: Outlook

    @property
    def is_doubt(self) -> bool:
        """Whether a create that fails in this way may have happened."""
        return self.plain_create is Reaction.AMBIGUOUS

    def reaction(self, request: Request) -> Reaction:
        """The table's entry for a request."""
        match request:
            case Request.REPEATABLE:
                return self.repeatable
            case Request.KEYED_CREATE:
                return self.keyed_create
            case Request.PLAIN_CREATE:
                return self.plain_create


_RETRY, _LOOK, _AMBIGUOUS, _RAISE = Reaction.RETRY, Reaction.LOOK, Reaction.AMBIGUOUS, Reaction.RAISE

# May it be tried again? The answer is here and nowhere else.
# fmt: off
#                       GET, PUT, DELETE  POST with a key  POST without a key
NOT_SENT = Failure(     _RETRY,           _RETRY,          _RETRY,     Outlook.PASSING)  # could not connect
RATE_LIMIT = Failure(   _RETRY,           _LOOK,           _RETRY,     Outlook.PASSING)  # a 429 that says so
IN_DOUBT = Failure(     _RETRY,           _LOOK,           _AMBIGUOUS, Outlook.PASSING)  # it may have happened
LIST_CHANGING = Failure(_RAISE,           _RAISE,          _RAISE,     Outlook.PASSING)  # readings disagree
REFUSED = Failure(      _RAISE,           _RAISE,          _RAISE,     Outlook.FINAL)    # other 3xx and 4xx
UNCLEAR = Failure(      _RAISE,           _RAISE,          _RAISE,     Outlook.OPEN)     # all the rest
# fmt: on


def failure_of(error: BaseException) -> Failure:
    """The row of the table that an error belongs to; a ``ValueError`` is a bad argument, refused before it is sent."""
    match error:
        case PartneroConnectionError():
            return IN_DOUBT if error.sent else NOT_SENT
        case PartneroResponseError():
            return IN_DOUBT
        case PartneroInconsistentReadError():
            return LIST_CHANGING
        case PartneroAPIError():
            return _failure_of_answer(error)
        case PartneroAmbiguousError() if error.keys:
            return REFUSED
        case PartneroDuplicateError():
            return REFUSED  # a further try finds one of the two by its key, and would hide the other
        case ValueError():
            return REFUSED
    return UNCLEAR


def is_passing(error: BaseException) -> bool:
    """Whether the same call may well succeed later: no answer or a broken one, a changing list, 408, 425, 429, 5xx."""
    return failure_of(error).outlook is Outlook.PASSING


def is_final(error: BaseException) -> bool:
    """Whether trying again cannot help: a bad argument, a 3xx or 4xx other than 408, 425 and 429, a create whose
    outcome no further try can tell, and one that left a duplicate.
    """
    return failure_of(error).outlook is Outlook.FINAL


def is_about_key(error: BaseException) -> bool:
    """Whether Partnero refuses a create because of its ``key``: a 409, or a 422 that names it."""
    if isinstance(error, PartneroValidationError):
        return "key" in error.errors or (not error.errors and re.search(r"\bkey\b", error.message) is not None)
    return isinstance(error, PartneroAPIError) and error.status == 409


def _failure_of_answer(error: PartneroAPIError) -> Failure:
    # A status is no proof: a gateway may answer 408, 425, 5xx or a bare 429 for a server that goes on working.
    status = error.status
    if status == 429:
        return RATE_LIMIT if error.has_json or error.retry_after is not None else IN_DOUBT
    if status in {408, 425} or status >= 500 or status < 200:
        return IN_DOUBT
    return REFUSED if status >= 300 else UNCLEAR  # a 2xx that says "status": 0
