"""What no source says about Partnero, as switches: one :class:`Profile` is one way in which it might turn out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Profile:
    """How the sandbox behaves where Partnero's documentation leaves a choice. The default is the likeliest guess.

    Each switch says how surely its default is known: *documented* (by Partnero's pages), *seen* (in samples, in its
    SDKs or in the framework it is built with), or *assumed* (no source at all).

    :param taken_key: what a create with a key already in use does. ``"422"``: refused as a validation error;
        ``"409"``: refused as a conflict; ``"upsert"``: changes the webhook that has the key, whose signature stays;
        ``"second"``: makes a second webhook, under a fresh key that its answer bears; ``"ignored"``: a supplied key
        is never honoured, taken or not, the server always makes its own. Assumed.
    :param limit_out_of_range: ``"422"`` refuses a ``limit`` below 10 or above ``max_limit``, and a ``page`` below 1;
        ``"clamp"`` moves them to the nearest allowed value. The range is documented, the refusal assumed.
    :param max_limit: the largest ``limit``, at least 10. 100 is documented; another one with ``"clamp"`` is a server
        that gives fewer items than asked for.
    :param list_form: ``"data"``: the list alone, as the webhooks page documents it; ``"simple"``: Laravel's simple
        pagination with ``links`` and ``meta``, no total, ``status: 1``, seen on Partnero's other list pages;
        ``"full"``: pagination with ``meta.last_page``, ``meta.total`` and ``links.last``, assumed.
    :param retry_after: how a ``Retry-After`` is written: ``"seconds"``, HTTP ``"date"``, or ``"none"`` (never sent).
        Assumed; Laravel's throttle sends seconds.
    :param create_status: 200 is documented for webhooks, 201 for other resources.
    :param delete_status: 200 with ``{"status": 1}`` is documented, 204 without a body stands in the list of codes.
    :param delete_missing: deleting what is not there: ``"404"`` or ``"ok"`` (as if it had been). Assumed.
    :param empty_events: ``events: []``: ``"422"`` or ``"accept"``. Assumed; Laravel's ``required`` refuses it.
    :param order: of the list: ``"oldest"`` or ``"newest"`` first. Assumed.
    :param delivery_bytes: ``"php"``: deliveries look like PHP's ``json_encode`` (``\\/``, ``\\uXXXX``), seen;
        ``"compact"``: like JavaScript's ``JSON.stringify``.
    :param envelope: ``"new"``: ``event, url, webhook_key, created_at, data`` with the header ``Signature`` over the raw
        body, documented; ``"old"``: ``event, data, timestamp`` with ``X-Partnero-Signature`` over re-serialised JSON,
        as older public pages had it.
    :raises ValueError: a value is not one of those allowed; the message names the switch, the value and the choice.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    taken_key: Literal["422", "409", "upsert", "second", "ignored"] = "422"
    limit_out_of_range: Literal["422", "clamp"] = "422"
    max_limit: int = 100
    list_form: Literal["data", "simple", "full"] = "simple"
    retry_after: Literal["seconds", "date", "none"] = "seconds"
    create_status: Literal[200, 201] = 200
    delete_status: Literal[200, 204] = 200
    delete_missing: Literal["404", "ok"] = "404"
    empty_events: Literal["422", "accept"] = "422"
    order: Literal["oldest", "newest"] = "oldest"
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
        """The profile written as ``"taken_key=upsert,list_form=full"``; what is left out keeps its default.

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
"""What each switch may be; ``max_limit``, which is not among them, is any whole number from 10."""
