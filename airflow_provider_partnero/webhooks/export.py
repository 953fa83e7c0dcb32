"""The live webhooks as a declaration: planning with it finds nothing to do."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.names import normal_name, trimmed
from airflow_provider_partnero.api.redaction import HIDDEN, redact_url
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.webhooks.ownership import declared_keys
from airflow_provider_partnero.webhooks.placeholders import filled, without_secrets
from airflow_provider_partnero.webhooks.schema import SCHEMA_FILE
from airflow_provider_partnero.webhooks.texts import counted, listed

# Plain scalars that no version of YAML takes for anything but a text.
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ -]*[A-Za-z0-9]")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")  # in a comment
_PLAIN_EVENT = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9./_~%?&=+-]*[A-Za-z0-9/]")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "none", "y", "n"})
_TEMPLATE = re.compile(r"\{(?=[{%#])")  # what Airflow would render
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}

_SHORTEST_SECRET = 8  # characters; a shorter text may be in a URL or name by chance
_MOST_ALIKE = 20  # secrets that begin alike, each of which is looked for


def export(webhooks: Iterable[Webhook], *, program: str = "", partnero_conn_id: str | None = None) -> str:
    """A declaration file in YAML with all webhooks, sorted by name and key.

    A webhook's key is written as a comment; and as a field where the name alone does not tell which webhook is meant,
    or where the URL's secret is written as ``***``, which a plan fills from the live webhook. No secret is written,
    neither one in a URL nor a signing secret, whichever webhook's it is and wherever it stands. A webhook that cannot
    be declared, such as one without events, is left out, and a comment says why.

    :param webhooks: all live webhooks.
    :param program: what the programme is called; empty if that is not known.
    :param partnero_conn_id: the connection of the plans; None if it is not known. It matters where a webhook that
        :class:`PartneroReconcileWebhooksOperator` made was renamed, and another one has its old name now.
    """
    live = sorted(webhooks, key=lambda one: (trimmed(one.name), one.key))
    return "\n".join([*_lines(live, _Namesakes.of(live, partnero_conn_id), _Signatures.of(live), program), ""])


@dataclass(frozen=True, slots=True)
class _Namesakes:
    """Tells which names do not say which webhook is meant."""

    names: Counter[str]
    keys: Set[str]
    partnero_conn_id: str | None

    @classmethod
    def of(cls, webhooks: list[Webhook], partnero_conn_id: str | None) -> _Namesakes:
        names = Counter(normal_name(webhook.name) for webhook in webhooks)
        return cls(names, {webhook.key for webhook in webhooks}, partnero_conn_id)

    def has(self, webhook: Webhook) -> bool:
        """Whether another webhook has the name, or the key by which a plan would look for it."""
        if self.names[normal_name(webhook.name)] > 1:
            return True
        derived = declared_keys(self.partnero_conn_id, webhook.name) if self.partnero_conn_id is not None else ()
        return any(key in self.keys and key != webhook.key for key in derived)


@dataclass(frozen=True, slots=True)
class _Signatures:
    """Hides the programme's signing secrets, in a time that is linear in the text however many there are."""

    by_start: Mapping[str, list[str]]

    @classmethod
    def of(cls, webhooks: list[Webhook]) -> _Signatures:
        by_start: defaultdict[str, list[str]] = defaultdict(list)
        for secret in {webhook.signature for webhook in webhooks if webhook.signature}:
            if len(secret) >= _SHORTEST_SECRET:
                by_start[secret[:_SHORTEST_SECRET]].append(secret)
        return cls(by_start)

    def hide(self, text: str) -> str:
        """A name, key or event without the secrets that somebody wrote into it."""
        return _URL.sub(lambda url: redact_url(url[0]), self.hide_in_url(text))

    def hide_in_url(self, url: str) -> str:
        """A URL without signing secrets, and as it was otherwise."""
        pieces: list[str] = []
        shown = 0
        for at in range(len(url)):
            alike = self.by_start.get(url[at : at + _SHORTEST_SECRET])
            end = _end_of_secret(alike, url, at) if alike else 0
            if end <= shown:
                continue
            if at > shown or not pieces:
                pieces += [url[shown:at], HIDDEN]
            shown = end
        return "".join((*pieces, url[shown:]))


def _end_of_secret(secrets: list[str], text: str, at: int) -> int:
    """Where the longest one ends that begins there; the text's end if too many may begin there, and 0 if none does."""
    if len(secrets) > _MOST_ALIKE:
        return len(text)
    return max((at + len(secret) for secret in secrets if text.startswith(secret, at)), default=0)


def _lines(webhooks: list[Webhook], namesakes: _Namesakes, signatures: _Signatures, program: str) -> Iterator[str]:
    specs = [_spec_of(webhook, signatures, is_key_needed=namesakes.has(webhook)) for webhook in webhooks]
    yield f"# yaml-language-server: $schema={SCHEMA_FILE}"
    yield f"# The webhooks of {_quoted(program) if program else 'a programme'} at Partnero."
    yield "# Where an editor shall complete and check this file, put that schema beside it:"
    yield f"#   python -m airflow_provider_partnero schema > {SCHEMA_FILE}"
    yield "# To rename a webhook, write its key as a field as well, or it is taken for a new one."
    if any(isinstance(spec, WebhookSpec) and HIDDEN in spec.url for spec in specs):
        yield f"# {HIDDEN} in a URL stands for its secret part, which stays as it is at Partnero."
    yield "webhooks:" if any(isinstance(spec, WebhookSpec) for spec in specs) else "webhooks: []"
    for webhook, spec in zip(webhooks, specs, strict=True):
        yield from _entry(spec, webhook) if isinstance(spec, WebhookSpec) else _left_out(webhook, signatures, spec)


def _spec_of(webhook: Webhook, signatures: _Signatures, *, is_key_needed: bool) -> WebhookSpec | str:
    """The declaration of a webhook; or why there is none."""
    if not webhook.unreadable <= {"signature"}:
        return listed(webhook.oddities, most=6)
    if any(signatures.hide(text) != text for text in (webhook.name, webhook.key, *webhook.events)):
        return "its name, key or events hold what may be a secret"
    url = without_secrets(signatures.hide_in_url(webhook.url))
    key = webhook.key if is_key_needed or HIDDEN in url else None
    try:
        spec = WebhookSpec(webhook.name, url, webhook.events, webhook.is_active, key)
    except ValueError as error:
        return str(error)
    left = filled(spec, webhook).differences(webhook)
    return f"it would be read as another {listed([change.field for change in left])}" if left else spec


def _entry(spec: WebhookSpec, webhook: Webhook) -> Iterator[str]:
    if spec.key is None:
        yield f"  # key {_scalar(webhook.key, _PLAIN_KEY)}"
    yield f"  - name: {_scalar(spec.name, _PLAIN_NAME)}"
    if spec.key is not None:
        yield f"    key: {_scalar(spec.key, _PLAIN_NAME)}"
    yield f"    url: {_scalar(spec.url, _PLAIN_URL)}"
    if not spec.is_active:
        yield "    is_active: false"
    yield "    events:"
    for event in spec.events:
        yield f"      - {_scalar(event, _PLAIN_EVENT)}"


def _left_out(webhook: Webhook, signatures: _Signatures, why: str) -> Iterator[str]:
    name, key, reason = (signatures.hide(text) for text in (webhook.name, webhook.key, why))
    yield f"  # left out: {_quoted(name)} (key {_quoted(key)}), {counted(len(webhook.events), 'event')}:"
    yield f"  #   {_quoted(reason)}"
    yield "  #   It counts as undeclared: prune=True deletes it."


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
