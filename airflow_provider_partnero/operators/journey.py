"""One probe on its way: goes each hop, and stops at the one that is broken."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from socket import socket
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero import __version__
from airflow_provider_partnero.api.signature import sign
from airflow_provider_partnero.operators.hops import BrokenHopError, Way, trust
from airflow_provider_partnero.webhooks.probe import (
    SLOW,
    Hop,
    ProbeAnswer,
    ProbeBodies,
    judge_large,
    judge_php,
    judge_plain,
    probe_bodies,
)
from airflow_provider_partnero.webhooks.texts import counted, listed, quoted

if TYPE_CHECKING:
    from airflow_provider_partnero.api import Webhook

_MOST_WEBHOOKS = 5  # of one address whose secrets are tried


class Journey:
    """A probe of one address.

    :param hops: those that were gone, in their order. Only the last one can be broken.
    :param warnings: sentences.
    :param expires: when the certificate expires; None without one.
    """

    def __init__(self, way: Way, hops: Sequence[Hop], warnings: Sequence[str]) -> None:
        self.hops = [*hops]
        self.warnings = [*warnings]
        self.expires: datetime | None = None
        self._way = way
        self._addresses: list[Any] = []
        self._trust = trust() if way.scheme == "https" else None
        self._open: socket | None = None

    def go(
        self,
        webhooks: Sequence[Webhook],
        secret_of: Callable[[Webhook], str | None],
        max_body: int,
        now: datetime,
    ) -> None:
        """Go the whole way with the first webhook, and as far as the signature with the others of the address.

        :param secret_of: the signing secret of a webhook, if Partnero tells it.
        :param max_body: bytes that the receiver takes.
        """
        try:
            self._find()
            for number, webhook in enumerate(webhooks[:_MOST_WEBHOOKS]):
                self._deliver(webhook, secret_of(webhook), max_body, now, is_first=number == 0)
        except BrokenHopError as broken:
            self.hops.append(broken.hop)
        finally:
            if self._open:
                self._open.close()

    def warn_of_expiry(self, now: datetime, warn_days: int) -> None:
        """Warn of a certificate that expires within as many days."""
        if self.expires and self.expires - now <= timedelta(days=warn_days):
            left = counted(max(0, (self.expires - now).days), "day")
            self.warnings.append(
                f"The certificate expires on {self.expires:%Y-%m-%d %H:%M} UTC, in {left}: renew it, or nothing is "
                "delivered from then on."
            )

    def to_dict(self, url: str) -> dict[str, Any]:
        """Plain JSON, without secrets.

        :param url: the address as people may see it.
        """
        return {
            "url": url,
            "ok": not self.hops[-1].problem,
            "hops": [hop.to_dict() for hop in self.hops],
            "warnings": self.warnings,
            "certificate_expires_at": self.expires.isoformat() if self.expires else None,
        }

    def _find(self) -> None:
        started = self._way.now()
        self._addresses = self._way.look_up()
        self._done("dns", started)
        started = self._way.now()
        connection, silent = self._way.connect(self._addresses)
        self._open = connection
        self._done("tcp", started)
        if silent:
            self.warnings.append(f"Of the host's addresses some do not answer: {listed(silent)}.")
        if self._trust:
            started = self._way.now()
            self._open, self.expires = self._way.secure(connection, self._trust)
            self._done("tls", started)

    def _deliver(self, webhook: Webhook, secret: str | None, max_body: int, now: datetime, *, is_first: bool) -> None:
        if not secret:
            problem = f"Partnero does not tell the signing secret of the webhook {quoted(webhook.key)}"
            raise BrokenHopError(Hop("webhook", problem, "Recreate it, or ask Partnero."))
        created_at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        bodies = probe_bodies(webhook.key, webhook.url, created_at, secrets.token_hex(16), max_body)
        self._prove(bodies, secret, webhook)
        if is_first:
            self._check(judge_php(answer := self._send(bodies.php, secret), bodies), answer)
            self._check(judge_large(answer := self._send(bodies.large, secret), bodies), answer)

    def _prove(self, bodies: ProbeBodies, secret: str, webhook: Webhook) -> None:
        answer = self._send(bodies.plain, secret)
        is_refused = answer.status == HTTPStatus.UNAUTHORIZED and answer.told
        spaced = self._send(bodies.spaced, secret) if is_refused else None
        if answer.seconds > SLOW:
            self.warnings.append(
                f"The receiver has answered after {answer.seconds:.1f} s; Partnero probably gives up after {SLOW:g} s."
            )
        self._check(judge_plain(answer, spaced, bodies, webhook.key), answer)

    def _check(self, hop: Hop, answer: ProbeAnswer) -> None:
        hop = replace(hop, seconds=answer.seconds)
        if hop.problem:
            raise BrokenHopError(hop)
        self.hops.append(hop)

    def _send(self, body: bytes, secret: str) -> ProbeAnswer:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": f"airflow-provider-partnero/{__version__}",
            "Connection": "close",
            "Signature": sign(body, secret),
        }
        connection, self._open = self._open or self._connect(), None
        return self._way.post(connection, body, headers)

    def _connect(self) -> socket | ssl.SSLSocket:
        connection, _ = self._way.connect(self._addresses)
        return self._way.secure(connection, self._trust)[0] if self._trust else connection

    def _done(self, name: str, started: float) -> None:
        self.hops.append(Hop(name, seconds=self._way.now() - started))
