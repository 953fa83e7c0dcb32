"""A probe of the way that deliveries take: what is sent, and what an answer says about where the way ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from airflow_provider_partnero.webhooks.delivery import PROBE_EVENT
from airflow_provider_partnero.webhooks.destinations import shown_url
from airflow_provider_partnero.webhooks.texts import quoted

SLOW = 3.0  # seconds, after which Partnero's sender probably gives up

_FIELDS = frozenset({"status", "body_sha256", "tables"})  # that an answer of the receiver may have
_ROOM = 64  # bytes that the large body stays below the limit
_LOOK_IN_LOG = "The API server's log says which it is."


@dataclass(frozen=True, slots=True)
class Hop:
    """One stage of the way.

    :param name: ``webhook``, ``dns``, ``tcp``, ``tls``, ``receiver``, ``secret``, ``bytes``, ``size`` or ``tables``.
    :param problem: why the way ends there, in words that follow a colon; empty if it does not.
    :param remedy: what to do about it, in a sentence.
    :param is_passing: whether it may be gone by itself.
    :param seconds: how long it took.
    """

    name: str
    problem: str = ""
    remedy: str = ""
    is_passing: bool = False
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: ``{"hop", "ok", "seconds", "problem", "remedy"}``."""
        return {
            "hop": self.name,
            "ok": not self.problem,
            "seconds": round(self.seconds, 3),
            "problem": self.problem,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What came back for a body.

    :param status: of HTTP; None: there was no answer.
    :param problem: why there was none, in words that follow a colon.
    :param content: the beginning of the answer's body.
    :param location: where a redirect leads.
    :param seconds: from the first byte sent to the last one read.
    """

    status: int | None
    problem: str = ""
    content: bytes = field(default=b"", repr=False)
    location: str = ""
    seconds: float = 0.0

    @property
    def told(self) -> Mapping[str, Any]:
        """The receiver's own words; empty if somebody else has answered."""
        try:
            answer = json.loads(self.content)
        except (ValueError, RecursionError):
            return {}
        is_ours = isinstance(answer, dict) and isinstance(answer.get("status"), str) and _FIELDS.issuperset(answer)
        return answer if is_ours else {}

    def proves(self, body: bytes) -> bool:
        """Whether the receiver has taken exactly this body for a proven probe."""
        is_probe = self.status == HTTPStatus.OK and self.told.get("status") == "probe"
        return is_probe and self.told.get("body_sha256") == hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True)
class ProbeBodies:
    """The same delivery in four forms, which tell causes apart. None of them holds a secret.

    :param plain: every program that reads and writes JSON again leaves it as it is, unless it adds spaces.
    :param spaced: the same for programs that do, such as Python's ``json.dumps``.
    :param php: written as Partnero writes; every program but PHP writes it in another way.
    :param large: nearly as large as the receiver takes.
    """

    plain: bytes
    spaced: bytes
    php: bytes
    large: bytes


def probe_bodies(webhook_key: str, url: str, created_at: str, nonce: str, max_body: int) -> ProbeBodies:
    """The bodies of one probe.

    :param created_at: as Partnero writes it.
    :param nonce: a text that no other probe has.
    :param max_body: bytes that the receiver takes; at least 1,024.
    """
    envelope = {"created_at": created_at, "data": nonce, "event": PROBE_EVENT, "webhook_key": webhook_key}
    plain = json.dumps(envelope, separators=(",", ":"))
    padding = "x" * max(0, max_body - _ROOM - len(plain))
    data = {"probe": nonce, "name": "Zo\u00eb & <S\u00f6hne>", "path": "a/b", "rate": 10.0, "list": [], "map": {}}
    php = {"event": PROBE_EVENT, "url": url, "webhook_key": webhook_key, "created_at": created_at, "data": data}
    return ProbeBodies(
        plain=plain.encode(),
        spaced=json.dumps(envelope).encode(),
        php=json.dumps(php, separators=(",", ":")).replace("/", "\\/").encode(),
        large=json.dumps({**envelope, "data": nonce + padding}, separators=(",", ":")).encode(),
    )


def judge_plain(answer: ProbeAnswer, spaced: ProbeAnswer | None, bodies: ProbeBodies, webhook_key: str) -> Hop:
    """What the answer to the plain body says.

    :param spaced: the answer to the spaced body, if the plain one was not proven.
    :param webhook_key: the webhook whose secret has signed.
    """
    if answer.proves(bodies.plain):
        tables = answer.told.get("tables")
        if tables != "ok":
            return Hop(
                "tables",
                f"the receiver proves deliveries and cannot record them: {quoted(str(tables), 100)}",
                "Run `airflow db migrate`, and look at the API server's log and at Airflow's database.",
                is_passing=True,
            )
        return Hop("receiver")
    if spaced is not None and spaced.proves(bodies.spaced):
        return _rewritten()
    hop = _judged(answer)
    if hop.name == "secret":
        return replace(hop, problem=f"{hop.problem}, for the webhook {quoted(webhook_key)}")
    return hop


def judge_php(answer: ProbeAnswer, bodies: ProbeBodies) -> Hop:
    """What the answer to a body as PHP writes it says, after the plain one was proven."""
    if answer.proves(bodies.php):
        return Hop("bytes")
    return _rewritten() if answer.status == HTTPStatus.UNAUTHORIZED else _judged(answer)


def judge_large(answer: ProbeAnswer, bodies: ProbeBodies) -> Hop:
    """What the answer to the large body says, after smaller ones were proven."""
    if answer.proves(bodies.large):
        return Hop("size")
    size = f"{len(bodies.large):,} bytes"
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        if answer.told:
            remedy = "Set [partnero] max_body_kb on the API server as on the workers, and restart it."
            return Hop("size", f"the receiver refuses a delivery of {size} (413)", remedy)
        remedy = "Raise its limit to [partnero] max_body_kb; in nginx that is client_max_body_size."
        return Hop("size", f"a proxy on the way refuses a delivery of {size} (413)", remedy)
    if answer.status is None:
        remedy = "Look for a size limit or a time-out on the way; smaller deliveries pass."
        return Hop("size", f"a delivery of {size} gets no answer ({answer.problem})", remedy, is_passing=True)
    return _judged(answer)


def certificate_problem(verify_code: int, words: str) -> str:
    """What is wrong with a certificate, by OpenSSL's code of it.

    :param words: OpenSSL's own, for all other codes.
    """
    match verify_code:
        case 9:
            return "the certificate is not valid yet"
        case 10:
            return "the certificate has expired"
        case 62 | 64:
            return "the certificate is for another host"
        case 18 | 19:
            return "the certificate is signed by itself or by an authority that nobody else trusts"
        case 20 | 21:
            return "the certificate's authority is unknown, or the server does not send the certificates in between"
    return f"the certificate is refused ({quoted(words, 100)[1:-1]})"


def _rewritten() -> Hop:
    return Hop(
        "bytes",
        "a proxy on the way reads the JSON and writes it anew, so the signature does not fit any more (401)",
        "Make it pass on the body's raw bytes.",
    )


def _judged(answer: ProbeAnswer) -> Hop:
    """What an answer says that proves nothing."""
    status = answer.status
    if status is None:
        remedy = "Look whether the API server runs, and what the proxy's log says."
        return Hop("receiver", f"no answer ({answer.problem})", remedy, is_passing=True)
    if 300 <= status < 400:
        target = f" to {shown_url(answer.location)}" if answer.location else ""
        remedy = "Register the address it leads to, or switch the redirect off: on some, deliveries lose their body."
        return Hop("receiver", f"a redirect ({status}){target}, which is not followed", remedy)
    known = _OWN.get(status) if answer.told else _OTHERS.get(status)
    name, problem, remedy = known or _unknown(status)
    return Hop(name, f"{problem} ({status})", remedy, status in {408, 425, 429} or status >= 500)


def _unknown(status: int) -> tuple[str, str, str]:
    if status < 300:
        remedy = "Look where the proxy leads; the path must reach the API server, which runs this package's version."
        return "receiver", "something else than the receiver answers", remedy
    return "receiver", "an answer that is not the receiver's", "Look at the log of the proxy and of the API server."


_PROXY_DOWN = (
    "receiver",
    "the proxy does not reach the API server",
    "Look whether it runs, and where the proxy leads.",
)

_OWN = {
    202: (
        "receiver",
        "the receiver takes the probe for a delivery: it is older than this package",
        "Install the same version on the API server and on the workers.",
    ),
    400: (
        "bytes",
        "the receiver does not find a delivery in the body",
        "Look at the proxy: the body is changed or cut.",
    ),
    401: (
        "secret",
        "the receiver does not find the body signed with Partnero's secret",
        "Either the secret there is another one (signing_secrets in the connection, or another programme's token), or "
        f"the Signature header does not arrive, or a clock is minutes off. {_LOOK_IN_LOG}",
    ),
    404: (
        "receiver",
        "the receiver is off, or its connection is not named",
        "Set [partnero] receiver_enabled, and name the connection in receiver_connections, on the API server.",
    ),
    408: ("receiver", "the body arrives too slowly", "Look at the proxy and the network."),
    413: ("size", "the receiver refuses even a small body", "Look at [partnero] max_body_kb on the API server."),
    415: ("bytes", "the header Content-Type does not arrive as it was sent", "Look at the proxy."),
    429: ("receiver", "the receiver gets too much at once", "Look at /partnero/status, and who sends so much."),
    503: (
        "tables",
        "the receiver cannot look up a secret or record a delivery",
        f"It asks Airflow's database, and Partnero for secrets. {_LOOK_IN_LOG}",
    ),
}
"""What the receiver's own answers mean, by status: the hop, the problem, the remedy."""

_OTHERS = {
    401: (
        "receiver",
        "a server in front of the receiver asks for a login",
        "Let /partnero/webhooks/ pass without one.",
    ),
    403: (
        "receiver",
        "a server in front of the receiver refuses it",
        "Look at its rules; if only Partnero's addresses may pass, probe from a place that may pass as well.",
    ),
    404: ("receiver", "the proxy has no such path", "Make it pass /partnero/webhooks/ on to the API server."),
    405: ("receiver", "what answers there takes no POST", "Make it pass /partnero/webhooks/ on to the API server."),
    413: ("size", "a proxy on the way refuses even a small body", "Raise its limit to [partnero] max_body_kb."),
    429: ("receiver", "a proxy on the way finds it too much", "Raise its rate limit, or look who sends so much."),
    502: _PROXY_DOWN,
    503: _PROXY_DOWN,
    504: _PROXY_DOWN,
}
"""What the same means if somebody else answers."""
