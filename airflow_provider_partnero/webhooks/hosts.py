"""Kinds of hosts: internal ones, throw-away services, allowed ones.

Hosts are given in their normal form (:func:`~airflow_provider_partnero.api.urls.normal_host`).
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Iterable

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.api.urls import Address, address_of, is_host, normal_host
from airflow_provider_partnero.webhooks.wildcard_dns import resolved_address

# Top-level names that no public resolver answers: RFC 2606, 6761, 6762, 8375, 9476 (.alt), ICANN's SSAC 113 (.internal)
# and its name collision list (.corp, .home, .mail), and names that routers, offices, Kubernetes, Consul, Docker and LXD
# commonly use, and Fly.io's .flycast.
_INTERNAL_NAMES = """
    localhost localdomain local internal intranet private corp home home.arpa lan mail svc test invalid alt consul
    docker lxd workgroup flycast
"""
_INTERNAL_SUFFIXES = frozenset(_INTERNAL_NAMES.split())
_OVERLAYS = {"onion": "Tor", "i2p": "I2P"}  # RFC 7686; networks that are reached with software of their own

# Services that show what arrives at a URL to everybody who knows it, and tunnels to a developer's machine. Pipedream's
# request bins are here, but not its workflows (m.pipedream.net), which run in production.
_INSPECTION_SERVICES = """
    webhook.site webhook.cool requestbin.com requestbin.io requestbin.net requestbin.fullcontact.com requestb.in
    rbaskets.in x.pipedream.net beeceptor.com hookbin.com smee.io postb.in requestcatcher.com requestinspector.com
    typedwebhook.tools webhook-test.com webhookinbox.com play.svix.com requestrepo.com httpdump.app ptsv2.com ptsv3.com
    putsreq.com mocky.io mockbin.io mockbin.org httpbin.org postman-echo.com mock.pstmn.io
    burpcollaborator.net oastify.com oast.fun oast.live oast.me oast.online oast.pro oast.site interact.sh dnslog.cn
"""
_TUNNELS = """
    ngrok.io ngrok.app ngrok.dev ngrok.com ngrok-free.app ngrok-free.dev localtunnel.me loca.lt trycloudflare.com
    localhost.run lhr.life lhr.rocks lhrtunnel.link serveo.net serveousercontent.com pagekite.me tunnelmole.net bore.pub
    telebit.io loophole.site devtunnels.ms sharedwithexpose.com pinggy.io pinggy.link pinggy.online pktriot.net
    ultrahook.com loclx.io share.zrok.io webhookrelay.com tunnelto.dev app.github.dev gitpod.io csb.app
"""
_THROW_AWAY_SERVICES = frozenset((_INSPECTION_SERVICES + _TUNNELS).split())

_WILDCARDS = frozenset("*?")


def internal_kind(host: str) -> str | None:
    """Why a host cannot be reached from the internet, in words that follow "is"; None for a public one.

    An IPv4 address embedded in an IPv6 address (IPv4-mapped, 6to4, NAT64) is judged as that IPv4 address, and a name
    that has its address in it (``10.0.0.1.nip.io``) as that address.
    """
    address = address_of(host)
    if address is not None:
        return _address_kind(address)
    if "." not in host:
        return "the machine itself" if host == "localhost" else "a bare name that only an internal network knows"
    address = resolved_address(host)
    if address is not None:
        kind = _address_kind(address)
        return kind and f"a name for {kind} ({address})"
    return _name_kind(host)


def _name_kind(host: str) -> str | None:
    network = _OVERLAYS.get(host.rpartition(".")[2])
    if network:
        return f"a name that only the {network} network knows"
    if host.startswith("internal-") and host.endswith(".elb.amazonaws.com"):  # AWS keeps this prefix for itself
        return "a load balancer inside a network at AWS"
    suffix = next((suffix for suffix in _suffixes(host) if suffix in _INTERNAL_SUFFIXES), None)
    return suffix and f"a name under .{suffix}, which only an internal network knows"


def throw_away_service(host: str) -> str | None:
    """The inspection or tunnel service whose host this is, or is below; None for other hosts."""
    return next((suffix for suffix in _suffixes(host) if suffix in _THROW_AWAY_SERVICES), None)


def host_matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A function that says whether a host matches one of the patterns.

    :param patterns: host names and addresses in which ``*`` stands for any characters, including dots, and ``?`` for
        one. ``*.example.com`` matches every host below ``example.com``, but neither ``example.com`` itself nor
        ``evil-example.com``.
    :raises ValueError: a pattern is not a host, or could match other owners' hosts, as ``hooks.*`` could; the message
        names it and what is allowed.
    """
    expressions = [fnmatch.translate(_check_pattern(pattern)) for pattern in patterns]
    matches = re.compile("|".join(expressions or ["(?!)"])).match  # (?!) never matches
    return lambda host: matches(host) is not None


def _check_pattern(pattern: object) -> str:
    allowed = "must be a host such as 'hooks.example.com' or a pattern such as '*.example.com', without scheme and port"
    if not isinstance(pattern, str):
        raise ValueError(f"allowed_hosts: {short_repr(pattern)}: {allowed}")
    host = normal_host(pattern.strip().removeprefix("[").removesuffix("]"))
    if not is_host(host.replace("*", "a").replace("?", "a")):
        raise ValueError(f"allowed_hosts: {short_repr(pattern)}: {allowed}")
    if not _names_an_owner(host):
        raise ValueError(
            f"allowed_hosts: {short_repr(pattern)} would match hosts of other owners, such as evil-example.com for "
            "'*example.com' and hooks.evil.example for 'hooks.*'; write '*.example.com', and add 'example.com' "
            "if you mean that too"
        )
    return host


def _names_an_owner(pattern: str) -> bool:
    """Whether the pattern's last two labels name the owner of the hosts, or it matches any host (below a name)."""
    *front, last = pattern.split(".")
    if pattern == "*":
        return True
    owner = [last] if front == ["*"] else [*front[-1:], last]
    return not _WILDCARDS.intersection("".join(owner))


def _suffixes(host: str) -> Iterable[str]:
    labels = host.split(".")
    return (".".join(labels[start:]) for start in range(len(labels)))


def _address_kind(address: Address) -> str | None:
    address = _embedded_ipv4(address) or address
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local):
        return "a link-local address"
    if address.is_unspecified:
        return "the unspecified address"
    if address.is_multicast or address.is_reserved:
        return "a reserved address"
    return None if address.is_global else "an address of a private network"


def _embedded_ipv4(address: Address) -> ipaddress.IPv4Address | None:
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
