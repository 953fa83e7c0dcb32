"""What TLS connections verify certificates with: read once in a process, since reading a CA bundle takes some 30 ms."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

from urllib3 import exceptions as urllib3_errors
from urllib3.util.ssl_ import create_urllib3_context


def tls_context(bundle: str) -> ssl.SSLContext:
    """The context that trusts the authorities in a bundle. One that has changed meanwhile is read again.

    :param bundle: path of a file or folder.
    :raises OSError: there is no such file.
    :raises urllib3.exceptions.SSLError: the file holds no certificates.
    """
    return _read(bundle, os.stat(bundle).st_mtime_ns)


@lru_cache(maxsize=16)
def _read(bundle: str, _changed_at: int) -> ssl.SSLContext:
    context = create_urllib3_context()
    try:
        if os.path.isdir(bundle):
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    except OSError as error:
        raise urllib3_errors.SSLError(error) from error
    return context
