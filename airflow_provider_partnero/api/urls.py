"""One normal form of a URL: two URLs that reach the same resource have the same one.

Creating, adopting, planning and auditing all compare URLs by it, and by nothing else. It follows RFC 3986, section 6.2
(syntax-based and scheme-based normalisation), and the WHATWG URL standard for hosts, which is what clients go by.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_LONGEST_NAME = 253  # RFC 1035, 3.1
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986, 2.3
_ASCII = "".join(map(chr, range(128)))


def normal_url(url: str) -> str:
    """The URL's normal form; a text that no client could deliver to is its own.

    Scheme and host in lower case, the host as :func:`normal_host` has it, no default port, ``/`` for an empty path, no
    fragment. In path and query, what is percent-encoded without need is decoded, other percent-encodings are in upper
    case, and what is not ASCII is percent-encoded as UTF-8. Path, query, order of the query, user information, scheme
    and port tell URLs apart.
    """
    if not is_plain(url):
        return url
    try:
        parts = urlsplit(url)
        host, port = normal_host(parts.hostname or ""), parts.port
    except ValueError:
        return url
    if parts.scheme not in DEFAULT_PORTS or port == 0 or not is_host(host):
        return url
    return parts._replace(
        netloc=_authority(parts, host, port),
        path=_normal_encoding(parts.path) or "/",
        query=_normal_encoding(parts.query),
        fragment="",
    ).geturl()


def is_plain(text: str) -> bool:
    """Whether a text has none of what clients read in different ways: spaces, control characters and backslashes."""
    return text.isprintable() and "\\" not in text and not any(letter.isspace() for letter in text)


def normal_host(host: str) -> str:
    """The host as clients look it up: lower case, no percent-encoding, no final dot, Punycode for what is not ASCII, an
    address in its usual form. What cannot be put into Punycode stays, in lower case.

    :param host: without brackets.
    """
    host = _in_ascii(unquote(host).lower()).removesuffix(".")
    address = address_of(host)
    return host if address is None else str(address)


def is_host(host: str) -> bool:
    """Whether a normal host is an IP address or a well-formed host name."""
    if address_of(host) is not None:
        return True
    # What ends in a number is an address or nothing (WHATWG URL, "ends in a number").
    return len(host) <= _LONGEST_NAME and bool(_HOST_NAME.fullmatch(host)) and not _ends_in_number(host)


def address_of(host: str) -> Address | None:
    """The IP address that a host in lower case stands for; None for a name.

    IPv4 in every form that clients follow (WHATWG URL, "IPv4 parser"): ``127.1``, ``2130706433``, ``0x7f000001``,
    ``0177.0.0.1``.
    """
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host)
        except ValueError:
            return None
    return _ipv4_of(host)


def _authority(parts: SplitResult, host: str, port: int | None) -> str:
    userinfo, at, _ = parts.netloc.rpartition("@")
    where = f"[{host}]" if ":" in host else host
    return f"{userinfo}{at}{where}" if port in {None, DEFAULT_PORTS[parts.scheme]} else f"{userinfo}{at}{where}:{port}"


def _normal_encoding(text: str) -> str:
    return _ENCODED.sub(_normal_octet, text if text.isascii() else quote(text, safe=_ASCII))


def _normal_octet(encoded: re.Match[str]) -> str:
    letter = chr(int(encoded[0][1:], 16))
    return letter if letter in _UNRESERVED else encoded[0].upper()


def _in_ascii(host: str) -> str:
    if host.isascii() or len(host) > _LONGEST_NAME:
        return host
    # Python's own codec is of 2003: it makes fass.de of faß.de, which clients of today take for another domain.
    from idna import IDNAError, uts46_remap  # comes with requests

    try:
        labels = uts46_remap(host, std3_rules=False).split(".")
        return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)
    except (IDNAError, UnicodeError):
        return host


def _ends_in_number(host: str) -> bool:
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _ipv4_of(host: str) -> ipaddress.IPv4Address | None:
    parts = host.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        *leading, last = [_whole_number(part) for part in parts]
    except ValueError:
        return None
    if any(number > 255 for number in leading) or last >= 256 ** (4 - len(leading)):
        return None
    return ipaddress.IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(leading)) + last)


def _whole_number(digits: str) -> int:
    if len(digits) > 16:
        raise ValueError
    if digits.startswith("0x"):
        return int(digits[2:] or "0", 16)
    return int(digits, 8) if digits.startswith("0") and digits != "0" else int(digits)
