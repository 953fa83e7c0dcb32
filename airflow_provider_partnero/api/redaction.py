"""Secrets in URLs: the URL without them, for logs, errors, plans and reports.

What is shown can be read by many and for long, so everything is hidden that MAY be a secret: hiding too much costs a
reader little. Whether a URL has a secret that somebody must act on is another question, and the audit answers it more
strictly (:mod:`airflow_provider_partnero.webhooks.url_secrets`): a finding that is wrong costs trust.

Everything here works on the text and not on a parsed URL: a URL that cannot be parsed may hold a password, too.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from airflow_provider_partnero.api.capability_urls import capabilities, hide_capabilities
from airflow_provider_partnero.api.secret_forms import KNOWN_TOKEN, is_secret_name
from airflow_provider_partnero.api.url_parameters import LEVELS, Secrecy, secret_parameters

HIDDEN = "***"

_LONGEST_CODE = 19  # characters; a longer ?code= may be the key of an Azure function, a shorter one may be anything
_AUTHORITY = re.compile(r"^([^/?#@\\]*:)?[/\\]{2}([^/?#\\]*)")
_LOGIN_WITHIN = re.compile(r"(?<=://)[^\s/?#&@:]+:[^\s/?#&@]+(?=@)")
# What stands where a port should is a password if it is not a number: "@host" was forgotten, or its "@" is encoded.
_NOT_A_PORT = re.compile(r"^(\s*[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:\[\]]+:)(?!\d{1,5}(?:[\s/?#]|$))[^\s/?#]+")


def redact_url(url: str) -> str:
    """The URL with ``***`` in place of what may be secret.

    That is the userinfo, the value of a parameter with a secret's name
    (:func:`~airflow_provider_partnero.api.secret_forms.is_secret_name`), a secret in a URL within the URL, a token
    known by its form, and what a service is called with that knows its callers by their URL (Slack, Zapier, n8n).

    Never raises, whatever the text. In a malformed URL whose userinfo has no clear end, everything up to the last ``@``
    is hidden. An address that is only seen to be secret once it is percent-decoded is shown decoded.
    """
    url = _hide_userinfo(_revealing(url))
    pieces, shown = [], 0
    for parameter in secret_parameters(url, _SUSPECTED):
        pieces += [url[shown : parameter.start], HIDDEN]
        shown = parameter.end
    url = _LOGIN_WITHIN.sub(HIDDEN, "".join((*pieces, url[shown:])))
    url = _NOT_A_PORT.sub(rf"\1{HIDDEN}", url)
    return KNOWN_TOKEN.sub(HIDDEN, hide_capabilities(url, HIDDEN))


def _revealing(url: str) -> str:
    """The URL, percent-decoded if only that reveals that it is the secret address of a service."""
    decoded = url
    for _ in range(LEVELS):
        if "%" not in decoded or capabilities(url):
            return url
        decoded = unquote(decoded)
        if capabilities(decoded):
            return decoded
    return url


def _may_be_secret(name: str, value: str) -> bool:
    return is_secret_name(name) or (name.lower() == "code" and len(value) > _LONGEST_CODE)


def _may_hold_secret(text: str) -> bool:
    has_login = "://" in text and (_hide_userinfo(text) != text or _LOGIN_WITHIN.search(text) is not None)
    return has_login or KNOWN_TOKEN.search(text) is not None or bool(capabilities(text))


_SUSPECTED = Secrecy(_may_be_secret, _may_hold_secret)


def _hide_userinfo(url: str) -> str:
    if "@" not in url:
        return url
    authority = _AUTHORITY.match(url.lstrip())
    if authority is None or not _ends_in_host(authority[2]):
        scheme = re.match(r"\s*[A-Za-z][A-Za-z0-9+.-]*:[/\\]+", url)
        start = scheme.end() if scheme else 0
        return f"{url[:start]}{HIDDEN}{url[url.rindex('@') :]}" if url.rindex("@") > start else url
    userinfo, at, host = authority[2].rpartition("@")
    if not at or not userinfo:
        return url
    start = len(url) - len(url.lstrip()) + authority.start(2)
    return f"{url[:start]}{HIDDEN}@{host}{url[start + len(authority[2]) :]}"


def _ends_in_host(authority: str) -> bool:
    """Whether the userinfo is followed by a host with a number, or nothing, as its port."""
    return re.fullmatch(r"(\[[^\]\s]*\]|[^\s:\[\]]+)(:\d*)?", authority.rpartition("@")[2]) is not None
