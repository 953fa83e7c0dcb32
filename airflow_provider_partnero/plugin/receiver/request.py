"""A delivery's headers and body, before anything in them is trusted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from airflow_provider_partnero.plugin.receiver.answers import NOT_JSON, TOO_LARGE, UNAUTHORIZED, RefusedError
from airflow_provider_partnero.plugin.receiver.diagnosis import HEADER, header_problem
from airflow_provider_partnero.webhooks.texts import quoted

Headers = Mapping[str, Sequence[str]]
Body = Callable[[], AsyncIterator[bytes]]


def check_headers(headers: Headers, largest: int) -> str:
    """Refuse by its headers alone what cannot be signed, is not JSON, or is too large.

    :param headers: all values of each header, by its name in lower case.
    :param largest: bytes of a body.
    :returns: the signature.
    :raises RefusedError: the body is not read.
    """
    problem = header_problem(headers)
    if problem:
        raise RefusedError(UNAUTHORIZED, problem, "header")
    kind = ",".join(headers.get("content-type", ())).partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise RefusedError(NOT_JSON, f"Content-Type is {quoted(kind)} and not application/json")
    if headers.get("content-encoding", ["identity"]) != ["identity"]:
        raise RefusedError(NOT_JSON, "the body is compressed, which Partnero does not do")
    length = ",".join(headers.get("content-length", ()))
    if length.isdecimal() and int(length[:20]) > largest:
        raise _too_large(largest)
    return headers[HEADER][0]


async def read_body(chunks: AsyncIterator[bytes], largest: int, tell_size: Callable[[int], None]) -> bytes:
    """The whole body.

    :param largest: bytes.
    :param tell_size: is told how many bytes there are, each time that there are more.
    :raises RefusedError: it is larger, whatever the headers say; the rest is not read.
    """
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > largest:
            raise _too_large(largest)
        tell_size(len(body))
    return bytes(body)


def _too_large(largest: int) -> RefusedError:
    return RefusedError(TOO_LARGE, f"the body has more than {largest:,} bytes, [partnero] max_body_kb")
