"""Files on this machine that are written whole or not at all, so that nobody reads half of one."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_file(path: str, text: str) -> None:
    """Write a file in UTF-8 beside the old one, and put it in its place. A link is followed; the file's mode stays.

    :raises ValueError: there is a pipe or a device; it is left alone.
    :raises OSError: nothing was changed: the folder is missing or read-only, the disk is full, and so on.
    """
    if is_no_file(path):
        raise ValueError(f"{path}: is a pipe or a device, and not a file")
    file = Path(os.path.realpath(path))
    number, name = tempfile.mkstemp(dir=file.parent, prefix=".partnero-")
    try:
        with open(number, "w", encoding="utf-8", newline="\n") as temporary:
            temporary.write(text)
        os.chmod(name, file.stat().st_mode & 0o777 if file.is_file() else 0o666 & ~_umask())
        os.replace(name, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def is_no_file(path: str) -> bool:
    """Whether there is something that is neither a file nor a folder."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _umask() -> int:
    """What Python tells only to whoever sets it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
