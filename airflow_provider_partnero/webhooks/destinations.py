"""A webhook's URL, parsed: where its deliveries go, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import SplitResult, unquote

from airflow_provider_partnero.api.quoting import shortened
from airflow_provider_partnero.api.redaction import redact_url
from airflow_provider_partnero.api.urls import DEFAULT_PORTS, is_host, normal_host, normal_url, split_url
from airflow_provider_partnero.webhooks.hosts import throw_away_service
from airflow_provider_partnero.webhooks.leftovers import leftover
from airflow_provider_partnero.webhooks.texts import visible, visible_start
from airflow_provider_partnero.webhooks.url_secrets import UrlSecrets

RECEIVER_PATH = "/partnero/webhooks/"
"""Where this provider's receiver is, below an API server's URL; the connection's id follows."""

_LONGEST_SHOWN = 100
_LONGEST_HOST = 80


@dataclass(frozen=True)  # without slots, so that what is shown is made once, and only for findings
class Destination:
    """Where a URL leads.

    :param url: as it is given, with its secrets.
    :param scheme: in lower case; empty without one.
    :param host: as :func:`~airflow_provider_partnero.api.urls.normal_host` makes it, without brackets; None
        if the URL has no valid host.
    :param path: as it is in the URL; empty without one.
    :param identity: the URL's normal form: the same for two URLs that reach the same resource.
    :param secrets: what is secret in the URL, and whether it can be taken out.
    :param problem: why nothing can be delivered to it, in words that follow "the URL"; None if something can.
    """

    url: str = field(repr=False)
    scheme: str
    host: str | None
    path: str
    identity: str = field(repr=False)
    secrets: UrlSecrets
    problem: str | None

    @classmethod
    def of(cls, url: str) -> Destination:
        """Parse a URL; never raises, whatever the text."""
        parts = split_url(url)
        if parts is None:
            return cls(url, "", None, "", url, UrlSecrets.of(url), "is malformed")
        host = normal_host(parts.hostname) if parts.hostname else None
        return cls(
            url=url,
            scheme=visible(parts.scheme),
            host=host if host is not None and is_host(host) else None,
            path=parts.path,
            identity=normal_url(url),
            secrets=UrlSecrets.of(url),
            problem=_text_problem(url) or _scheme_problem(parts) or _host_problem(host) or _port_problem(parts),
        )

    @cached_property
    def shown(self) -> str:
        """The URL for people: redacted, visible, shortened."""
        return shown_url(self.url)

    @cached_property
    def shown_host(self) -> str:
        """The host for people: without its secret, if a service has secret hosts, and shortened; empty without one."""
        return shortened(redact_url(self.host), _LONGEST_HOST) if self.host else ""

    @cached_property
    def service(self) -> str | None:
        """What is at the address, as far as it tells; None if it does not.

        That is a service which the URL is a secret address of or forwards to, a service for tests, or a receiver of
        this provider.
        """
        if self.secrets.service or self.host is None:
            return self.secrets.service
        if RECEIVER_PATH in unquote(self.path):
            return "Airflow's receiver"
        if throw_away_service(self.host):
            return "a service for tests"
        return leftover(self.host, self.path)


def shown_url(url: str) -> str:
    """The URL for people: without secrets, visible, in at most 100 characters."""
    return visible_start(redact_url(url), _LONGEST_SHOWN)


def _text_problem(url: str) -> str | None:
    if not url:
        return "is empty"
    if not url.isprintable() or " " in url:  # no other white space is printable
        return "holds a space or a control character"
    # To some clients a backslash ends the host, to others it is part of the userinfo before it.
    return "holds a backslash" if "\\" in url else None


def _scheme_problem(parts: SplitResult) -> str | None:
    if parts.scheme in DEFAULT_PORTS:
        return None
    return "is not an http or https address" if parts.scheme else "has no scheme such as https://"


def _host_problem(host: str | None) -> str | None:
    if host is None:
        return "has no host"
    return None if is_host(host) else "has a host that is neither a name nor an address"


def _port_problem(parts: SplitResult) -> str | None:
    """What is wrong with the port. Python's own message is not used: it may quote a password."""
    try:
        is_valid = parts.port != 0
    except ValueError:
        is_valid = False
    return None if is_valid else "has a port that is not a number from 1 to 65535"
