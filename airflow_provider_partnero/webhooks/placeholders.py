"""URLs that are declared without their secret part: ``***`` stands for whatever the live webhook has there.

So a declaration can be read, reviewed and kept in a repository by people who must not know the secret.
"""

from __future__ import annotations

import re
from dataclasses import replace

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.redaction import HIDDEN, redact_url
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.api.urls import split_url

_AUTHORITY = re.compile(r"(.*?://[^/?#\\]*)(.*)", re.DOTALL)  # a browser takes a backslash for a slash


def has_placeholder(spec: WebhookSpec) -> bool:
    """Whether a part of the declared URL is only known to the live webhook."""
    return HIDDEN in spec.url


def filled(spec: WebhookSpec, live: Webhook) -> WebhookSpec:
    """The specification with the live URL, if that is the declared one with something in place of each ``***``.

    Otherwise it stays as it is: the live webhook delivers elsewhere, or its URL cannot be declared.
    """
    if not (has_placeholder(spec) and _fits(spec.url, live.url)):
        return spec
    try:
        return replace(spec, url=live.url)
    except ValueError:  # such as a control character in the secret part
        return spec


def without_secrets(url: str) -> str:
    """The URL with ``***`` in place of its secrets, so that :func:`filled` finds the URL again."""
    shown = redact_url(url)
    if _fits(shown, url):
        return shown
    parts = split_url(url)
    origin = f"{parts.scheme}://{parts.netloc}/" if parts else ""
    is_public = bool(origin) and redact_url(origin) == origin  # a host may be a secret, too
    return f"{origin}{HIDDEN}" if is_public and _fits(f"{origin}{HIDDEN}", url) else _only_scheme(url)


def _only_scheme(url: str) -> str:
    scheme, found, _ = url.partition("://")
    return f"{scheme}://{HIDDEN}" if found else HIDDEN


def _fits(declared: str, url: str) -> bool:
    """Whether a URL is the declared one with any text in place of each ``***``. Linear in both.

    What stands for a part of the host, or of the user before it, stays within that: the host is the declared one, and
    ``https://***@good.example/`` is not ``https://evil.example/?@good.example/``. Only a declared URL that has no more
    than its scheme is any URL of that scheme.
    """
    ours, theirs = _AUTHORITY.fullmatch(declared), _AUTHORITY.fullmatch(url)
    if ours is None or theirs is None or declared == _only_scheme(declared):
        return _fills(declared, url)
    return all(_fills(one, other) for one, other in zip(ours.groups(), theirs.groups(), strict=True))


def _fills(declared: str, text: str) -> bool:
    first, *others = declared.split(HIDDEN)
    if not others:
        return declared == text
    *between, last = others
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in between:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
