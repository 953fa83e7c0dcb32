"""Operators that register and remove the webhook of this Airflow's receiver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_partnero.airflow_compat import conf
from airflow_provider_partnero.api.arguments import checked_name, checked_url
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.errors import PartneroError, PartneroNotFoundError
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.operators.arguments import (
    OptionalArgument,
    as_events,
    as_flag,
    as_optional_text,
    check_early,
)
from airflow_provider_partnero.operators.base import PartneroOperator
from airflow_provider_partnero.operators.keys import declared_key, declared_keys
from airflow_provider_partnero.operators.reconcile import half_applied
from airflow_provider_partnero.webhooks.protection import receiver_url
from airflow_provider_partnero.webhooks.texts import visible

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.api import Webhook
    from airflow_provider_partnero.webhooks.delivery import Store

_SECTION = "partnero"


class PartneroRegisterReceiverOperator(PartneroOperator):
    """Create or update the webhook that delivers events to this Airflow's receiver.

    Its log says what is stored of a delivery, who can read it, and until when.

    Safe to repeat: a run that finds the webhook unchanged writes nothing. It recognises the webhook by a key derived
    from connection and name.

    Returns what ``PartneroReconcileWebhooksOperator`` returns, and ``"url"``, the URL that Partnero delivers to.

    :param events: the events to deliver. Templated.
    :param base_url: URL at which Partnero reaches the API server, without ``/partnero/webhooks/<connection id>``. None:
        ``[partnero] receiver_base_url``, else ``[api] base_url``. Templated.
    :param webhook_name: the webhook's name; None: ``Airflow receiver at <host>``, so that two Airflows do not take the
        webhook from each other. Below paths of one host, give each Airflow a name of its own. Templated.
    :param wait_until_active: wait up to 10 minutes until the webhook is active. Templated.
    :param partnero_conn_id: connection of type ``partnero``; also the last part of the receiver's URL. Templated.
    """

    template_fields: Sequence[str] = ("events", "base_url", "webhook_name", "wait_until_active", "partnero_conn_id")
    clock = Clock()  # a test sets its own

    def __init__(
        self,
        *,
        events: Iterable[str] | str,
        base_url: str | None = None,
        webhook_name: str | None = None,
        wait_until_active: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_early(events, as_events, argument="events")
        self.events = events
        self.base_url = base_url
        self.webhook_name = webhook_name
        self._given_name = OptionalArgument.of("webhook_name", webhook_name, checked_name)
        self.wait_until_active = wait_until_active

    def act(self, context: Context) -> dict[str, Any]:
        """Reconcile the one webhook."""
        from airflow_provider_partnero.api.specs import WebhookSpec
        from airflow_provider_partnero.operators.apply import Reconciliation

        base_url = receiver_base_url(self.base_url)
        url = receiver_url(base_url, self.partnero_conn_id)
        self._warn_about(url)
        self._say_what_is_stored()
        name = self._given_name.value(self.webhook_name) or _default_name(base_url)
        key = declared_key(self.partnero_conn_id, name)
        spec = WebhookSpec(name=name, url=url, events=as_events(self.events), key=key)
        is_waiting = as_flag(self.wait_until_active, argument="wait_until_active")
        reconciliation = Reconciliation(self.hook, (spec,), self.log, clock=self.clock)
        return reconciliation.run(wait_until_active=is_waiting, halted=half_applied(context)) | {"url": url}

    def _warn_about(self, url: str) -> None:
        from airflow_provider_partnero.webhooks.destinations import Destination
        from airflow_provider_partnero.webhooks.hosts import internal_kind

        host = Destination.of(url).host
        kind = internal_kind(host) if host else None
        if kind:
            self.log.warning("Partnero cannot reach %s from the internet: its host is %s", url, kind)
        if not conf.getboolean(_SECTION, "receiver_enabled", fallback=False):
            self.log.warning(
                "[partnero] receiver_enabled is not True here; unless it is on the API server, or "
                "partnero-receiver or a drain takes the deliveries, nothing does"
            )
        connections = conf.get(_SECTION, "receiver_connections", fallback="partnero_default")
        if self.partnero_conn_id not in map(str.strip, connections.split(",")):
            self.log.warning(
                "[partnero] receiver_connections = %s is without %s here; unless it is there where deliveries "
                "are received, they are answered 404",
                short_repr(connections),
                short_repr(self.partnero_conn_id),
            )

    def _say_what_is_stored(self) -> None:
        from airflow_provider_partnero.hooks.connection import store_of
        from airflow_provider_partnero.webhooks.delivery import read_store

        own = store_of(self.hook.get_connection(self.partnero_conn_id))
        store = own or read_store(conf.get(_SECTION, "store", fallback="full"))
        days = conf.get(_SECTION, "keep_days", fallback="91")
        self.log.info(
            "Of a delivery, %s. Everybody who may read asset events in this Airflow can read it, and so can the tasks "
            "of DAGs that are scheduled on it, until `airflow db clean` deletes the events. For %s days the ledger "
            "keeps the same, encrypted with Airflow's Fernet key. Less is kept with the field store of connection %s, "
            "or with [partnero] store, if that is so on the API server, too",
            _words_of(store),
            days,
            short_repr(self.partnero_conn_id),
        )


class PartneroUnregisterReceiverOperator(PartneroOperator):
    """Delete the webhook that ``PartneroRegisterReceiverOperator`` created with the same arguments.

    Safe to repeat: it is fine if the webhook is gone already.

    Returns ``{"deleted": [{"key", "name"}]}``.

    :param base_url: as in ``PartneroRegisterReceiverOperator``, but it must not render to nothing. Templated.
    :param webhook_name: as in ``PartneroRegisterReceiverOperator``. Templated.
    :param partnero_conn_id: connection of type ``partnero``. Templated.
    """

    template_fields: Sequence[str] = ("base_url", "webhook_name", "partnero_conn_id")

    def __init__(self, *, base_url: str | None = None, webhook_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.base_url = base_url
        self._is_base_url_given = base_url is not None
        self.webhook_name = webhook_name
        self._given_name = OptionalArgument.of("webhook_name", webhook_name, checked_name)

    def act(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Find the webhook by its key, or by its name and URL, and delete it."""
        from airflow_provider_partnero.api.names import normal_name
        from airflow_provider_partnero.api.urls import normal_url

        if self._is_base_url_given and as_optional_text(self.base_url) is None:
            raise ValueError(
                f"base_url={short_repr(self.base_url)}: must be the URL of the receiver to unregister; what a template "
                "renders to nothing does not stand for this Airflow's own"
            )
        base_url = receiver_base_url(self.base_url)
        url = receiver_url(base_url, self.partnero_conn_id)
        name = self._given_name.value(self.webhook_name) or _default_name(base_url)
        keys = declared_keys(self.partnero_conn_id, name)

        def is_ours(webhook: Webhook) -> bool:
            return webhook.key in keys or (
                normal_name(webhook.name) == normal_name(name) and normal_url(webhook.url) == normal_url(url)
            )

        found = [webhook for webhook in self.hook.get_conn().iter_webhooks(consistent=True) if is_ours(webhook)]
        nameable = [webhook for webhook in found if "key" not in webhook.unreadable]
        for webhook in nameable:
            self._delete(webhook.key)
        if len(nameable) < len(found):
            raise PartneroError(
                f"{len(found) - len(nameable)} webhooks {short_repr(name)} have keys that no request can name: delete "
                f"them at Partnero; {len(nameable)} others are deleted"
            )
        if not found:
            self.log.info("There is no webhook %r", name)
        return {"deleted": [{"key": visible(webhook.key), "name": visible(webhook.name)} for webhook in nameable]}

    def _delete(self, key: str) -> None:
        try:
            self.hook.delete_webhook(key)
            self.log.info("Deleted webhook %r", key)
        except PartneroNotFoundError:
            self.log.info("Webhook %r is gone already", key)


def receiver_base_url(given: str | None, *, argument: str = "base_url") -> str:
    """The URL in front of the receiver's path: as given, or as Airflow's configuration says.

    :raises ValueError: it is no http(s) URL, or has a user, ``?`` or ``#``.
    """
    sources = (
        (argument, as_optional_text(given)),
        ("[partnero] receiver_base_url", conf.get(_SECTION, "receiver_base_url", fallback="")),
        ("[api] base_url", conf.get("api", "base_url", fallback="")),
    )
    source, value = next(((source, value) for source, value in sources if value), (argument, ""))
    base_url = value.strip()
    if not _is_base_url(base_url):
        from airflow_provider_partnero.api.redaction import redact_url

        raise ValueError(
            f"{source}={short_repr(redact_url(value))}: must be the URL at which Partnero reaches the API server, such "
            "as 'https://airflow.example.com', without user, password, '?' and '#'"
        )
    return base_url


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(checked_url(text))
    except ValueError:
        return False
    return "@" not in parts.netloc and not {"?", "#"} & set(text)


def _words_of(store: Store) -> str:
    if store == "full":
        return "all data is stored (store = full): personal data of customers and partners, too"
    if store == "data-keys":
        return "the identifiers and the names of the fields in its data are stored (store = data-keys)"
    if store == "ids":
        return "no data is stored (store = ids), but event, webhook and time"
    return f"these fields are stored: {store}"


def _default_name(base_url: str) -> str:
    """The same for every spelling of a URL."""
    from airflow_provider_partnero.api.urls import normal_url

    return f"Airflow receiver at {urlsplit(normal_url(base_url)).netloc}"
