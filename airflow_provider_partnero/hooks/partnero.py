"""The hook: an Airflow connection becomes a :class:`~airflow_provider_partnero.api.PartneroClient`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk.log import mask_secret

from airflow_provider_partnero.airflow_compat import BaseHook
from airflow_provider_partnero.api.arguments import CALL_SECONDS
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.hooks.advice import advice_in_test
from airflow_provider_partnero.hooks.connection import settings_of
from airflow_provider_partnero.webhooks.texts import program_label

if TYPE_CHECKING:
    from pydantic import JsonValue

    from airflow_provider_partnero.api import PartneroClient, Program, Webhook

# For each new secret, Airflow's masker recompiles the patterns of all: 100 take 0.1 s, 1,000 take 22 s, and every log
# line is matched against them. Nothing of ours prints a signature; masking is a second defence, for the user's code.
_MOST_MASKED_OF_LISTS = 200
_MOST_MASKED = 300


class PartneroHook(BaseHook):
    """Reads and writes Partnero's webhooks through an Airflow connection, with the methods of the client.

    The signatures of the webhooks that it returns are registered with Airflow's secrets masker: at most 300 per hook,
    200 of them from lists.

    :param partnero_conn_id: connection of type ``partnero``; its password is the programme's API token.
    """

    conn_name_attr = "partnero_conn_id"
    default_conn_name = "partnero_default"
    conn_type = "partnero"
    hook_name = "Partnero"
    clock = Clock()  # a test sets its own

    def __init__(
        self,
        partnero_conn_id: str = default_conn_name,
        *,
        max_attempts: int | None = None,
        page_concurrency: int | None = None,
        deadline: float = CALL_SECONDS,
    ) -> None:
        """
        :param max_attempts: attempts per request, instead of the connection's; for triggers, which poll again anyway.
        :param page_concurrency: requests in flight, instead of the connection's; with 1, no page is read ahead.
        :param deadline: seconds that one call may take, with all its attempts and waits.
        """
        super().__init__()
        self.partnero_conn_id = partnero_conn_id
        self._max_attempts = max_attempts
        self._page_concurrency = page_concurrency
        self._deadline = deadline
        self._client: PartneroClient | None = None
        self._masked: set[str] = set()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The connection form for Airflow before 3.2; later versions read ``get_provider_info``.

        In this form the extra fields have no inputs of their own, so it keeps the JSON box for them.
        """
        return {
            "hidden_fields": ["schema", "login", "port"],
            "relabeling": {"password": "API token", "host": "Base URL"},
            "placeholders": {
                "host": "https://api.partnero.com/v1",
                "extra": '{"timeout": 30, "max_attempts": 5, "page_concurrency": 8, "verify_tls": true}',
            },
        }

    def get_conn(self) -> PartneroClient:
        """The client of this hook's connection, created on the first call.

        :raises ValueError: the connection has no token, or a field has a value that is not allowed.
        """
        if self._client is None:
            self._client = self._new_client()
        return self._client

    def test_connection(self) -> tuple[bool, str]:
        """Whether host and token work, and a message that says what is wrong and what to do."""
        try:
            with self._new_client(max_attempts=1) as client:
                client.ping()
                where = client.base_url
                program = _find_program(client)
        except (PartneroError, ValueError) as error:
            return False, advice_in_test(error, self.partnero_conn_id)
        whose = f" It belongs to the programme {program_label(program)}." if program else ""
        return True, f"Partnero at {where} accepts the token.{whose}"

    def get_program(self) -> Program | None:
        """See :meth:`PartneroClient.get_program`."""
        return self.get_conn().get_program()

    def find_program(self) -> Program | None:
        """The programme as far as Partnero tells: None also if it cannot be read just now. It never fails a task."""
        return _find_program(self.get_conn())

    def list_webhooks(self, *, limit: int = 100, page: int = 1) -> list[Webhook]:
        """See :meth:`PartneroClient.list_webhooks`."""
        return self._mask(self.get_conn().list_webhooks(limit=limit, page=page))

    def iter_webhooks(self, *, page_size: int = 100, consistent: bool = False) -> Iterator[Webhook]:
        """See :meth:`PartneroClient.iter_webhooks`; reads to the end before it yields the first webhook."""
        return iter(self._mask(list(self.get_conn().iter_webhooks(page_size=page_size, consistent=consistent))))

    def export(self) -> str:
        """The live webhooks as the YAML text of a declaration file, for ``PartneroReconcileWebhooksOperator``.

        See :func:`~airflow_provider_partnero.webhooks.export.export` for what it holds; there are no secrets in it.
        """
        from airflow_provider_partnero.webhooks.export import export

        program = self.find_program()
        webhooks = self.get_conn().iter_webhooks(consistent=True)
        return export(
            webhooks,
            program=program_label(program) if program else "",
            partnero_conn_id=self.partnero_conn_id,
        )

    def get_webhook(self, key: str) -> Webhook:
        """See :meth:`PartneroClient.get_webhook`."""
        return self._mask([self.get_conn().get_webhook(key)])[0]

    def find_webhook(
        self,
        *,
        name: str,
        url: str,
        events: Iterable[str],
        is_active: bool = True,
        key: str | None = None,
        is_ours: bool = False,
        by_content: bool = False,
    ) -> Webhook | None:
        """See :meth:`PartneroClient.find_webhook`."""
        webhook = self.get_conn().find_webhook(
            name=name, url=url, events=events, is_active=is_active, key=key, is_ours=is_ours, by_content=by_content
        )
        return self._mask([webhook])[0] if webhook else None

    def create_webhook(
        self,
        *,
        name: str,
        url: str,
        events: Iterable[str],
        is_active: bool = True,
        key: str | None = None,
        if_exists: Literal["adopt", "fail"] = "adopt",
        is_retry: bool = False,
        listed: Collection[Webhook] | None = None,
    ) -> Webhook:
        """See :meth:`PartneroClient.create_webhook`."""
        created = self.get_conn().create_webhook(
            name=name,
            url=url,
            events=events,
            is_active=is_active,
            key=key,
            if_exists=if_exists,
            is_retry=is_retry,
            listed=listed,
        )
        return self._mask([created])[0]

    def update_webhook(
        self,
        key: str,
        *,
        name: str | None = None,
        url: str | None = None,
        is_active: bool | None = None,
        events: Iterable[str] | None = None,
    ) -> Webhook:
        """See :meth:`PartneroClient.update_webhook`."""
        updated = self.get_conn().update_webhook(key, name=name, url=url, is_active=is_active, events=events)
        return self._mask([updated])[0]

    def delete_webhook(self, key: str) -> None:
        """See :meth:`PartneroClient.delete_webhook`."""
        self.get_conn().delete_webhook(key)

    def ping(self) -> None:
        """See :meth:`PartneroClient.ping`."""
        self.get_conn().ping()

    def _new_client(self, max_attempts: int | None = None) -> PartneroClient:
        from airflow_provider_partnero.api.client import PartneroClient

        connection = self.get_connection(self.partnero_conn_id)
        token = (connection.password or "").strip()
        if not token:
            raise ValueError(
                f"connection {self.partnero_conn_id!r} has no API token: put it into its password field "
                "(in the form: API token)"
            )
        mask_secret(token)
        settings = settings_of(connection)
        try:
            return PartneroClient(
                token,
                settings.base_url,
                timeout=settings.timeout,
                max_attempts=max_attempts or self._max_attempts or settings.max_attempts,
                page_concurrency=self._page_concurrency or settings.page_concurrency,
                verify=settings.verify,
                deadline=self._deadline,
                clock=self.clock,
            )
        except ValueError as error:
            raise ValueError(f"connection {self.partnero_conn_id!r}: {error}") from None

    def _mask(self, webhooks: list[Webhook]) -> list[Webhook]:
        new = dict.fromkeys(
            webhook.signature for webhook in webhooks if webhook.signature and webhook.signature not in self._masked
        )
        most = _MOST_MASKED if len(webhooks) == 1 else _MOST_MASKED_OF_LISTS
        masked = list(new)[: max(0, most - len(self._masked))]
        if masked:
            secrets: JsonValue = [*masked]
            mask_secret(secrets)
            self._masked.update(masked)
        return webhooks


def _find_program(client: PartneroClient) -> Program | None:
    try:
        return client.get_program()
    except PartneroError:
        return None
