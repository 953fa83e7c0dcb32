"""A webhook's URL, read once: where its deliveries go, and what is out of order about it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from airflow_provider_partnero.api.addresses import DEFAULT_PORTS, spelled
from airflow_provider_partnero.webhooks.hosts import is_host, normalised_host
from airflow_provider_partnero.webhooks.redaction import redact_url
from airflow_provider_partnero.webhooks.texts import shortened, visible

__all__ = ["Destination", "redact_url", "shown_url"]

_LONGEST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a URL leads.

    :param scheme: in lower case; empty when there is none.
    :param host: as :func:`~airflow_provider_partnero.webhooks.hosts.normalised_host` has it, without brackets; None
        when nobody can say.
    :param identity: the same text for two URLs that reach the same resource: scheme and host in lower case, without
        default port, final dot and fragment, ``/`` for an empty path.
    :param shown: the URL for people: redacted, visible, shortened.
    :param problem: why no client could deliver to it, in words that follow "the URL"; None when one could.
    """

    scheme: str
    host: str | None
    identity: str
    shown: str
    problem: str | None

    @classmethod
    def of(cls, url: str) -> Destination:
        """Read a URL; never raises, whatever the text."""
        shown = shown_url(url)
        parts = _split(url)
        if parts is None:
            return cls("", None, url, shown, "cannot be read as one")
        port, problem = _port_of(parts)
        host = normalised_host(parts.hostname) if parts.hostname else None
        if host is not None and not is_host(host):
            host, problem = None, "has a host that is neither a name nor an address"
        problem = _text_problem(url) or (None if parts.scheme in DEFAULT_PORTS else _scheme_problem(parts)) or problem
        if problem is None and host is None:
            problem = "has no host"
        identity = url if problem or host is None else spelled(parts._replace(fragment=""), host, port)
        return cls(visible(parts.scheme), host, identity, shown, problem)


def shown_url(url: str) -> str:
    """The URL for people: without secrets, visible, in at most 100 characters."""
    return shortened(visible(redact_url(url)), _LONGEST_SHOWN)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.hostname
    except ValueError:
        return None
    return parts


def _port_of(parts: SplitResult) -> tuple[int | None, str | None]:
    """The port and what is wrong with it. Python's own words are left out: they quote what may be a password."""
    problem = "has a port that is no number from 1 to 65535"
    try:
        port = parts.port
    except ValueError:
        return None, problem
    return port, problem if port == 0 else None


def _text_problem(url: str) -> str | None:
    if not url:
        return "is empty"
    if not url.isprintable() or any(letter.isspace() for letter in url):
        return "holds a space or a control character"
    # To some clients a backslash ends the host, to others it is part of the userinfo before it.
    return "holds a backslash" if "\\" in url else None


def _scheme_problem(parts: SplitResult) -> str:
    return "is no http or https address" if parts.scheme else "has no scheme such as https://"
