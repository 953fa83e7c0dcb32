"""The certificate of a server that nobody vouches for."""

from __future__ import annotations

import ssl
import tempfile
from functools import cache
from pathlib import Path

from ..certificates import self_signed


@cache
def stranger() -> ssl.SSLContext:
    """What a server speaks TLS with, by a certificate that it signed itself."""
    with tempfile.TemporaryDirectory() as folder:
        return self_signed(Path(folder), "127.0.0.1").server_context()
