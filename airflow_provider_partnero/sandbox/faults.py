"""Faults on demand: what the next matching requests meet instead of, or on top of, their proper answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

Drop = Literal["before", "after"]
Body = Literal["truncated", "cut", "html", "empty", "not-json", "status-0"]

_MOST = 1_000_000_000  # a date so many seconds ahead can still be written


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change that somebody else makes to the programme while a request is under way. Give exactly one of two.

    :param insert: a webhook to insert, as :meth:`SandboxControl.put_webhooks` takes it (what is missing is filled in).
    :param at: where ``insert`` goes: ``"front"`` (it becomes the oldest) or ``"back"`` (the newest).
    :param delete: key of the webhook to delete; nothing happens when there is none.
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
        if self.insert is not None and not isinstance(self.insert.get("key", ""), str):
            raise ValueError(f"the key of a webhook is {self.insert['key']!r}; allowed: text")


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault. Only requests of the API under ``/v1`` meet faults, never those of the control API.

    Which requests (all conditions must hold):

    :param method: HTTP method, any when None.
    :param path: regular expression searched in the raw path below the base URL, such as ``r"^/webhooks$"``.
    :param page: the ``page`` parameter, which is 1 when a request has none.
    :param times: how many requests meet it before it is used up.
    :param skip: how many matching requests pass first, counted from when it was scripted, whatever happens to them.

    What happens (they combine, as far as that makes sense):

    :param status: HTTP status to answer, 200 to 599, with an error body in Laravel's form. From 300 on nothing is
        changed, unless ``applied``; below 300 the change is made and its answer given under this status.
    :param retry_after: seconds for a ``Retry-After`` header, written as the profile says.
    :param delay: seconds to wait between what the request does and its answer.
    :param drop: the TCP connection is aborted without an answer, ``"before"`` or ``"after"`` the change was made.
    :param applied: the change is made although the answer (``status``, ``body``, ``redirect``) does not show it.
    :param body: ``"truncated"``: the full Content-Length is announced, half of the body sent, the connection closed;
        ``"cut"``: half of the body, with a Content-Length to match (both cut the real answer, so the change is made,
        unless ``status`` says otherwise); ``"html"``: a web page; ``"empty"``: nothing; ``"not-json"``: text that
        claims to be JSON; ``"status-0"``: ``{"status": 0}``. The last four come with status 200 and without a
        change, unless ``status`` and ``applied`` say otherwise.
    :param redirect: answer 302 (or the 3xx in ``status``) to this address, without a change unless ``applied``.
    :param mutate: changes made to the programme just before the request is carried out, so that pages shift.
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
    body: Body | None = None
    redirect: str | None = None
    mutate: tuple[Mutation, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "mutate", _mutations(self.mutate))
        for name in ("method", "path", "redirect"):
            _check_text(name, getattr(self, name))
        if self.method is not None:
            object.__setattr__(self, "method", self.method.upper())
        _check_path(self.path)
        _check_number("times", self.times, 1)
        _check_number("skip", self.skip, 0)
        _check_number("delay", self.delay, 0)
        _check_number("retry_after", self.retry_after, 0)
        _check_number("page", self.page, 1)
        _check_number("status", self.status, 200, 599)
        _check_choice("drop", self.drop, get_args(Drop))
        _check_choice("body", self.body, get_args(Body))
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

    @property
    def makes_change(self) -> bool:
        """Whether the request is carried out although it meets this fault."""
        if self.drop:
            return self.drop == "after"
        if self.applied:
            return True
        if self.status is not None:
            return self.status < 300 and self.body in (None, "truncated", "cut")
        return self.redirect is None and self.body in (None, "truncated", "cut")

    def matches(self, method: str, path: str, page: int) -> bool:
        """Whether a request meets the conditions; ``path`` is the raw one below the base URL."""
        return (
            (self.method is None or self.method == method)
            and (self.path is None or re.search(self.path, path) is not None)
            and (self.page is None or self.page == page)
        )


class FaultQueue:
    """The scripted faults still to come, in the order in which they were scripted."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Script one more fault."""
        self._pending.append(fault)

    def clear(self) -> None:
        """Forget all of them."""
        self._pending.clear()

    def pending(self) -> tuple[Fault, ...]:
        """What is still to come; ``times`` and ``skip`` hold what is left of them."""
        return tuple(self._pending)

    def take(self, method: str, path: str, page: int) -> Fault | None:
        """The fault that this request meets: the first that matches and has nothing left to skip. None without one."""
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


def _check_path(path: str | None) -> None:
    try:
        re.compile(path or "")
    except re.error as error:
        raise ValueError(f"path is {path!r}, which is no regular expression: {error}") from error


def _fits_a_header(text: str) -> bool:
    return bool(text) and text.isprintable() and text == text.strip()


def _check_text(name: str, value: object) -> None:
    if not (value is None or isinstance(value, str)):
        raise ValueError(f"{name} is {value!r}; allowed: text")


def _check_number(name: str, value: object, least: int, most: int = _MOST) -> None:
    if not (value is None or (isinstance(value, int | float) and least <= value <= most)):
        raise ValueError(f"{name} is {value!r}; allowed: {least} to {most}")


def _check_choice(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise ValueError(f"{name} is {value!r}; allowed: {', '.join(map(repr, allowed))}")
