"""URLs that mean the same, in one spelling (RFC 3986, 6.2.3)."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def comparable_url(url: str) -> str:
    """The URL with its host in lower case, without default port, with ``/`` for an empty path; as it is if it is none.

    What a server may write otherwise than it was sent.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return url
    return spelled(parts, host, port)


def spelled(parts: SplitResult, host: str, port: int | None) -> str:
    """The URL of these parts with another spelling of its host.

    :param host: without brackets.
    """
    userinfo, at, _ = parts.netloc.rpartition("@")
    where = f"[{host}]" if ":" in host else host
    if port not in {None, DEFAULT_PORTS.get(parts.scheme)}:
        where = f"{where}:{port}"
    return parts._replace(netloc=f"{userinfo}{at}{where}", path=parts.path or "/").geturl()
