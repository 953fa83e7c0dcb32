"""A delivery's headers and body, before anything in them is trusted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from airflow_provider_partnero.plugin.receiver.answers import NOT_JSON, TOO_LARGE, RefusedError
from airflow_provider_partnero.webhooks.texts import quoted

Headers = Mapping[str, Sequence[str]]
Body = Callable[[], AsyncIterator[bytes]]

LARGEST_BODY = 1024 * 1024  # bytes


def check_headers(headers: Headers) -> None:
    """Refuse by its headers alone what is not JSON, or too large.

    :param headers: all values of each header, by its name in lower case.
    :raises RefusedError: it is not read.
    """
    kind = ",".join(headers.get("content-type", ())).partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise RefusedError(NOT_JSON, f"Content-Type is {quoted(kind)} and not application/json")
    if headers.get("content-encoding", ["identity"]) != ["identity"]:
        raise RefusedError(NOT_JSON, "the body is compressed, which Partnero does not do")
    length = ",".join(headers.get("content-length", ()))
    if length.isdecimal() and int(length[:20]) > LARGEST_BODY:
        raise _too_large()


async def read_body(chunks: AsyncIterator[bytes]) -> bytes:
    """The whole body.

    :raises RefusedError: it is larger than :data:`LARGEST_BODY`, whatever the headers say; the rest is not read.
    """
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _too_large()
    return bytes(body)


def _too_large() -> RefusedError:
    return RefusedError(TOO_LARGE, f"the body has more than {LARGEST_BODY:,} bytes")
