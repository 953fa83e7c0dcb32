"""The signature of Partnero's deliveries.

``Signature`` is the lower-case hex HMAC-SHA256 of the raw request body, keyed with the webhook's ``signature``
(Partnero's public webhook pages). JSON that was parsed and written again has other bytes and does not verify.
"""

from __future__ import annotations

import hashlib
import hmac


def sign(body: bytes, secret: str) -> str:
    """The ``Signature`` header's value for a raw body: 64 lower-case hex digits.

    :param body: the exact bytes that are sent.
    :param secret: the webhook's ``signature``.
    """
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(body: bytes, header: str | None, secret: str) -> bool:
    """Whether ``header`` is the signature of ``body`` under ``secret``. Takes constant time, and never raises.

    An empty secret verifies nothing: anybody could sign with it.

    :param body: the raw bytes received, before any JSON parser touched them.
    :param header: the ``Signature`` header as received, or None when there was none.
    :param secret: the webhook's ``signature``.
    """
    if not isinstance(header, str) or not isinstance(secret, str) or not secret or not isinstance(body, bytes):
        return False
    try:
        return hmac.compare_digest(sign(body, secret).encode(), header.encode())
    except UnicodeEncodeError:  # a lone surrogate, in the header or the secret
        return False
