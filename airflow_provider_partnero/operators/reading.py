"""Reading webhooks: all of them, or one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.arguments import checked_key
from airflow_provider_partnero.operators.arguments import OptionalArgument, as_events, as_flag, check_early
from airflow_provider_partnero.operators.base import PartneroOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class PartneroListWebhooksOperator(PartneroOperator):
    """Read all webhooks of the programme, however many pages they fill.

    Returns a list of ``{"key", "name", "url", "is_active", "events"}``, in Partnero's order.
    Source: the specification, "Get a list of webhooks".

    :param is_active: only active (True) or only inactive webhooks (False); None: both. Templated.
    :param events: only webhooks that subscribe to at least one of these events; None: all. Templated.
    :param include_signature: add each webhook's signing secret to XCom, **in clear**.
    :param partnero_conn_id: connection of type ``partnero``. Templated.
    """

    template_fields: Sequence[str] = ("is_active", "events", "partnero_conn_id")

    def __init__(
        self,
        *,
        is_active: bool | str | None = None,
        events: Iterable[str] | str | None = None,
        include_signature: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.is_active = is_active
        self.events = events
        self._wanted_state = OptionalArgument.of("is_active", is_active, as_flag)
        self._wanted_events = OptionalArgument.of("events", events, as_events)
        self.include_signature = include_signature

    def act(self, context: Context) -> list[dict[str, Any]]:  # noqa: ARG002
        """Read all webhooks and filter them."""
        is_active = self._wanted_state.value(self.is_active)
        events = self._wanted_events.value(self.events)
        webhooks = [
            webhook
            for webhook in self.hook.iter_webhooks(consistent=True)
            if (is_active is None or webhook.is_active is is_active)
            and (events is None or not set(events).isdisjoint(webhook.events))
        ]
        self.log.info("%d webhooks", len(webhooks))
        return [webhook.to_dict(include_signature=self.include_signature) for webhook in webhooks]


class PartneroGetWebhookOperator(PartneroOperator):
    """Fetch one webhook; fails at once if there is none.

    Returns ``{"key", "name", "url", "is_active", "events"}``. Source: the specification, "Fetch a webhook".

    :param webhook_key: the webhook's key. Templated.
    :param include_signature: add the signing secret to XCom, **in clear**.
    :param partnero_conn_id: connection of type ``partnero``. Templated.
    """

    template_fields: Sequence[str] = ("webhook_key", "partnero_conn_id")

    def __init__(self, *, webhook_key: str, include_signature: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_early(webhook_key, checked_key, argument="webhook_key")
        self.webhook_key = webhook_key
        self.include_signature = include_signature

    def act(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Fetch the webhook."""
        webhook = self.hook.get_webhook(checked_key(self.webhook_key, argument="webhook_key"))
        return webhook.to_dict(include_signature=self.include_signature)
