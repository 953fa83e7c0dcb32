"""Raw deliveries in an object storage: what is taken is what was stored, and fit for a request."""

from __future__ import annotations

import json
from base64 import b64decode

from airflow_provider_partnero.drain.raw_delivery import NotARawDeliveryError, RawDelivery

_LONGEST_WORDS = 400  # characters


def check(data: bytes) -> None:
    """Read one object."""
    try:
        delivery = RawDelivery.from_bytes(data)
    except NotARawDeliveryError as error:
        words = str(error)
        assert words.isprintable(), repr(words)
        assert len(words) <= _LONGEST_WORDS, f"{len(words)} characters about an object that is no delivery"
        return
    told = json.loads(data)
    assert delivery.body == b64decode(told["body_base64"]), "another body than was stored"
    assert delivery.conn_id.isprintable()
    assert "/" not in delivery.conn_id, "a path in the name of a connection"
    for name, values in delivery.headers.items():
        assert name == name.lower(), "a header that is not in lower case"
        assert name not in {"content-length", "transfer-encoding", "connection", "host"}
        name.encode("ascii")
        for value in values:
            assert not set("\r\n\0") & set(value), "a header that adds another"
            value.encode("latin-1")
