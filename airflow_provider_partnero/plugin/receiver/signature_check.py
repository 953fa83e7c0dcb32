"""Is a body signed by the webhook that it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.api.signature import verify
from airflow_provider_partnero.plugin.receiver.answers import UNAUTHORIZED, RefusedError
from airflow_provider_partnero.plugin.receiver.budget import Budget
from airflow_provider_partnero.plugin.receiver.diagnosis import HEADER, header_problem, mismatch
from airflow_provider_partnero.plugin.receiver.request import Headers
from airflow_provider_partnero.plugin.receiver.signers.registry import Signers


class SignatureCheck:
    """Compares signatures, and says for the log why one does not verify.

    :param diagnoses: how often it finds out why; that takes time, which a flood of forgeries must not use up.
    """

    def __init__(self, diagnoses: Budget) -> None:
        self._diagnoses = diagnoses

    async def check(self, signers: Signers, webhook_key: str, headers: Headers, body: bytes) -> None:
        """Pass a body that a signer's secret has signed.

        :param webhook_key: the webhook that the body names.
        :param headers: all values of each header, by its name in lower case.
        :raises RefusedError: it is not signed, or Partnero could not be asked for the secret.
        """
        problem = header_problem(headers)
        if problem:
            raise RefusedError(UNAUTHORIZED, problem)
        [signature] = headers[HEADER]
        candidates = await signers.candidates(webhook_key)
        if _is_signed(candidates, signature, body):
            return
        newest = await signers.refreshed(webhook_key)
        if newest is not None and _is_signed(newest, signature, body):
            return
        if not candidates and not newest:
            raise RefusedError(UNAUTHORIZED, signers.why_not(webhook_key))
        secrets = [secret for _, secret in [*candidates, *(newest or ())]]
        others = [(key or "not said", secret) for key, secret in await signers.candidates(None)]
        raise self._forged(body, signature, secrets, others)

    def _forged(
        self, body: bytes, signature: str, secrets: Sequence[Secret], others: Iterable[tuple[str, Secret]]
    ) -> RefusedError:
        if not self._diagnoses.spend():
            return RefusedError(UNAUTHORIZED, "the signature does not verify")
        return RefusedError(UNAUTHORIZED, mismatch(body, signature, secrets, others))


def _is_signed(candidates: Sequence[tuple[str | None, Secret]], signature: str, body: bytes) -> bool:
    return any(verify(body, signature, secret) for _, secret in candidates)
