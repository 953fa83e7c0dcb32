"""Faults on demand: what happens to the next matching requests instead of, or besides, their proper answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

from airflow_provider_partnero.sandbox.field_checks import check_choice, check_number, check_text
from airflow_provider_partnero.sandbox.wire import Wire

Drop = Literal["before", "after"]
Body = Literal["truncated", "cut", "html", "empty", "not-json", "status-0"]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change that somebody else makes while a request is under way: either ``insert`` or ``delete``.

    :param insert: a webhook to insert, as :meth:`SandboxControl.put_webhooks` takes it; missing fields are filled in.
    :param at: where ``insert`` goes: ``"front"`` (it becomes the oldest) or ``"back"`` (the newest).
    :param delete: key of the webhook to delete; a missing webhook is ignored.
    :raises ValueError: neither or both are given, or a value is not allowed.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    insert: Mapping[str, Any] | None = None
    at: Literal["front", "back"] = "back"
    delete: str | None = None

    def __post_init__(self) -> None:
        if (self.insert is None) == (self.delete is None):
            raise ValueError("a mutation needs either insert (a webhook) or delete (a key), and not both")
        if self.at not in ("front", "back"):
            raise ValueError(f"at is {self.at!r}; allowed: 'front', 'back'")


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault. Only requests of the API under ``/v1`` meet faults, never those of the control API.

    Which requests meet it (all conditions must hold):

    :param method: HTTP method; None for any.
    :param path: regular expression searched in the raw path below the base URL, such as ``r"^/webhooks$"``.
    :param page: value of the ``page`` parameter; a request without one asks for page 1.
    :param times: how many requests meet it before it is used up.
    :param skip: how many matching requests pass before the first one meets it. Requests that meet other faults count.

    What happens (the effects may be combined, unless they contradict each other):

    :param status: HTTP status of the answer, 200 to 599, with an error body in Laravel's form. From 300 on the request
        is not carried out, unless ``applied``. Below 300 it is, and its proper answer gets this status.
    :param retry_after: seconds for a ``Retry-After`` header, written as the profile says.
    :param delay: seconds to wait after the request was carried out and before the answer.
    :param drop: the TCP connection is aborted without an answer, ``"before"`` or ``"after"`` the change was made.
    :param applied: the request is carried out although ``status``, ``body`` or ``redirect`` hide it.
    :param late: seconds after the answer (or ``drop="before"``) at which the request is carried out all the same, as
        behind a gateway that gave up waiting: a 504, and then the webhook appears.
    :param late_requests: the same, counted instead of timed: it is carried out right after this many further requests
        of the API, and the last of them does not see it yet. For tests without a clock.
    :param body: ``"truncated"``: the full Content-Length is announced, but the connection is closed after half of the
        body; ``"cut"``: half of the body, with a matching Content-Length. These two cut the proper answer, so the
        request is carried out unless ``status`` prevents it. ``"html"``: a web page; ``"empty"``: nothing;
        ``"not-json"``: text that claims to be JSON; ``"status-0"``: ``{"status": 0}``. These four come with status 200
        unless ``status`` is given, and the request is not carried out unless ``applied``.
    :param redirect: answer 302 (or the 3xx in ``status``) to this address; not carried out unless ``applied``.
    :param wire: how the answer's bytes travel: interim answers, drips, compression, silence.
    :param mutate: changes made just before the request is carried out, so that pages shift.
    :raises ValueError: a value is out of range, or two values contradict each other.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    method: str | None = None
    path: str | None = None
    page: int | None = None
    times: int = 1
    skip: int = 0
    status: int | None = None
    retry_after: float | None = None
    delay: float = 0.0
    drop: Drop | None = None
    applied: bool = False
    late: float | None = None
    late_requests: int | None = None
    body: Body | None = None
    redirect: str | None = None
    wire: Wire | None = None
    mutate: tuple[Mutation, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "mutate", _mutations(self.mutate))
        object.__setattr__(self, "wire", _wire(self.wire))
        for name in ("method", "path", "redirect"):
            check_text(name, getattr(self, name))
        if self.method is not None:
            object.__setattr__(self, "method", self.method.upper())
        _check_path(self.path)
        check_number("times", self.times, 1)
        check_number("skip", self.skip, 0)
        check_number("delay", self.delay, 0)
        check_number("retry_after", self.retry_after, 0)
        check_number("late", self.late, 0)
        check_number("late_requests", self.late_requests, 1)
        check_number("page", self.page, 1)
        check_number("status", self.status, 200, 599)
        check_choice("drop", self.drop, get_args(Drop))
        check_choice("body", self.body, get_args(Body))
        is_redirect = self.status is not None and 300 <= self.status <= 399
        if is_redirect and self.redirect is None:
            raise ValueError(f"status {self.status} needs redirect, the address to redirect to")
        if self.redirect is not None and not (self.status is None or is_redirect):
            raise ValueError(f"redirect goes with a status of 300 to 399 or none, not with {self.status}")
        answer = {"status": self.status, "body": self.body, "redirect": self.redirect, "retry_after": self.retry_after}
        contradicting = [name for name, value in answer.items() if value is not None]
        if self.drop and contradicting:
            raise ValueError(f"drop means no answer, so it excludes {', '.join(contradicting)}")
        if self.drop == "before" and self.applied:
            raise ValueError("applied contradicts drop='before'; use drop='after'")
        if self.redirect is not None and not _fits_a_header(self.redirect):
            raise ValueError(f"redirect is {self.redirect!r}; allowed: an address")
        if self.redirect is not None and self.body is not None:
            raise ValueError("a redirect has no body to choose; give redirect or body")
        self._check_late()
        self._check_wire()

    def _check_late(self) -> None:
        if not self.is_late:
            return
        name = "late" if self.late is not None else "late_requests"
        if self.late is not None and self.late_requests is not None:
            raise ValueError("give late (seconds) or late_requests (a number), not both")
        if self.applied or self.drop == "after":
            raise ValueError(f"{name} contradicts {'applied' if self.applied else 'drop=' + repr(self.drop)}")
        if self.makes_change:
            raise ValueError(f"{name} needs an answer that comes first: status from 300, drop='before' or body")

    def _check_wire(self) -> None:
        if self.wire is not None and self.body == "truncated":
            raise ValueError("body='truncated' contradicts wire; use its stop_after")
        if self.wire is not None and self.drop and self.wire.changes_answer:
            raise ValueError("drop means no answer, so wire may hold nothing but interim answers")

    @property
    def is_late(self) -> bool:
        """Whether a request that meets this fault is carried out after its answer."""
        return self.late is not None or self.late_requests is not None

    @property
    def makes_change(self) -> bool:
        """Whether a request that meets this fault is carried out before its answer."""
        if self.drop:
            return self.drop == "after"
        if self.applied:
            return True
        if self.status is not None:
            return self.status < 300 and self.body in (None, "truncated", "cut")
        return self.redirect is None and self.body in (None, "truncated", "cut")

    def matches(self, method: str, path: str, page: int) -> bool:
        """Whether a request meets all conditions; ``path`` is the raw path below the base URL."""
        return (
            (self.method is None or self.method == method)
            and (self.path is None or re.search(self.path, path) is not None)
            and (self.page is None or self.page == page)
        )


class FaultQueue:
    """The scripted faults that are left, in the order in which they were scripted."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Script one more fault."""
        self._pending.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self._pending.clear()

    def pending(self) -> tuple[Fault, ...]:
        """The faults that are left; their ``times`` and ``skip`` count down."""
        return tuple(self._pending)

    def take(self, method: str, path: str, page: int) -> Fault | None:
        """The fault for this request: the first one that matches and has nothing left to skip, or None."""
        met: Fault | None = None
        left: list[Fault] = []
        for fault in self._pending:
            if not fault.matches(method, path, page):
                left.append(fault)
            elif fault.skip:
                left.append(replace(fault, skip=fault.skip - 1))
            elif met is not None:
                left.append(fault)
            else:
                met = fault
                if fault.times > 1:
                    left.append(replace(fault, times=fault.times - 1))
        self._pending = left
        return met


def _mutations(given: Sequence[Mutation | Mapping[str, Any]]) -> tuple[Mutation, ...]:
    try:
        return tuple(one if isinstance(one, Mutation) else Mutation(**one) for one in given)
    except TypeError as error:
        raise ValueError(f"mutate holds mutations (insert, at, delete), not {given!r}") from error


def _wire(given: Wire | Mapping[str, Any] | None) -> Wire | None:
    try:
        return Wire(**given) if isinstance(given, Mapping) else given
    except TypeError as error:
        raise ValueError(f"wire holds the fields of a Wire, not {given!r}") from error


def _check_path(path: str | None) -> None:
    try:
        re.compile(path or "")
    except re.error as error:
        raise ValueError(f"path is {path!r}, which is not a regular expression: {error}") from error


def _fits_a_header(text: str) -> bool:
    return bool(text) and text.isprintable() and text == text.strip()
