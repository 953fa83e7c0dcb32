"""What no source says about Partnero, as switches. One :class:`Profile` is one way in which Partnero may behave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Profile:
    """How the sandbox behaves where Partnero's documentation leaves a choice. The defaults are the likeliest guesses.

    Each switch says how well its default is known: *documented* (on Partnero's pages), *seen* (in samples, in
    Partnero's SDKs or in the framework it is built with), or *assumed* (no source at all).

    :param taken_key: what a create with a taken key does. ``"422"``: it is refused as a validation error; ``"409"``:
        it is refused as a conflict; ``"upsert"``: it changes the webhook that has the key, whose signature stays;
        ``"second"``: it creates a second webhook, whose new key is in the answer; ``"ignored"``: the server ignores
        every key it is given, taken or not, and makes its own. Assumed.
    :param limit_out_of_range: ``"422"`` refuses a ``limit`` below 10 or above ``max_limit``, and a ``page`` below 1;
        ``"clamp"`` moves them to the nearest allowed value. The range is documented, the refusal assumed.
    :param max_limit: the largest ``limit``, at least 10. 100 is documented. A smaller one with ``"clamp"`` makes a
        server that gives fewer items than it was asked for.
    :param list_form: ``"data"``: the list alone, as the webhooks page documents it; ``"simple"``: Laravel's simple
        pagination with ``links``, ``meta`` and ``status: 1`` but no total, seen on Partnero's other list pages;
        ``"full"``: pagination with ``meta.last_page``, ``meta.total`` and ``links.last``; ``"paginate"`` and
        ``"simple-paginate"``: Laravel's raw paginators, with ``next_page_url`` and the like beside ``data``;
        ``"per-page"``: ``data`` and ``meta.per_page`` alone; ``"total"``: ``data`` and ``meta.total`` alone. Those from
        ``"full"`` on are assumed.
    :param data_form: ``"list"``: a list answer's ``data`` is a list, documented; ``"object"``: it is an object keyed by
        numbers, ``{}`` without webhooks, as PHP writes an array that was filtered. Assumed.
    :param retry_after: how a ``Retry-After`` is written: ``"seconds"``, HTTP ``"date"``, or ``"none"`` (never sent).
        Assumed; Laravel's throttle sends seconds.
    :param create_status: 200 is documented for webhooks, 201 for other resources.
    :param delete_status: 200 with ``{"status": 1}`` is documented; 204 without a body is in the list of codes.
    :param delete_missing: what deleting a missing webhook gives: ``"404"``, or ``"ok"`` for a success. Assumed.
    :param empty_events: what ``events: []`` gives: ``"422"`` or ``"accept"``. Assumed; Laravel refuses it.
    :param order: order of the list: ``"oldest"`` or ``"newest"`` first; ``"unstable"``: odd pages show the list with
        the oldest first and even pages with the newest first, as a database may order rows that it is not told how
        to order. Some webhooks come twice and others never, the same ones in each reading. Assumed.
    :param spelling: what the server makes of a name and a URL before it checks and stores them. ``"as-sent"``: nothing;
        ``"trimmed"``: white space around both is dropped, as Laravel does unless told otherwise;
        ``"no-trailing-slash"``, ``"punycode"``, ``"percent-encoded"`` and ``"no-fragment"`` rewrite the URL;
        ``"html-escaped"`` escapes both as PHP's ``htmlspecialchars`` does, once more at each update; ``"cut-50"`` cuts
        the name to 50 characters; ``"nfc"`` puts both into Unicode's form NFC. Assumed.
    :param program_form: ``GET /program`` answers ``"nested"`` (``data.program``, documented) or ``"flat"`` (``data``,
        on one of the pages); ``"missing"`` is a 404.
    :param program_type: the programme's type, documented.
    :param unoffered_events: what an event that exists, but not in a programme of this type, gives: ``"accept"`` or
        ``"422"``. The refusal is documented, but not for every event; so the default lets any type show all events.
    :param delivery_bytes: ``"php"``: deliveries look like PHP's ``json_encode`` (``\\/``, ``\\uXXXX``), seen;
        ``"compact"``: like JavaScript's ``JSON.stringify``.
    :param envelope: ``"new"``: ``event, url, webhook_key, created_at, data`` with the header ``Signature`` over the raw
        body, documented; ``"old"``: ``event, data, timestamp`` with ``X-Partnero-Signature`` over re-serialised JSON,
        as on older public pages.
    :raises ValueError: a value is not allowed; the message names the switch, the value and the allowed ones.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    taken_key: Literal["422", "409", "upsert", "second", "ignored"] = "422"
    limit_out_of_range: Literal["422", "clamp"] = "422"
    max_limit: int = 100
    list_form: Literal["data", "simple", "full", "paginate", "simple-paginate", "per-page", "total"] = "simple"
    data_form: Literal["list", "object"] = "list"
    retry_after: Literal["seconds", "date", "none"] = "seconds"
    create_status: Literal[200, 201] = 200
    delete_status: Literal[200, 204] = 200
    delete_missing: Literal["404", "ok"] = "404"
    empty_events: Literal["422", "accept"] = "422"
    order: Literal["oldest", "newest", "unstable"] = "oldest"
    spelling: Literal[
        "as-sent",
        "trimmed",
        "no-trailing-slash",
        "punycode",
        "percent-encoded",
        "no-fragment",
        "html-escaped",
        "cut-50",
        "nfc",
    ] = "as-sent"
    program_form: Literal["nested", "flat", "missing"] = "nested"
    program_type: Literal["Affiliate", "Referral", "Newsletter"] = "Affiliate"
    unoffered_events: Literal["accept", "422"] = "accept"
    delivery_bytes: Literal["php", "compact"] = "php"
    envelope: Literal["new", "old"] = "new"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if not any(value == choice and type(value) is type(choice) for choice in allowed):
                raise ValueError(f"{name} is {value!r}; allowed: {', '.join(map(repr, allowed))}")
        if type(self.max_limit) is not int or self.max_limit < 10:
            raise ValueError(f"max_limit is {self.max_limit!r}; allowed: a whole number from 10")

    @classmethod
    def parse(cls, text: str) -> Profile:
        """The profile written as ``"taken_key=upsert,list_form=full"``; missing switches keep their defaults.

        :raises ValueError: a part is not ``name=value``, or its name or value is unknown.
        """
        defaults = {field.name: field.default for field in fields(cls)}
        chosen: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals:
                raise ValueError(f"{part!r} in the profile is not of the form name=value")
            if name not in defaults:
                raise ValueError(f"{name!r} is not a switch of the profile; allowed: {', '.join(defaults)}")
            is_number = isinstance(defaults[name], int) and value.isdecimal()
            chosen[name] = int(value) if is_number else value
        return cls(**chosen)


CHOICES: Mapping[str, tuple[object, ...]] = {
    name: get_args(hint) for name, hint in get_type_hints(Profile).items() if get_origin(hint) is Literal
}
"""The allowed values of each switch. ``max_limit`` is missing here; it may be any whole number from 10."""
