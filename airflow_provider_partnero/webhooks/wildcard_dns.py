"""Names whose DNS entry follows from the name: those that stand for the machine itself, and those with an address in
them (``10-0-0-1.nip.io``).
"""

from __future__ import annotations

import ipaddress
import re

from airflow_provider_partnero.api.urls import Address

_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")

# Every name below these is the machine itself.
_LOOPBACK_DOMAINS = """
    localtest.me lvh.me vcap.me lacolhost.com localho.st local.gd localhost.direct fuf.me yoogle.com traefik.me
"""
_LOOPBACK_OWNERS = frozenset(_LOOPBACK_DOMAINS.split())
# Names below these have the address in them.
_ADDRESS_DOMAINS = "nip.io sslip.io xip.io traefik.me local-ip.co local-ip.sh plex.direct"
_ADDRESS_OWNERS = frozenset(_ADDRESS_DOMAINS.split())

_IPV4 = re.compile(r"(?:^|[.-])(\d{1,3}([.-])\d{1,3}\2\d{1,3}\2\d{1,3})(?:$|[.-])")
_IPV4_IN_HEX = re.compile(r"(?:^|[.-])([0-9a-f]{8})(?:$|[.-])")
_IPV6 = re.compile(r"(?:^|\.)([0-9a-f]{0,4}(?:-[0-9a-f]{0,4}){2,7})$")


def resolved_address(host: str) -> Address | None:
    """The address that a wildcard name stands for; None for other names.

    :param host: in normal form.
    """
    owner = ".".join(host.rsplit(".", 2)[-2:])
    address = _address_in(host.removesuffix(owner).removesuffix(".")) if owner in _ADDRESS_OWNERS else None
    return _LOOPBACK if address is None and owner in _LOOPBACK_OWNERS else address


def _address_in(name: str) -> Address | None:
    """The address in a name, as nip.io and sslip.io read it: with dots or dashes, in hexadecimal, IPv6 with dashes."""
    try:
        if found := _IPV4.search(name):
            return ipaddress.IPv4Address(found[1].replace("-", "."))
        if found := _IPV4_IN_HEX.search(name):
            return ipaddress.IPv4Address(int(found[1], 16))
        if found := _IPV6.search(name):
            return ipaddress.IPv6Address(found[1].replace("-", ":"))
    except ValueError:
        return None
    return None
