"""Who has signed a body: the proof that it is Partnero's."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.api.signature import verify
from airflow_provider_partnero.plugin.receiver.answers import UNAUTHORIZED, UNAVAILABLE, RefusedError
from airflow_provider_partnero.plugin.receiver.budget import Budget
from airflow_provider_partnero.plugin.receiver.claim import Claim
from airflow_provider_partnero.plugin.receiver.diagnosis import mismatch
from airflow_provider_partnero.webhooks.texts import quoted

T = TypeVar("T")

LARGE = 16_384  # bytes; a larger body is hashed and parsed in a thread
_MOST_SECRETS = 16  # that one body is compared with
_THREADS = 2

Secrets = Sequence[tuple[str | None, Secret]]


class Signing(Protocol):
    """Who may sign the deliveries to one connection."""

    async def candidates(self, webhook_key: str | None) -> Secrets:
        """The (webhook key, secret) pairs that are known and may sign in a webhook's name; of all, for None."""

    async def refreshed(self, webhook_key: str | None) -> Secrets | None:
        """The same, asked for anew; None when that is not allowed yet."""

    def why_not(self, webhook_key: str) -> str:
        """Why a webhook is not admitted, in words for the log."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A body is signed.

    :param webhook_key: whose secret has signed it; None when the connection does not say whose it is.
    :param digest: SHA-256 of the body, in hex.
    """

    webhook_key: str | None
    digest: str


class Prover:
    """Compares signatures, and says for the log why one does not verify.

    :param diagnoses: how often it finds out why; that takes time, which a flood of forgeries must not use up.
    """

    def __init__(self, diagnoses: Budget) -> None:
        self._diagnoses = diagnoses
        self._threads = ThreadPoolExecutor(_THREADS, "partnero-door")  # Airflow's own threads may all be waiting

    async def beside(self, size: int, work: Callable[[], T]) -> T:
        """Do work that takes the longer the larger a body is: at once if it is small, in a thread if it is not.

        :param size: of the body, in bytes.
        """
        if size <= LARGE:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def prove(self, signers: Signing, claim: Claim, signature: str, body: bytes) -> Proof:
        """Find out who has signed a body.

        A known webhook's body that does not verify is refused for good although its secret may have changed since the
        list was last read, some seconds ago: anybody could have a server say 503 to everything otherwise, and what
        stands before it take it for broken. Partnero does not change the secret of a webhook, and sends again later.
        A webhook that is not known is more likely new, so its delivery is put off until the list may be read.

        :raises RefusedError: nobody who may has signed it, or that cannot be found out now.
        """
        key = claim.webhook_key
        known = await signers.candidates(key)
        proof = await self._compare(known, signature, body)
        if proof:
            return proof
        newer = await signers.refreshed(key)
        if newer is None and not known:
            name = quoted(key) if key else "that the body does not name"
            words = f"webhook {name} is not known, and Partnero was asked some seconds ago"
            raise RefusedError(UNAVAILABLE, words, "webhook")
        if newer:
            proof = await self._compare([pair for pair in newer if pair not in known], signature, body)
        if proof:
            return proof
        own = newer or known
        why = await self._why(signers, claim, signature, body, own)
        raise RefusedError(UNAUTHORIZED, why, "signature" if own else "webhook")

    async def _compare(self, secrets: Secrets, signature: str, body: bytes) -> Proof | None:
        if not secrets:
            return None
        return await self.beside(len(body), lambda: _compare(secrets[:_MOST_SECRETS], signature, body))

    async def _why(self, signers: Signing, claim: Claim, signature: str, body: bytes, own: Secrets) -> str:
        if not own:
            return signers.why_not(claim.webhook_key) if claim.webhook_key else "there is nobody who may sign"
        if not self._diagnoses.spend():
            return "the signature does not verify"
        others = [(key or "not said", secret) for key, secret in await signers.candidates(None)]
        secrets = [secret for _, secret in own[:_MOST_SECRETS]]
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, mismatch, body, signature, secrets, others
        )


def _compare(secrets: Secrets, signature: str, body: bytes) -> Proof | None:
    for webhook_key, secret in secrets:
        if verify(body, signature, secret):
            return Proof(webhook_key, hashlib.sha256(body).hexdigest())
    return None
