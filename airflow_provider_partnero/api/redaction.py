"""Secrets in URLs: which parts are secret, and the URL without them.

Everything here works on the text and not on a parsed URL: a URL that cannot be parsed may hold a password, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

HIDDEN = "***"

_WORDS = """
    auth authorization bearer cred credential credentials jwt pass passphrase passwd password pin pwd secret session
    sessionid sid sig signature token
"""
_ENDINGS = """
    token secret password passwd passphrase signature apikey accesskey authkey secretkey privatekey signingkey
"""
# Words that make a "..._key" an identifier and not a secret.
_IDENTIFIERS = """
    event foreign idempotency object partition primary public publishable site sort webhook
"""
_SECRET_WORDS = frozenset(_WORDS.split())
_SECRET_ENDINGS = tuple(_ENDINGS.split())
_HARMLESS_KEYS = frozenset(_IDENTIFIERS.split())

# A long ?code= is the key of an Azure function; a short one may be anything.
_FUNCTION_KEY = re.compile(r"[^&;#]{20}")

_AUTHORITY = re.compile(r"^([^/?#@\\]*:)?[/\\]{2}([^/?#\\]*)")
_PARAMETER = re.compile(r"[?#&;]([^=&;#?]*)=")
_VALUE = re.compile(r"[^&;#]+")
_ENCODED = re.compile(r"[^&;#?]*")
_LEVELS = 2  # of percent-encoding that are decoded: a URL in a URL in a URL
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Tokens known by their form: Stripe, GitHub, GitLab, Slack, AWS, Google, Telegram, JSON Web Tokens. They start at the
# start of a word, which also keeps the search linear.
_TOKEN_FORM = re.compile(
    r"(?<![\w-])(?:(?:sk|rk|whsec)_(?:live_|test_)?[0-9A-Za-z]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}"
    r"|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|bot\d{6,}:[\w-]{30,}"
    r"|eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]{4,})"
)
# Services that have the token in the path; the first group is what comes before the token.
_TOKEN_PATH = re.compile(
    r"(?<![\w-])(hooks\.slack\.com(?::\d+)?/(?:services|workflows|triggers)/"
    r"|discord(?:app)?\.com(?::\d+)?/api/(?:v\d+/)?webhooks/\d+/"
    r"|maker\.ifttt\.com(?::\d+)?/trigger/[^/?#\s]+/(?:json/)?with/key/)[^/?#\s][^?#\s]*",
    re.IGNORECASE,
)
# Services that are called at a URL which cannot be guessed. There is no other way to use them, so the audit does not
# report such a URL. Whoever knows it can send anything there, so it is not shown either.
_CATCH_PATH = re.compile(
    r"(?<![\w-])(hooks\.zapier\.com(?::\d+)?/hooks/\w+/\d+/|hook\.(?:[\w-]+\.)?(?:make|integromat)\.com(?::\d+)?/)"
    r"[^/?#\s][^?#\s]*",
    re.IGNORECASE,
)
_LOGIN_WITHIN = re.compile(r"(?<=://)[^\s/?#&@:]+:[^\s/?#&@]+(?=@)")
# What stands where a port should is a password if it is not a number: "@host" was forgotten, or its "@" is encoded.
_NOT_A_PORT = re.compile(r"^(\s*[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:\[\]]+:)(?!\d{1,5}(?:[\s/?#]|$))[^\s/?#]+")


def redact_url(url: str) -> str:
    """The URL with ``***`` in place of what may be secret.

    That is the userinfo, the value of a parameter with a secret's name (:func:`is_secret_name`), a secret in a URL
    within the URL, a token known by its form or place, and the part of a Zapier or Make hook that cannot be guessed.

    Never raises, whatever the text. In a malformed URL whose userinfo has no clear end, everything up to the last ``@``
    is hidden.
    """
    url = _hide_userinfo(url)
    pieces, shown = [], 0
    for _, start, end in _secrets(url):
        pieces += [url[shown:start], HIDDEN]
        shown = end
    url = _LOGIN_WITHIN.sub(HIDDEN, "".join((*pieces, url[shown:])))
    url = _NOT_A_PORT.sub(rf"\1{HIDDEN}", url)
    for path in (_TOKEN_PATH, _CATCH_PATH):
        url = path.sub(rf"\1{HIDDEN}", url)
    return _TOKEN_FORM.sub(HIDDEN, url)


def has_userinfo(url: str) -> bool:
    """Whether the URL, or a URL within it, has a user name or a password before its host."""
    return _hide_userinfo(url) != url or _LOGIN_WITHIN.search(url) is not None


def secret_parameters(url: str) -> tuple[str, ...]:
    """The names of the parameters, in query and fragment, that have secret values: decoded, each name once."""
    return tuple(dict.fromkeys(name for name, start, end in _secrets(url) if url[start:end] != HIDDEN))


def has_telltale_token(url: str) -> bool:
    """Whether the URL holds a token known by its form (``ghp_...``, ``sk_live_...``, a JWT) or by its place (the path
    of a Slack or Discord hook).
    """
    return _TOKEN_FORM.search(url) is not None or _TOKEN_PATH.search(url) is not None


def is_secret_name(name: str) -> bool:
    """Whether a parameter of this name holds a secret: ``token``, ``api_key``, ``accessToken``, ``auth[secret]``...

    Only whole words count, so ``author`` and ``keyword`` do not. ``public_key`` and ``webhook_key`` are identifiers.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    if not _SECRET_WORDS.isdisjoint(words) or "".join(words).endswith(_SECRET_ENDINGS):
        return True
    return words[-1] in {"key", "keys"} and _HARMLESS_KEYS.isdisjoint(words)


def _secrets(url: str, levels: int = _LEVELS) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each secret value. Other values are searched too, since they may be URLs with secrets.

    :param levels: how many times a value is decoded to see whether it is a URL with a secret.
    """
    place = 0
    while parameter := _PARAMETER.search(url, place):
        place = parameter.end()
        name = "".join(letter for letter in unquote(parameter[1]) if letter.isprintable())
        is_secret = is_secret_name(name) or (name.lower() == "code" and _FUNCTION_KEY.match(url, place))
        value = _VALUE.match(url, place) if is_secret else None
        if value is None and levels:
            encoded = _ENCODED.match(url, place)
            value = encoded if encoded and _holds_secret(encoded[0], levels - 1) else None
        if value:
            yield name, place, value.end()
            place = value.end()


def _holds_secret(value: str, levels: int) -> bool:
    decoded = unquote(value) if "%" in value else value
    if decoded == value:
        return False
    has_login = "://" in decoded and has_userinfo(decoded)
    return has_login or has_telltale_token(decoded) or next(_secrets(decoded, levels), None) is not None


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
