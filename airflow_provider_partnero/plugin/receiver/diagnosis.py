"""Why a delivery did not verify, in words for the server's log; whoever sent it is told nothing of this."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from airflow_provider_partnero.api.signature import verify

HEADER = "signature"
_OLD_HEADER = "x-partnero-signature"
LARGEST = 16_384  # bytes of a body that is looked at closely
_SHAPE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_SECRETS = 16

# How others write JSON.
_STYLES: tuple[Callable[[Any], str], ...] = (
    lambda value: _php(json.dumps(value, separators=(",", ":"))),
    lambda value: json.dumps(value, separators=(",", ":")),
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),  # JavaScript
    lambda value: _php(json.dumps(value, separators=(",", ":"), ensure_ascii=False)),
    json.dumps,  # Python
)


def header_problem(headers: Mapping[str, Sequence[str]]) -> str | None:
    """What is wrong with the ``Signature`` header before it is compared; None: it may be right.

    :param headers: all values of each header, by its name in lower case.
    """
    values = headers.get(HEADER, ())
    if not values:
        if headers.get(_OLD_HEADER):
            return (
                "no Signature header, but X-Partnero-Signature, which Partnero's older documentation describes: the "
                "sender is not Partnero as it is today, or something on the way renames headers"
            )
        return "no Signature header: the sender is not Partnero, or a proxy on the way drops the header"
    if len(values) > 1:
        return f"{len(values)} Signature headers: one is sent, so something on the way adds another"
    [value] = values
    if _SHAPE.fullmatch(value):
        return None
    if _SHAPE.fullmatch(value.lower()):
        return "the Signature header is in upper case: Partnero writes lower case, something on the way changes it"
    if _SHAPE.fullmatch(value.strip().removeprefix("sha256=")):
        return "the Signature header has something around its 64 hex digits: Partnero sends the digits alone"
    return f"the Signature header has {len(value)} characters and is not 64 lower-case hex digits (cut on the way?)"


def mismatch(body: bytes, signature: str, secrets: Iterable[str], others: Iterable[tuple[str, str]]) -> str:
    """Why a well-formed signature is not that of the body.

    :param secrets: those that should have signed it.
    :param others: (webhook key, secret) of the programme's other webhooks, as far as they are known.
    """
    own = list(secrets)
    if any(verify(other, signature, secret) for other in _rewritten(body) for secret in own):
        return (
            "the signature is that of the same JSON written in another way: something between Partnero and here (a "
            "proxy, gateway or function) parsed the body and wrote it again; it must pass on the raw bytes"
        )
    tried = islice(others, _MOST_SECRETS) if len(body) <= LARGEST else ()
    for webhook_key, secret in tried:
        if verify(body, signature, secret):
            return f"the body is signed with the secret of another webhook ({webhook_key!r})"
    return (
        "the signature is not made with this webhook's secret: the body was changed on the way, the secret is not the "
        "one that Partnero has, or the delivery is forged"
    )


def _rewritten(body: bytes) -> Iterable[bytes]:
    """The same JSON in every style; nothing when the body is large or not JSON."""
    if len(body) > LARGEST:
        return
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    for write in _STYLES:
        try:
            yield write(value).encode()
        except (ValueError, RecursionError):
            continue


def _php(text: str) -> str:
    """PHP escapes slashes."""
    return text.replace("/", "\\/")
