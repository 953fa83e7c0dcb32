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
from airflow_provider_partnero.webhooks.texts import quoted


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
        if signers.connection.signing_secrets:
            self._check_listed(signers, webhook_key, signature, body)
        else:
            await self._check_at_partnero(signers, webhook_key, signature, body)

    def _check_listed(self, signers: Signers, webhook_key: str, signature: str, body: bytes) -> None:
        listed = signers.connection.signing_secrets
        secrets = [item.secret for item in listed if item.webhook_key in {None, webhook_key}]
        if not any(verify(body, signature, secret) for secret in secrets):
            others = [(item.webhook_key or "not said", item.secret) for item in listed]
            raise self._forged(body, signature, secrets, others)

    async def _check_at_partnero(self, signers: Signers, webhook_key: str, signature: str, body: bytes) -> None:
        secret = await signers.secrets.secret(webhook_key)
        if secret is None:
            raise RefusedError(UNAUTHORIZED, f"Partnero knows no webhook {quoted(webhook_key)} in this programme")
        if verify(body, signature, secret):
            return
        other = await signers.secrets.other_secret(webhook_key, secret)
        if other is None or not verify(body, signature, other):
            secrets = [secret] if other is None else [secret, other]
            raise self._forged(body, signature, secrets, signers.secrets.all_known())

    def _forged(
        self, body: bytes, signature: str, secrets: Sequence[Secret], others: Iterable[tuple[str, Secret]]
    ) -> RefusedError:
        if not self._diagnoses.spend():
            return RefusedError(UNAUTHORIZED, "the signature does not verify")
        return RefusedError(UNAUTHORIZED, mismatch(body, signature, secrets, others))
