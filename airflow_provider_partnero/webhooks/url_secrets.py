"""Secrets that a URL should not have: what the audit reports.

This is stricter than what is hidden when a URL is shown (:mod:`airflow_provider_partnero.api.redaction`). There, a name
like ``key`` is enough. Here, the value must say so as well: people stop reading an audit that calls ``?key=orders`` a
secret. Neither decision is made from the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from airflow_provider_partnero.api.capability_urls import capabilities, hide_capabilities
from airflow_provider_partnero.api.secret_forms import KNOWN_TOKEN, is_surely_secret
from airflow_provider_partnero.api.url_parameters import LEVELS, Secrecy, secret_parameters
from airflow_provider_partnero.webhooks.texts import quoted

_LONGEST_JUDGED = 10_000  # characters of a URL; none that works is as long
# user:password@host with a scheme or without one. "mailto:somebody@example.com" has no password.
_LOGIN = re.compile(
    r"""\s*(?:
        [a-z][a-z0-9+.-]*:[/\\]{2}[^/?#\\]*[^/?#\\:]:?@  # before the host
        | [a-z][a-z0-9+.-]*://[^\s/?#@:\[\]]+:(?!\d*(?:[/?#]|$))[^?#]*?(?:@|%40)  # with a slash, or with @ encoded
        | (?!(?:mailto|acct|sips?|xmpp):)[\w.+-]+:[^\s/?#@]+@[\w.-]  # without a scheme
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_LOGIN_WITHIN = re.compile(r"(?<=://)[^\s/?#&@:]+:[^\s/?#&@]+(?=@)")


@dataclass(frozen=True, slots=True)
class UrlSecrets:
    """What is secret in a URL beyond doubt.

    :param removable: what can be taken out of it, in words that follow "holds".
    :param service: the service that the URL is the secret address of, or forwards to; None if it is none. That secret
        cannot be taken out, and is not among the removable ones.
    """

    removable: tuple[str, ...]
    service: str | None

    @classmethod
    def of(cls, url: str) -> UrlSecrets:
        """Judge a URL; never raises, whatever the text. Only the first 10,000 characters are judged."""
        url = url[:_LONGEST_JUDGED]
        service = _service(url)
        return cls(tuple(_removable_secrets(hide_capabilities(url, "") if service else url)), service)


def _removable_secrets(url: str) -> list[str]:
    found = ["a user name or password"] if _has_login(url) else []
    names = dict.fromkeys(parameter.name for parameter in secret_parameters(url, _SURE))
    found += [f"a secret in its parameter {quoted(name, 40)}" for name in names]
    return found or (["an access token"] if KNOWN_TOKEN.search(url) else [])


def _service(url: str) -> str | None:
    for _ in range(LEVELS + 1):
        found = capabilities(url)
        if found:
            return found[0].service
        decoded = unquote(url) if "%" in url else url
        if decoded == url:
            return None
        url = decoded
    return None


def _has_login(url: str) -> bool:
    return ("@" in url or "%40" in url) and (_LOGIN.match(url) is not None or _LOGIN_WITHIN.search(url) is not None)


def _is_surely_secret(name: str, value: str) -> bool:
    return is_surely_secret(name, unquote(value.partition("?")[0]))


def _surely_holds_secret(text: str) -> bool:
    text = hide_capabilities(text, "")
    return ("://" in text and _has_login(text)) or KNOWN_TOKEN.search(text) is not None


_SURE = Secrecy(_is_surely_secret, _surely_holds_secret)
