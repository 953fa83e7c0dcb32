"""Raw deliveries in a folder of an object storage; every call blocks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.api.redaction import redact_url

REFUSED = "refused"

_REASON = ".reason.json"


@dataclass(frozen=True, slots=True, order=True)
class StoredObject:
    """One object of the folder.

    :param name: within the folder; the order is by name.
    :param size: bytes; 0 when the storage does not say.
    """

    name: str
    size: int


def checked_source(source: object, *, argument: str) -> str:
    """The URL of a folder, as ``ObjectStoragePath`` takes it.

    :raises ValueError: it is no URL.
    """
    text = source.strip() if isinstance(source, str) else ""
    scheme, has_scheme, rest = text.partition("://")
    if not (scheme and has_scheme and rest.strip("/")):
        raise ValueError(
            f"{argument}={short_repr(source)}: must be the URL of a folder, such as "
            "'s3://aws_default@bucket/deliveries' or 'file:///var/spool/partnero'"
        )
    return text


class DeliveryStorage:
    """A folder of raw deliveries, each an object of its own.

    Only what is directly in the folder counts; objects whose names begin with a dot are still being written.

    :param source: the folder's URL, with a connection of Airflow's before ``@`` if it needs one.
    """

    def __init__(self, source: str) -> None:
        self.source = source

    @cached_property
    def _root(self) -> tuple[Any, str]:
        from airflow.sdk import ObjectStoragePath

        try:
            path = ObjectStoragePath(self.source)
            return path.fs, str(path.path).rstrip("/")
        except (ImportError, ValueError) as error:  # Airflow's, where a scheme is unknown or lacks its library
            raise ValueError(
                f"{redact_url(self.source)}: {error}. Install what the scheme needs, such as "
                "'apache-airflow-providers-amazon[s3fs]' for s3://"
            ) from None

    def waiting(self) -> list[StoredObject]:
        """All objects that wait, the oldest name first.

        :raises FileNotFoundError: there is no such folder, or no such bucket.
        """
        fs, root = self._root
        fs.invalidate_cache(root)
        try:
            entries: list[Mapping[str, Any]] = fs.ls(root, detail=True)
        except FileNotFoundError:
            if self._is_only_empty():
                return []
            raise FileNotFoundError(f"there is no folder {redact_url(self.source)}") from None
        found = [
            StoredObject(str(entry["name"]).rstrip("/").rpartition("/")[2], int(entry.get("size") or 0))
            for entry in entries
            if entry.get("type") == "file"
        ]
        return sorted(one for one in found if one.name and not one.name.startswith("."))

    def _is_only_empty(self) -> bool:
        """An object storage has no folders: one without objects cannot be told from one that never had any."""
        fs, root = self._root
        bucket = root.lstrip("/").partition("/")[0]
        return not self._is_local and bucket != root and bool(fs.exists(bucket))

    @property
    def _is_local(self) -> bool:
        protocol = self._root[0].protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    def read(self, name: str, most: int) -> bytes:
        """The object's first bytes.

        :param most: bytes; what is behind them is not fetched.
        :raises FileNotFoundError: somebody has taken it meanwhile.
        """
        fs, root = self._root
        content: bytes = fs.cat_file(f"{root}/{name}", start=0, end=most)
        return content

    def delete(self, name: str) -> None:
        """Delete the object; it is fine if it is gone already."""
        fs, root = self._root
        try:
            fs.rm_file(f"{root}/{name}")
        except FileNotFoundError:
            return

    def set_aside(self, name: str, reason: Mapping[str, object]) -> None:
        """Move the object into the folder ``refused``, unread and unchanged, with the reason beside it.

        Whenever this is cut short, the object is still where it was, and setting it aside again ends the same.
        """
        fs, root = self._root
        fs.makedirs(f"{root}/{REFUSED}", exist_ok=True)
        fs.pipe_file(f"{root}/{REFUSED}/{name}{_REASON}", json.dumps(reason).encode())
        try:
            if self._is_local:
                fs.mv(f"{root}/{name}", f"{root}/{REFUSED}/{name}")  # no copy of what may be huge
                return
            fs.cp_file(f"{root}/{name}", f"{root}/{REFUSED}/{name}")  # within the storage
        except FileNotFoundError:  # another drain has just set it aside, or taken it
            return
        self.delete(name)
