"""The normal form of URLs: two URLs that reach the same resource have the same normal form.

Creating, adopting, planning and auditing all compare URLs by their normal form. It follows RFC 3986, section 6.2
(syntax-based and scheme-based normalisation), and for hosts the WHATWG URL standard, which HTTP clients follow.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from urllib.parse import SplitResult, quote, unquote, urlsplit

from airflow_provider_partnero.api.names import unescaped

DEFAULT_PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_LONGEST_NAME = 253  # RFC 1035, 3.1
_ANY_NAME = re.compile(r"[a-z0-9._~!$&'()*+,;=-]*[a-z0-9_~!$&'()*+,;=-]")  # RFC 3986, "reg-name", decoded
_AUTHORITY = re.compile(r"[^/?#]*//[^/?#]*")
_LONGEST_AUTHORITY = 1_000  # characters; splitting takes the square of a run of combining characters
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986, 2.3
_ASCII = "".join(map(chr, range(128)))


def normal_url(url: str) -> str:
    """The URL's normal form; a text that is not a usable http(s) URL is returned unchanged.

    The scheme is in lower case, the host as :func:`normal_host` makes it, an empty path is ``/``, and a default port or
    a fragment is dropped. In path and query, needless percent-encodings are decoded, the others are in upper case, and
    non-ASCII characters and stray percent signs are percent-encoded. URLs that differ in scheme, userinfo, port, path
    (dot segments, too) or query keep different normal forms; so do URLs whose parameters are in another order.
    """
    parts = split_url(url) if is_plain(url) else None
    if parts is None or parts.scheme not in DEFAULT_PORTS:
        return url
    try:
        host, port = normal_host(parts.hostname or ""), parts.port
    except ValueError:
        return url
    if port == 0 or not _fits(host, parts.netloc):
        return url
    return parts._replace(
        netloc=_authority(parts, host, port),
        path=_normal_encoding(parts.path) or "/",
        query=_normal_encoding(parts.query),
        fragment="",
    ).geturl()


def loose_url(url: str) -> str:
    """What is left of a URL when servers have rewritten it. URLs of one loose form may reach different resources.

    It is the normal form of the URL without HTML entities, composed (NFC), and without a slash at the end of its path.
    """
    url = unescaped(url)
    if not url.isascii() and len(url) <= _LONGEST_AUTHORITY:  # composing takes the square of combining characters
        url = unicodedata.normalize("NFC", url)
    address, question_mark, query = normal_url(url).partition("?")
    return address.rstrip("/") + question_mark + query


def split_url(url: str) -> SplitResult | None:
    """The parts of a URL; None if it cannot be split, or its host could only be split slowly."""
    authority = _AUTHORITY.match(url)
    if authority and len(authority[0]) > _LONGEST_AUTHORITY and not authority[0].isascii():
        return None
    try:
        parts = urlsplit(url)
        _ = parts.hostname
    except ValueError:
        return None
    return parts


def is_plain(text: str) -> bool:
    """Whether a text is free of what clients read in different ways: spaces, control characters and backslashes."""
    return text.isprintable() and "\\" not in text and " " not in text  # no other white space is printable


def normal_host(host: str) -> str:
    """The host as clients look it up: in lower case, percent-decoded, without a trailing dot, non-ASCII labels in
    Punycode, IP addresses in their usual form. A host that has no Punycode form is only put in lower case.

    :param host: without brackets.
    """
    host = _to_ascii(unquote(host).lower()).removesuffix(".")
    address = address_of(host)
    return host if address is None else str(address)


def is_host(host: str) -> bool:
    """Whether a normal host is an IP address or a well-formed host name."""
    if address_of(host) is not None:
        return True
    # A host that ends in a number must be an IP address (WHATWG URL, "ends in a number").
    return len(host) <= _LONGEST_NAME and bool(_HOST_NAME.fullmatch(host)) and not _ends_in_number(host)


def address_of(host: str) -> Address | None:
    """The IP address that a host stands for; None for a name.

    IPv4 is read in every form that clients accept (WHATWG URL, "IPv4 parser"): ``127.1``, ``2130706433``,
    ``0x7f000001``, ``0177.0.0.1``.

    :param host: in lower case.
    """
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host)
        except ValueError:
            return None
    return _parse_ipv4(host)


def _authority(parts: SplitResult, host: str, port: int | None) -> str:
    userinfo, at, _ = parts.netloc.rpartition("@")
    where = f"[{host}]" if ":" in host else host
    return f"{userinfo}{at}{where}" if port in {None, DEFAULT_PORTS[parts.scheme]} else f"{userinfo}{at}{where}:{port}"


def _fits(host: str, netloc: str) -> bool:
    """Whether a host can stand in a URL in place of the one it is the normal form of."""
    if ":" in host or "[" in netloc:
        return "[" in netloc and ":" in host and "%" not in host and is_host(host)
    return _ANY_NAME.fullmatch(host) is not None


def _normal_encoding(text: str) -> str:
    encoded = _STRAY_PERCENT.sub("%25", text if text.isascii() else quote(text, safe=_ASCII))
    return _ENCODED.sub(_normal_octet, encoded)


def _normal_octet(encoded: re.Match[str]) -> str:
    letter = chr(int(encoded[0][1:], 16))
    return letter if letter in _UNRESERVED else encoded[0].upper()


def _to_ascii(host: str) -> str:
    if host.isascii() or len(host) > _LONGEST_NAME:
        return host
    # Python's own codec implements IDNA 2003: it turns faß.de into fass.de, which today is another domain.
    from idna import IDNAError, uts46_remap  # comes with requests

    try:
        labels = uts46_remap(host, std3_rules=False).split(".")
        return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)
    except (IDNAError, UnicodeError):
        return host


def _ends_in_number(host: str) -> bool:
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _parse_ipv4(host: str) -> ipaddress.IPv4Address | None:
    parts = host.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        *leading, last = [_parse_number(part) for part in parts]
    except ValueError:
        return None
    if any(number > 255 for number in leading) or last >= 256 ** (4 - len(leading)):
        return None
    return ipaddress.IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(leading)) + last)


def _parse_number(digits: str) -> int:
    if len(digits) > 16:
        raise ValueError
    if digits.startswith("0x"):
        return int(digits[2:] or "0", 16)
    return int(digits, 8) if digits.startswith("0") and digits != "0" else int(digits)
