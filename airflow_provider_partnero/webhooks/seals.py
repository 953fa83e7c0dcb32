"""Digests by which URLs and signing secrets of several programmes are compared without being shown.

What an audit hands on to its fleet's report lies in Airflow's database, where others may read it. A plain hash of a
short secret is found by trying; so is one of a URL of which only a password is unknown. So the digests are keyed
(HMAC), and the key is made of what only tasks can read: the API token of one connection, the same for all of them.

Whoever reads the digests sees which of them are equal, and that is what the report says anyway. Somebody who knows one
of the secrets could try tokens until its digest fits: the key is made by scrypt, which makes each try slow, and the
token is long. The key differs from run to run, so that digests of two runs cannot be laid side by side.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Literal

_DIGITS = 16  # in hex: among 100,000 webhooks, two that differ have one digest in fewer than one of 10^9 fleets
_BLOCKS = 2**14  # of 1 KiB: 16 MiB and some 50 ms for each key, which a task makes once


@dataclass(frozen=True, slots=True)
class FleetSeal:
    """What makes the digests of one fleet in one run.

    :param key: 32 bytes.
    """

    key: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: str, run: str) -> FleetSeal:
        """The seal that every task makes of the same secret in the same run.

        :param secret: what nobody can guess and nobody else can read.
        :param run: the name of the run.
        """
        salt = hashlib.sha256(run.encode(errors="surrogatepass")).digest()
        return cls(hashlib.scrypt(secret.encode(errors="surrogatepass"), salt=salt, n=_BLOCKS, r=8, p=1, dklen=32))

    @property
    def id(self) -> str:
        """Tells whether two digests were made with one key; tells nothing else of it."""
        return self.digest("seal", "")

    def digest(self, kind: Literal["seal", "programme", "url", "secret"], text: str) -> str:
        """16 hex digits, the same for the same text of the same kind."""
        message = f"{kind}\n{text}".encode(errors="surrogatepass")
        return hmac.new(self.key, message, "sha256").hexdigest()[:_DIGITS]
