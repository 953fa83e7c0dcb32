"""The live webhooks as a declaration: planning with it finds nothing to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.names import normal_name
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.webhooks.placeholders import filled, without_secrets
from airflow_provider_partnero.webhooks.texts import counted, listed

SCHEMA_FILE = "partnero-webhooks.schema.json"

# Plain scalars that no version of YAML takes for anything but a text.
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ -]*[A-Za-z0-9]")
_PLAIN_EVENT = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9./_~%?&=+-]*[A-Za-z0-9/]")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "none", "y", "n"})
_TEMPLATE = re.compile(r"\{(?=[{%#])")  # what Airflow would render
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def export(webhooks: Iterable[Webhook], *, program: str = "") -> str:
    """A declaration file in YAML with all webhooks, sorted by name and key.

    A webhook's key is written as a comment; and as a field where the name alone does not tell which webhook is meant,
    or where the URL's secret is written as ``***``, which a plan fills from the live webhook. No signing secret is
    written. A webhook that cannot be declared, such as one without events, is left out, and a comment says why.

    :param webhooks: all live webhooks.
    :param program: what the programme is called; empty if that is not known.
    """
    return "\n".join([*_lines(sorted(webhooks, key=lambda one: (one.name, one.key)), program), ""])


def _lines(webhooks: list[Webhook], program: str) -> Iterator[str]:
    names = Counter(normal_name(webhook.name) for webhook in webhooks)
    yield f"# yaml-language-server: $schema={SCHEMA_FILE}"
    yield f"# The webhooks of {_quoted(program) if program else 'a programme'} at Partnero. Here `***` in a URL stands"
    yield "# for its secret part, which stays as it is there. To rename a webhook, write its key as a field first."
    specs = [_spec_of(webhook, is_key_needed=names[normal_name(webhook.name)] > 1) for webhook in webhooks]
    yield "webhooks:" if any(isinstance(spec, WebhookSpec) for spec in specs) else "webhooks: []"
    for webhook, spec in zip(webhooks, specs, strict=True):
        yield from _entry(spec, webhook) if isinstance(spec, WebhookSpec) else _left_out(webhook, spec)


def _spec_of(webhook: Webhook, *, is_key_needed: bool) -> WebhookSpec | str:
    """The declaration of a webhook; or why there is none."""
    if not webhook.unreadable <= {"signature"}:
        return listed(webhook.oddities, most=6)
    url = without_secrets(webhook.url)
    key = webhook.key if is_key_needed or "***" in url else None
    try:
        spec = WebhookSpec(webhook.name, url, webhook.events, webhook.is_active, key)
    except ValueError as error:
        return str(error)
    left = filled(spec, webhook).differences(webhook)
    return f"it would be read as another {listed([change.field for change in left])}" if left else spec


def _entry(spec: WebhookSpec, webhook: Webhook) -> Iterator[str]:
    if spec.key is None:
        yield f"  # key {_scalar(webhook.key, _PLAIN_NAME)}"
    yield f"  - name: {_scalar(spec.name, _PLAIN_NAME)}"
    if spec.key is not None:
        yield f"    key: {_scalar(spec.key, _PLAIN_NAME)}"
    yield f"    url: {_scalar(spec.url, _PLAIN_URL)}"
    if not spec.is_active:
        yield "    is_active: false"
    yield "    events:"
    for event in spec.events:
        yield f"      - {_scalar(event, _PLAIN_EVENT)}"


def _left_out(webhook: Webhook, why: str) -> Iterator[str]:
    events = counted(len(webhook.events), "event")
    yield f"  # left out: {_quoted(webhook.name)} (key {_quoted(webhook.key)}), {events}:"
    yield f"  # {_quoted(why)}"


def _scalar(text: str, plain: re.Pattern[str]) -> str:
    return text if plain.fullmatch(text) and text.lower() not in _WORDS else _quoted(text)


def _quoted(text: str) -> str:
    """The text as YAML's double-quoted scalar, on one line, without anything that a template engine would render."""
    letters = (_ESCAPES.get(letter) or (letter if letter.isprintable() else _escaped(letter)) for letter in text)
    return f'"{_TEMPLATE.sub(_escaped_brace, "".join(letters))}"'


def _escaped(letter: str) -> str:
    number = ord(letter)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _escaped_brace(_brace: re.Match[str]) -> str:
    return "\\x7b"
