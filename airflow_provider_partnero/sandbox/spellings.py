"""Ways in which a server may write a webhook's URL or name differently from what it was sent. All are assumed."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urldefrag, urlsplit

_LONGEST_NAME = 50
_KEPT = "%:/?#[]@!$&'()*+,;="  # what may stand in a URL as it is, besides letters, digits and "-._~"

Rewrite = Callable[[str], str]


def spelled(body: Mapping[str, Any], spelling: str) -> dict[str, Any]:
    """The body of a create or update, with its name and URL as the server takes them."""
    name, url = _REWRITES[spelling]
    rewrites: dict[str, Rewrite] = {"name": name, "url": url}
    return {field: _rewritten(value, rewrites.get(field, _as_sent)) for field, value in body.items()}


def _rewritten(value: Any, rewrite: Rewrite) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return rewrite(value)
    except ValueError:  # not a URL, nor a host that has an ASCII form
        return value


def _as_sent(text: str) -> str:
    return text


def _without_slash(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rstrip("/")).geturl()


def _in_punycode(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    encoded = host.encode("idna").decode()
    at = parts.netloc.lower().rfind(host)
    return parts._replace(netloc=parts.netloc[:at] + encoded + parts.netloc[at + len(host) :]).geturl()


def _percent_encoded(url: str) -> str:
    return quote(url, safe=_KEPT)


def _without_fragment(url: str) -> str:
    return urldefrag(url).url


def _html_escaped(text: str) -> str:
    """As PHP's ``htmlspecialchars``, which escapes what is escaped already once more."""
    return html.escape(text).replace("&#x27;", "&#039;")


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


# What happens to the name, and what to the URL.
_REWRITES: Mapping[str, tuple[Rewrite, Rewrite]] = {
    "as-sent": (_as_sent, _as_sent),
    "trimmed": (str.strip, str.strip),
    "no-trailing-slash": (_as_sent, _without_slash),
    "punycode": (_as_sent, _in_punycode),
    "percent-encoded": (_as_sent, _percent_encoded),
    "no-fragment": (_as_sent, _without_fragment),
    "html-escaped": (_html_escaped, _html_escaped),
    "cut-50": (lambda name: name[:_LONGEST_NAME], _as_sent),
    "nfc": (_nfc, _nfc),
}
