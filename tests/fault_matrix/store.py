"""What a little Partnero holds, and its proper answer to each request. It counts what it carries out."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..http_answers import http_answer

NEW: dict[str, Any] = {"name": "New", "url": "https://receiver.example/new", "events": ["partner.created"]}


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    page: int
    limit: int
    body: dict[str, Any]

    @classmethod
    def parse(cls, received: bytes) -> Request:
        """The request in these bytes."""
        head, _, body = received.partition(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].decode("ascii").split(" ")
        url = urlsplit(target)
        query = parse_qs(url.query)
        page, limit = (int(query.get(name, ["1"])[0]) for name in ("page", "limit"))
        return cls(method, url.path.removeprefix("/v1"), page, limit, json.loads(body or b"{}"))

    @staticmethod
    def is_whole(received: bytes) -> bool:
        """Whether these bytes are a whole request: headers and body may come one after the other."""
        head, end, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^Content-Length: (\d+)", head)
        return bool(end) and len(body) >= int(length[1] if length else 0)

    @property
    def is_list(self) -> bool:
        """Whether it asks for a page of the list."""
        return (self.method, self.path) == ("GET", "/webhooks")


def webhook(key: str, **fields: Any) -> dict[str, Any]:
    """A webhook as Partnero writes it."""
    return {"key": key, **NEW, "name": key, "is_active": True, "signature": "s" * 16, **fields}


@dataclass
class Store:
    """The webhooks of a programme.

    :param size: how many there are at the start.
    :param ignores_keys: whether a create gets a key of the server's own; else a taken key is refused with 422.
    """

    size: int
    ignores_keys: bool = False
    webhooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    carried_out: int = 0
    undone: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.webhooks = {key: webhook(key) for key in (f"k{number:03}" for number in range(self.size))}

    def answer(self, request: Request) -> bytes:
        """Carry the request out, and answer as Partnero does."""
        with self._lock:
            if request.is_list:
                return http_answer(self.page(request))
            match request.method, request.path:
                case "GET", "/test":
                    return http_answer({"status": 1}, "Date: Mon, 23 Nov 2026 10:00:00 GMT")
                case "GET", "/program":
                    return http_answer({"data": {"program": {"name": "Demo", "type": "Affiliate"}}})
                case "POST", "/webhooks":
                    return self._create(request.body)
            [key] = re.findall(r"^/webhooks/([^/]+)$", request.path) or [""]
            return (
                self._one(request, key)
                if key in self.webhooks
                else http_answer({"message": "none"}, status="404 Not Found")
            )

    def page(self, request: Request) -> dict[str, Any]:
        """A page of the list, with the links of Laravel's simple pagination."""
        start = (request.page - 1) * request.limit
        rows = list(self.webhooks.values())
        has_more = len(rows) > start + request.limit
        return {"data": rows[start : start + request.limit], "links": {"next": "next" if has_more else None}}

    def _create(self, fields: dict[str, Any]) -> bytes:
        key = fields.get("key")
        if key in self.webhooks:
            return http_answer(
                {"message": "no", "errors": {"key": ["it is taken"]}}, status="422 Unprocessable Content"
            )
        self.carried_out += 1
        key = key if key and not self.ignores_keys else f"made{self.carried_out}"
        self.webhooks[key] = webhook(key, **{name: value for name, value in fields.items() if name != "key"})
        return http_answer({"data": self.webhooks[key], "status": 1})

    def _one(self, request: Request, key: str) -> bytes:
        if request.method == "PUT":
            self.carried_out += 1
            self.webhooks[key] |= request.body
        elif request.method == "DELETE":
            del self.webhooks[key]
            is_surplus = key.startswith("made")
            self.undone += is_surplus
            self.carried_out += not is_surplus
            return http_answer({"status": 1})
        return http_answer({"data": self.webhooks[key], "status": 1})
