"""Reads what a browser sends, up to a limit."""

from __future__ import annotations

from fastapi import HTTPException, Request


async def read_body(request: Request, most: int) -> bytes:
    """The body of a request.

    :param most: bytes; a longer body is not read to its end.
    :raises HTTPException: 413.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, f"A form may have {most:,} bytes here.")
    return bytes(body)
