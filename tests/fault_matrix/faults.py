"""The faults: what a network, a gateway, a server or somebody in between may do to a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..http_answers import http_answer
from . import strikes
from .server import Line, Strike
from .strikes import CHUNKED, HEAD, HTML, answers, changes, floods, json_body, late, lists, refuses, reset, silent

CONNECT, READ = 5.0, 30.0  # the client's default time-outs, in seconds
WHOLE = CONNECT + 2 * READ


@dataclass(frozen=True)
class Fault:
    """One fault.

    :param name: as the page calls it.
    :param strike: what happens to a request.
    :param meets: which requests meet it: the call's own one, any, or any for a list.
    :param takes: seconds that each takes, if only a time-out ends it.
    :param line: what becomes of connections.
    :param comes_once: whether it may pass.
    """

    name: str
    strike: Strike
    meets: Literal["own", "any", "list"] = "own"
    takes: float = 0.0
    line: Line = Line.OPEN
    comes_once: bool = True


def _connection(name: str, line: Line, *, takes: float = 0.0, comes_once: bool = False) -> Fault:
    return Fault(name, answers(b""), "any", takes, line, comes_once)


_HEAD_ALONE = HEAD + b"Content-Length: 1000000\r\n\r\n"
_DATE = "Date: Mon, 23 Nov 2026 10:00:00 GMT"
_TOO_MANY = "429 Too Many Requests"

_CONNECTIONS = (
    _connection("the connection is refused", Line.REFUSED, comes_once=True),
    _connection("the host is unknown", Line.UNKNOWN_HOST),
    _connection("no connection within the time-out", Line.FULL, takes=CONNECT, comes_once=True),
    _connection("TLS with the certificate of a stranger", Line.TLS),
    _connection("no TLS where it is expected", Line.NO_TLS),
)
_SILENCE = (
    Fault("silence", silent(lambda _: b"", carried_out=False), takes=READ),
    Fault("silence, carried out", silent(lambda _: b"", carried_out=True), takes=READ),
    Fault("silence amid the body, carried out", silent(lambda answer: answer[:-5], carried_out=True), takes=READ),
    Fault("headers that drip", silent(lambda _: HEAD + b"X: ", carried_out=False, drip=b"x"), takes=WHOLE),
    Fault("a body that drips, carried out", silent(lambda _: _HEAD_ALONE, carried_out=True, drip=b" "), takes=WHOLE),
)
_LOST = (
    Fault("a reset", reset(carried_out=False)),
    Fault("a reset, carried out", reset(carried_out=True)),
    Fault("closed without an answer, carried out", answers(b"", carried_out=True)),
    Fault("a body that ends early, carried out", changes(strikes.truncated)),
)
_BROKEN = (
    Fault("a body cut in half, with a length that fits, carried out", changes(strikes.cut)),
    Fault("a web page with 200", refuses("200 OK", HTML)),
    Fault("a web page with 200, carried out", refuses("200 OK", HTML, carried_out=True)),
    Fault("200 without a body, carried out", refuses("200 OK", "", carried_out=True)),
    Fault("204 without a body, carried out", answers(http_answer("", status="204 No Content"), carried_out=True)),
    Fault("JSON that is a list, carried out", refuses("200 OK", [], carried_out=True)),
    Fault("JSON without `data`, carried out", refuses("200 OK", {"status": 1}, carried_out=True)),
    Fault("`data` is null, carried out", refuses("200 OK", {"data": None}, carried_out=True)),
    Fault("an answer about another webhook, carried out", changes(strikes.about_another)),
    Fault("gzip that is none", refuses("200 OK", "{}", "Content-Encoding: gzip")),
    Fault("packed as nobody asked for", refuses("200 OK", "{}", "Content-Encoding: br")),
    Fault("a status line that is none", answers(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")),
    Fault("headers that are none", changes(lambda answer: answer.replace(b"\r\n", b"\r\n: \xff\x00\r\nx y z\r\n", 1))),
    Fault("200 headers", changes(lambda answer: answer.replace(b"\r\n", b"\r\nX: y" * 200 + b"\r\n", 1))),
    Fault("103 as the last answer", answers(b"HTTP/1.1 103 Early Hints\r\n\r\n")),
    Fault("101 as the last answer, carried out", answers(http_answer("", status="101 Switch"), carried_out=True)),
    Fault('200 with `{"status": 0}`', refuses("200 OK", {"status": 0})),
)
_FLOODS = (
    Fault("a body beyond 8 MiB", floods(HEAD + b"Content-Length: 10000000000\r\n\r\n", b" " * 65536)),
    Fault("chunks without an end", floods(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n")),
    Fault("a gzip bomb", answers(strikes.bomb())),
    Fault("a million JSON values", json_body(b'{"data": [' + b"{}," * 1_000_000 + b"{}]}")),
    Fault("JSON 100,000 levels deep", json_body(b"[" * 100_000 + b"]" * 100_000)),
    Fault("headers without an end", floods(HEAD, b"X: y\r\n" * 5000)),
    Fault("one header without an end", floods(HEAD + b"X: ", b"y" * 65536)),
    Fault("100 Continue without an end", floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500)),
    Fault("103 Early Hints without an end", floods(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 500)),
)
_REFUSALS = (
    Fault("a redirect to another host", refuses("302 Found", None, "Location: https://stranger.example/v1")),
    Fault("a redirect that keeps the method", refuses("307 Temporary", None, "Location: http://127.0.0.1:1/v1")),
    Fault("a redirect to itself", refuses("301 Moved", None, "Location: /v1/webhooks")),
    *(Fault(str(status), refuses(f"{status} Refused")) for status in (400, 401, 403, 404, 405, 409, 410, 422)),
    Fault("422 about the key", refuses("422 Refused", {"message": "no", "errors": {"key": ["it is taken"]}})),
    Fault("422 about the key, carried out", refuses("422 No", {"errors": {"key": ["taken"]}}, carried_out=True)),
)
_PACE = (
    Fault("429", refuses(_TOO_MANY)),
    Fault("429 with a web page", refuses(_TOO_MANY, HTML)),
    Fault("429 with a web page, carried out", refuses(_TOO_MANY, HTML, carried_out=True)),
    Fault("429, `Retry-After: 7`", refuses(_TOO_MANY, HTML, "Retry-After: 7")),
    Fault(
        "429, `Retry-After` as a date in 20 s",
        refuses(_TOO_MANY, None, _DATE, "Retry-After: Mon, 23 Nov 2026 10:00:20 GMT"),
    ),
    Fault("429, `Retry-After: 0`", refuses(_TOO_MANY, None, "Retry-After: 0")),
    Fault("429, `Retry-After: 3600`", refuses(_TOO_MANY, None, "Retry-After: 3600")),
    Fault("429, `Retry-After` of 400 digits", refuses(_TOO_MANY, None, f"Retry-After: {'9' * 400}")),
    Fault("429, `Retry-After: soon`", refuses(_TOO_MANY, None, "Retry-After: soon")),
)
_OUTAGES = (
    Fault("408", refuses("408 Request Timeout")),
    Fault("425", refuses("425 Too Early")),
    *(Fault(str(status), refuses(f"{status} Down")) for status in (500, 502, 503, 504)),
    Fault("500, carried out", refuses("500 Internal Server Error", carried_out=True)),
    Fault("503, `Retry-After: 7`", refuses("503 Down", None, "Retry-After: 7")),
    Fault("503, `Retry-After: 3600`", refuses("503 Down", None, "Retry-After: 3600")),
    Fault("504, carried out 5 s later", late("504 Gateway Timeout", 5)),
    Fault("504, carried out 9 s later", late("504 Gateway Timeout", 9)),
    Fault("504, carried out after the call", late("504 Gateway Timeout", 3600)),
    Fault("999", refuses("999 What")),
)
_LISTS = (
    Fault("pages of 25, whatever was asked", lists(strikes.clamped), "list"),
    Fault("`data` alone, which says nothing of a next page", lists(strikes.bare), "list"),
    Fault("`data` as an object keyed by numbers", lists(strikes.keyed_by_number), "list"),
    Fault("rows that are no webhooks", lists(strikes.odd_row), "list"),
    Fault("eleven times as many rows as asked", lists(strikes.far_more), "list"),
    Fault("the first page again and again", lists(strikes.first_again), "list"),
    Fault("empty pages without an end", lists(strikes.empty_for_ever), "list"),
    Fault("a total that is too high", lists(strikes.total_too_high), "list"),
    Fault("a webhook is deleted before each later page", lists(strikes.deletes_one_before), "list"),
    Fault("another order with every request", lists(strikes.another_order), "list"),
)
FAMILIES = {
    "the connection": _CONNECTIONS,
    "silence": _SILENCE,
    "a lost connection": _LOST,
    "a broken answer": _BROKEN,
    "a flood": _FLOODS,
    "a refusal": _REFUSALS,
    "the pace": _PACE,
    "an outage": _OUTAGES,
    "the list": _LISTS,
}
FAULTS = tuple(fault for family in FAMILIES.values() for fault in family)
