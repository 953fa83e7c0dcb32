"""What a plan does with one webhook, in lines of text: as people read it in a log, and as a diff."""

from __future__ import annotations

import re
from collections.abc import Iterator

from airflow_provider_partnero.api.redaction import HIDDEN, redact_url
from airflow_provider_partnero.api.specs import Change, FieldValue
from airflow_provider_partnero.webhooks.actions import Action, Kept, Unreadable
from airflow_provider_partnero.webhooks.destinations import Destination
from airflow_provider_partnero.webhooks.texts import listed, visible, visible_start

_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_DIFF_SIGNS = {"create": "+", "update": "!", "delete": "-"}  # "!" is a changed line to what colours a diff
_LABEL_WIDTH = 11
_MOST_EVENTS = 30  # of one webhook, in a diff
_LONGEST = 60  # characters of a name or a key, and of an event in a diff
_LONGEST_HOST = 60  # characters of a host, from its end
_AUTHORITY = re.compile(r"[^:/]+://([^/?#]*)[/?#]?")
_PORT = re.compile(r":\d*$")
_SAME = "they differ in a part that is not shown"


def named(name: str) -> str:
    """A name in double quotes. No quote within it seems to end it: what follows is the plan's word again."""
    shown = visible_start(name, _LONGEST).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}"'


def action_lines(action: Action) -> Iterator[str]:
    """A write, in the style of ``terraform plan``, without secrets."""
    yield f"  {_SIGNS[action.kind]} {_title(action)}"
    for change in action.changes:
        yield from _change_lines(change)
    if action.kind == "update":
        return
    if action.webhook and action.webhook.oddities:
        yield _line("odd", listed(action.webhook.oddities, most=6))
    for label, value in _content(action):
        yield _line(label, _show(label, value))


def diff_lines(action: Action) -> Iterator[str]:
    """A write as lines of a diff: what is there now begins with ``-``, what will be there with ``+``."""
    sign = _DIFF_SIGNS[action.kind]
    yield f"{sign} {_title(action)}"
    for change in action.changes:
        yield from _changed_lines(change)
    if action.kind == "update":
        return
    for label, value in _content(action):
        first, *more = _events_of(value) if isinstance(value, tuple) else [_show(label, value)]
        yield f"{sign}{_line(label, first)}"
        yield from (f"{sign}{_line('', event)}" for event in more)


def unreadable_lines(left: Unreadable) -> Iterator[str]:
    """A webhook that is left alone, since it cannot be read."""
    yield f"  ! leave {named(left.name)} ({left.label})"
    yield _line("unreadable", listed(left.webhook.oddities, most=6))


def kept_line(kept: Kept) -> str:
    """A webhook that is protected, and why."""
    verb = "changed" if kept.kind == "update" else "deleted"
    return f"  = keep {named(kept.name)} (key {_short(kept.webhook.key)}): not {verb}, since {kept.why}"


def sent_and_came_back(change: Change) -> str:
    """``url: sent "...", came back as "..."``: how Partnero stores a field, without a URL's secrets."""
    sent, came_back = _show(change.field, change.new), _show(change.field, change.old)
    hidden = f" ({_SAME})" if sent == came_back else ""
    return f"{change.field}: sent {sent}, came back as {came_back}{hidden}"


def _title(action: Action) -> str:
    key = f" (key {_short(action.key)})" if action.key else ""
    return f"{action.kind} {named(action.name)}{key}"


def _content(action: Action) -> list[tuple[str, FieldValue]]:
    subject = action.spec or action.webhook
    if subject is None:
        return []
    events = tuple(sorted(set(subject.events)))
    return [("url", subject.url), ("events", events), ("is_active", subject.is_active)]


def _change_lines(change: Change) -> Iterator[str]:
    if isinstance(change.old, tuple) and isinstance(change.new, tuple):
        event_lines = [f"+ {visible(event)}" for event in sorted(set(change.new) - set(change.old))]
        event_lines += [f"- {visible(event)}" for event in sorted(set(change.old) - set(change.new))]
        for position, event in enumerate(event_lines):
            yield _line("" if position else "events", event)
        return
    old, new = _show(change.field, change.old), _show(change.field, change.new)
    hidden = f"  ({_SAME})" if old == new else ""
    yield _line(change.field, f"{old} -> {new}{hidden}")


def _changed_lines(change: Change) -> Iterator[str]:
    if isinstance(change.old, tuple) and isinstance(change.new, tuple):
        gone, added = set(change.old) - set(change.new), set(change.new) - set(change.old)
        for sign, events in (("-", gone), ("+", added)):
            for event in _events_of(tuple(sorted(events))) if events else ():
                yield f"{sign}{_line(change.field, event)}"
        return
    old, new = _show(change.field, change.old), _show(change.field, change.new)
    hidden = f"  ({_SAME})" if old == new else ""
    yield f"-{_line(change.field, old)}"
    yield f"+{_line(change.field, new)}{hidden}"


def _events_of(events: tuple[str, ...]) -> list[str]:
    shown = [_short(event) for event in events[:_MOST_EVENTS]] or ["none"]
    left_out = len(events) - _MOST_EVENTS
    return [*shown, f"... and {left_out:,} more"] if left_out > 0 else shown


def _show(field: str, value: FieldValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(visible(event) for event in sorted(value)) or "none"
    return _show_url(str(value)) if field == "url" else named(str(value))


def _show_url(url: str) -> str:
    """The URL, and the host where deliveries go if the URL does not show that plainly: other letters may look like
    those of a known host, and a long one may be cut off before the part that says whose it is.
    """
    destination = Destination.of(url)
    if destination.host is None:
        return destination.shown
    name = f"[{destination.host}]" if ":" in destination.host else destination.host
    host, shown_host = _host_in(redact_url(f"https://{name}/")), _host_in(destination.shown).casefold()
    if shown_host == host or (HIDDEN in shown_host and HIDDEN not in host):  # the address hides more of it
        return destination.shown
    end = host if len(host) <= _LONGEST_HOST else f"…{host[1 - _LONGEST_HOST :]}"
    return f"{destination.shown} (host {end})"


def _host_in(url: str) -> str:
    authority = _AUTHORITY.match(url)
    return _PORT.sub("", authority[1].rpartition("@")[2]) if authority else ""


def _short(text: str) -> str:
    return visible_start(text, _LONGEST)


def _line(label: str, text: str) -> str:
    return f"      {label.ljust(_LABEL_WIDTH)}{text}"
