"""All operators: one per action on a webhook, the audit, reconcile, and those for the receiver's webhook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.arguments import checked_key, checked_name, checked_url
from airflow_provider_partnero.api.errors import (
    PartneroAmbiguousError,
    PartneroNotFoundError,
)
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.operators.arguments import (
    OptionalArgument,
    RefusedArgument,
    as_events,
    as_flag,
    check_early,
)
from airflow_provider_partnero.operators.audit import PartneroAuditWebhooksOperator
from airflow_provider_partnero.operators.base import PartneroOperator
from airflow_provider_partnero.operators.drain import PartneroDrainDeliveriesOperator
from airflow_provider_partnero.operators.fleet import PartneroFleetReportOperator
from airflow_provider_partnero.operators.keys import create_under, find_under, task_keys
from airflow_provider_partnero.operators.links import PartneroWebhookLink
from airflow_provider_partnero.operators.probe import PartneroProbeReceiverOperator
from airflow_provider_partnero.operators.reading import (
    PartneroGetWebhookOperator,
    PartneroListWebhooksOperator,
)
from airflow_provider_partnero.operators.receiver import (
    PartneroRegisterReceiverOperator,
    PartneroUnregisterReceiverOperator,
)
from airflow_provider_partnero.operators.reconcile import PartneroReconcileWebhooksOperator
from airflow_provider_partnero.operators.secret_targets import (
    SecretNotHandedOverError,
    SecretTarget,
    checked_secret_to,
    secret_target,
)
from airflow_provider_partnero.retry_policy import PartneroRetryPolicy

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.api import Webhook
    from airflow_provider_partnero.api.specs import WebhookSpec

__all__ = [
    "PartneroAuditWebhooksOperator",
    "PartneroCreateWebhookOperator",
    "PartneroDeleteWebhookOperator",
    "PartneroDrainDeliveriesOperator",
    "PartneroFleetReportOperator",
    "PartneroGetWebhookOperator",
    "PartneroListWebhooksOperator",
    "PartneroProbeReceiverOperator",
    "PartneroReconcileWebhooksOperator",
    "PartneroRegisterReceiverOperator",
    "PartneroRetryPolicy",
    "PartneroUnregisterReceiverOperator",
    "PartneroUpdateWebhookOperator",
]


class PartneroCreateWebhookOperator(PartneroOperator):
    """Create a webhook exactly once, however often the task is tried.

    With ``idempotent`` (the default) and no ``webhook_key``, the key is derived from connection, DAG, task, run and map
    index. It is looked up before the POST, so a task that is retried after its worker died finds the webhook it made. A
    webhook of the same content with another key is never taken over: it may be another run's. So if Partnero ignores
    keys, and such a webhook is there, a retry fails at once and names it.

    With ``secret_to``, each try that has the webhook hands over its signing secret, also if an earlier try made it. If
    that fails, so does the task, and its retry hands over again; the secret is in no log, exception and XCom.

    Returns ``{"key", "name", "url", "is_active", "events"}``; use this key, since it may differ from ``webhook_key``.
    Source: the specification, "Create a webhook".

    :param name: name of the webhook. Templated.
    :param url: http(s) URL that Partnero delivers to. Templated.
    :param events: at least one event name. Templated: a list, or a text such as ``partner.created,customer.created``.
    :param is_active: whether Partnero delivers from the start. Templated.
    :param webhook_key: the webhook's key, without ``/``; None, or a template that renders to it: see above. Templated.
    :param idempotent: derive a key if none is given. Without a key, a create with an unknown outcome fails at once.
    :param if_exists: if an equal webhook has ``webhook_key`` already, ``"adopt"`` it or ``"fail"``, even if an earlier
        try of the task made it. A webhook that differs always fails the task at once.
    :param include_signature: add the signing secret to XCom, **in clear**.
    :param secret_to: where the signing secret goes: ``variable:NAME`` for an Airflow Variable, or the path of a
        function, ``package.module.function``, that is called with key and secret (two texts). It needs a key to find
        the webhook by, so it goes with neither ``idempotent=False`` without ``webhook_key`` nor ``if_exists="fail"``;
        nor with ``include_signature``. At the log level ``DEBUG``, a Variable is refused: Airflow would log it.
        Templated.
    :param partnero_conn_id: connection of type ``partnero``. Templated.
    """

    template_fields: Sequence[str] = (
        "name",
        "url",
        "events",
        "is_active",
        "webhook_key",
        "secret_to",
        "partnero_conn_id",
    )
    operator_extra_links = (PartneroWebhookLink(),)

    def __init__(
        self,
        *,
        name: str,
        url: str,
        events: Iterable[str] | str,
        is_active: bool | str = True,
        webhook_key: str | None = None,
        idempotent: bool = True,
        if_exists: Literal["adopt", "fail"] = "adopt",
        include_signature: bool = False,
        secret_to: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if if_exists not in {"adopt", "fail"}:
            raise ValueError(f"if_exists={short_repr(if_exists)}: must be 'adopt' or 'fail'")
        check_early(name, checked_name, argument="name")
        check_early(events, as_events, argument="events")
        self.name = name
        self.url = url
        self.events = events
        self.is_active = is_active
        self.webhook_key = webhook_key
        self._given_key = OptionalArgument.of("webhook_key", webhook_key, checked_key)
        self.idempotent = idempotent
        self.if_exists = if_exists
        self.include_signature = include_signature
        self.secret_to = secret_to
        self._given_secret_to = OptionalArgument.of("secret_to", secret_to, checked_secret_to)
        self.linked_key: str | None = None
        if self._given_secret_to.is_given:
            self._check_that_a_retry_hands_over()

    def _check_that_a_retry_hands_over(self) -> None:
        if self.include_signature:
            raise RefusedArgument("include_signature=True: must be False beside secret_to, which keeps it out of XCom")
        if not self.idempotent and not self._given_key.is_given:
            raise RefusedArgument(
                "idempotent=False: must be True beside secret_to, or give a webhook_key: otherwise a retry after a "
                "failed hand-over creates a second webhook"
            )
        if self.if_exists == "fail":
            raise RefusedArgument(
                "if_exists='fail': must be 'adopt' beside secret_to: otherwise a retry after a failed hand-over "
                "refuses its own webhook"
            )

    def act(self, context: Context) -> dict[str, Any]:
        """Look for the webhook, create it if there is none, and hand its secret over."""
        from airflow_provider_partnero.api.specs import WebhookSpec

        secret_to = self._given_secret_to.value(self.secret_to)
        target = secret_target(secret_to) if secret_to else None
        given_key = self._given_key.value(self.webhook_key)
        keys: Sequence[str | None] = [given_key]
        if given_key is None and self.idempotent:
            keys = task_keys(self.partnero_conn_id, context["ti"])
        spec = WebhookSpec(
            name=checked_name(self.name),
            url=self.url,
            events=as_events(self.events),
            is_active=as_flag(self.is_active, argument="is_active"),
            key=keys[0],
        )
        webhook = self._create(spec, keys, is_retry=context["ti"].try_number > 1, is_key_given=given_key is not None)
        self.linked_key = webhook.key
        self.log.info("Webhook %r (%r) is there", webhook.key, webhook.name)
        if target:
            self._hand_over(webhook, target, can_be_found=webhook.key in keys)
        return webhook.to_dict(include_signature=self.include_signature)

    def _hand_over(self, webhook: Webhook, target: SecretTarget, *, can_be_found: bool) -> None:
        try:
            target.hand_over(webhook.key, self._secret_of(webhook, target))
        except SecretNotHandedOverError as error:
            if can_be_found:
                raise
            raise AirflowFailException(
                f"{error}. Partnero ignores the keys that it is given, so no retry finds the webhook: give "
                f"webhook_key={webhook.key!r} and clear the task, or delete the webhook"
            ) from error
        self.log.info("Handed the signing secret of webhook %r to %s", webhook.key, target.name)

    def _secret_of(self, webhook: Webhook, target: SecretTarget) -> str:
        secret = webhook.signature or self.hook.get_webhook(webhook.key).signature
        if not secret:
            raise SecretNotHandedOverError(
                f"Partnero does not tell the signing secret of webhook {webhook.key!r}, so {target.name} gets none"
            )
        return secret

    def _create(self, spec: WebhookSpec, keys: Sequence[str | None], *, is_retry: bool, is_key_given: bool) -> Webhook:
        if is_retry and (existing := find_under(self.hook, spec, [key for key in keys[1:] if key])):
            return existing
        if_exists = self.if_exists if is_key_given else "adopt"
        try:
            return create_under(self.hook, spec, keys, if_exists=if_exists, is_retry=is_retry)
        except PartneroAmbiguousError as error:
            if spec.key is None:
                raise AirflowFailException(str(error)) from error
            raise


class PartneroUpdateWebhookOperator(PartneroOperator):
    """Change fields of a webhook; its key and its signing secret stay.

    A field whose template renders to nothing (None, ``"None"`` or an empty text) is refused before anything is sent.

    Returns the webhook after the change: ``{"key", "name", "url", "is_active", "events"}``.
    Source: the specification, "Update a webhook".

    :param webhook_key: the webhook's key. Templated.
    :param name: new name; None leaves it. Templated.
    :param url: new http(s) URL; None leaves it. Templated.
    :param is_active: switch it on or off; None leaves it. Templated.
    :param events: all events that it subscribes to from now on; None leaves them. Templated.
    :param include_signature: add the signing secret to XCom, **in clear**.
    :param partnero_conn_id: connection of type ``partnero``. Templated.
    """

    template_fields: Sequence[str] = ("webhook_key", "name", "url", "is_active", "events", "partnero_conn_id")

    def __init__(
        self,
        *,
        webhook_key: str,
        name: str | None = None,
        url: str | None = None,
        is_active: bool | str | None = None,
        events: Iterable[str] | str | None = None,
        include_signature: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_early(webhook_key, checked_key, argument="webhook_key")
        self.webhook_key = webhook_key
        self.name = name
        self.url = url
        self.is_active = is_active
        self.events = events
        self._new_name = OptionalArgument.of("name", name, checked_name)
        self._new_url = OptionalArgument.of("url", url, checked_url)
        self._new_state = OptionalArgument.of("is_active", is_active, as_flag)
        self._new_events = OptionalArgument.of("events", events, as_events)
        self.include_signature = include_signature

    def act(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Change the given fields."""
        webhook = self.hook.update_webhook(
            checked_key(self.webhook_key, argument="webhook_key"),
            name=self._new_name.value(self.name),
            url=self._new_url.value(self.url),
            is_active=self._new_state.value(self.is_active),
            events=self._new_events.value(self.events),
        )
        self.log.info("Updated webhook %r (%r)", webhook.key, webhook.name)
        return webhook.to_dict(include_signature=self.include_signature)


class PartneroDeleteWebhookOperator(PartneroOperator):
    """Delete a webhook. Returns nothing. Source: the specification, "Delete a webhook".

    :param webhook_key: the webhook's key. Templated.
    :param if_missing: if no webhook has the key, ``"ignore"`` that or ``"fail"`` at once.
    :param partnero_conn_id: connection of type ``partnero``. Templated.
    """

    template_fields: Sequence[str] = ("webhook_key", "partnero_conn_id")

    def __init__(self, *, webhook_key: str, if_missing: Literal["ignore", "fail"] = "ignore", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if if_missing not in {"ignore", "fail"}:
            raise ValueError(f"if_missing={short_repr(if_missing)}: must be 'ignore' or 'fail'")
        check_early(webhook_key, checked_key, argument="webhook_key")
        self.webhook_key = webhook_key
        self.if_missing = if_missing

    def act(self, context: Context) -> None:  # noqa: ARG002
        """Delete the webhook."""
        key = checked_key(self.webhook_key, argument="webhook_key")
        try:
            self.hook.delete_webhook(key)
        except PartneroNotFoundError:
            if self.if_missing == "fail":
                raise
            self.log.info("No webhook %r: nothing to delete", key)
            return
        self.log.info("Deleted webhook %r", key)
