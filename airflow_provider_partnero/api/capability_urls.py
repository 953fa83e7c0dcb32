"""URLs that are themselves a secret: which service they are for, and where in the URL the secret is.

This works on the text and not on a parsed URL: a URL within a URL, and one that cannot be parsed, are secret, too. It
is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from airflow_provider_partnero.api.services import SERVICES, Service

_HOST = re.compile(r"(?<![\w.-])[\w-]++\.[\w.-]++(?::\d{0,5})?")  # or any text with a dot
_LONGEST_HOST = 260  # characters, with its port
_PARAMETER = re.compile(r"[?&#;]([^=&;#?]{1,60})=([^&;#?\s]+)")


@dataclass(frozen=True, slots=True)
class Capability:
    """A secret part of a URL.

    :param service: name of the service that is called with it.
    :param start: where it starts in the URL.
    :param end: where it ends.
    """

    service: str
    start: int
    end: int


def capabilities(url: str) -> list[Capability]:
    """The parts of a URL that a known service is called with, from left to right, without overlaps."""
    found: list[Capability] = []
    with_parameters: dict[Service, None] = {}
    for service, hit in (*_on_known_hosts(url), *_on_any_host(url)):
        if service.parameters:
            with_parameters[service] = None
        if hit.re.groups and hit.start(1) < hit.end(1):
            found.append(Capability(service.name, *hit.span(1)))
    found += _in_parameters(url, with_parameters)
    return _without_overlaps(found)


def hide_capabilities(url: str, hidden: str) -> str:
    """The URL with a text in place of each of its :func:`capabilities`."""
    pieces, shown = [], 0
    for capability in capabilities(url):
        pieces += [url[shown : capability.start], hidden]
        shown = capability.end
    return "".join((*pieces, url[shown:]))


def _on_known_hosts(url: str) -> Iterator[tuple[Service, re.Match[str]]]:
    place = 0
    while host := _HOST.search(url, place):
        place = host.end()
        for service in _services_of(host[0]):
            hit = _match(service, url, host)
            if hit:
                yield service, hit
                place = max(place, hit.end())  # no text is matched twice
                break


def _match(service: Service, url: str, host: re.Match[str]) -> re.Match[str] | None:
    if not service.path:
        return _pattern(service.host).match(url, host.start(), host.end())
    if service.host and not _pattern(service.host).fullmatch(host[0].partition(":")[0].rstrip(".")):
        return None
    return _pattern(service.path).match(url, host.end())


def _services_of(host: str) -> Iterable[Service]:
    name = host.partition(":")[0].rstrip(".")
    if len(name) > _LONGEST_HOST:
        return ()
    by_domain, domain = _by_domain(), name.casefold()
    while "." in domain:
        if domain in by_domain:
            return by_domain[domain]
        domain = domain.partition(".")[2]
    return ()


def _on_any_host(url: str) -> Iterator[tuple[Service, re.Match[str]]]:
    if not _anywhere().search(url):
        return
    for service in SERVICES:
        if not service.domains:
            yield from ((service, hit) for hit in _pattern(service.path).finditer(url))


def _in_parameters(url: str, services: Iterable[Service]) -> Iterator[Capability]:
    wanted: dict[str, list[Service]] = {}
    for service in services:
        for name in service.parameters.split():
            wanted.setdefault(name, []).append(service)
    if not wanted:
        return
    for parameter in _PARAMETER.finditer(url):
        for service in wanted.get(parameter[1].lower(), ()):
            if _pattern(service.value).match(url, parameter.start(2)):
                yield Capability(service.name, *parameter.span(2))
                break


def _without_overlaps(found: list[Capability]) -> list[Capability]:
    kept: list[Capability] = []
    for capability in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or capability.start >= kept[-1].end:
            kept.append(capability)
        elif capability.end > kept[-1].end:
            kept[-1] = Capability(kept[-1].service, kept[-1].start, capability.end)
    return kept


@cache
def _by_domain() -> dict[str, tuple[Service, ...]]:
    found: dict[str, tuple[Service, ...]] = {}
    for service in SERVICES:
        for domain in service.domains.split():
            found[domain] = (*found.get(domain, ()), service)
    return found


@cache
def _anywhere() -> re.Pattern[str]:
    """What some service on any host matches: one search tells that none does, as for most URLs."""
    return re.compile("|".join(service.path for service in SERVICES if not service.domains), re.IGNORECASE)


@cache
def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.IGNORECASE)
