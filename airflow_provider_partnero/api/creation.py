"""Creating a webhook exactly once, even when answers are lost.

At Partnero, a ``key`` is not a lock. If it is taken, a POST may be refused (422 or 409), change the webhook that has
it, or create a second one. Partnero may also ignore the key. Nothing here relies on any of these.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_partnero.api.clock import Deadline
from airflow_provider_partnero.api.doubt import Snapshot
from airflow_provider_partnero.api.errors import PartneroAmbiguousError, PartneroError, Request, failure_of
from airflow_provider_partnero.api.existing import Existing, conflict
from airflow_provider_partnero.api.keyed_create import KeyedCreate
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.api.specs import WebhookSpec

IfExists = Literal["adopt", "fail"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Creation:
    """Creates webhooks, and finds those that it may have created.

    :param existing: looks for webhooks.
    :param keys_ignored: set once an answer has shown that this server ignores keys.
    """

    existing: Existing
    keys_ignored: threading.Event = field(default_factory=threading.Event)

    def create(
        self,
        spec: WebhookSpec,
        *,
        if_exists: IfExists = "adopt",
        is_retry: bool = False,
        listed: Collection[Webhook] | None = None,
    ) -> Webhook:
        """Create the webhook, or adopt the one that has its key.

        :param if_exists: what to do if an equal webhook has the key before anything is sent.
        :param is_retry: an earlier call may have created it.
        :param listed: all webhooks, read a moment ago, none with the key; None: look before the POST.
        :raises PartneroAmbiguousError: it may have been created, and looking for it did not settle that.
        :raises PartneroConflictError: the key belongs to another webhook.
        :raises PartneroDuplicateError: it may have been created twice.
        :raises PartneroError: the last attempt failed.
        """
        deadline = self.existing.retries.deadline()
        if spec.key is None:
            return self._create_without_key(spec, deadline)
        if listed is not None:
            there: frozenset[str] | None = frozenset(webhook.key for webhook in listed)
        elif found := self.existing.with_key(spec, deadline, just_made=is_retry):
            return _adopted(found, if_exists)
        else:
            there = self._keys_before(deadline)
        snapshot = None if there is None else Snapshot(there, is_before=not is_retry)
        create = KeyedCreate(self.existing, self.keys_ignored, spec, deadline, snapshot, unseen=int(is_retry))
        made = create.run()
        return _adopted(made, if_exists) if create.is_adopted else made

    def find(
        self, spec: WebhookSpec, deadline: Deadline, *, just_made: bool, by_content: bool = False
    ) -> Webhook | None:
        """The webhook of which creating ``spec`` would make a duplicate, or None.

        :param just_made: the webhook with this key was made by an earlier try of ours.
        :param by_content: if no webhook has the key, look in the list for one of the same name, URL, events and state:
            Partnero may have ignored our key.
        :raises PartneroConflictError: the key belongs to a webhook that differs.
        """
        if webhook := self.existing.with_key(spec, deadline, just_made=just_made):
            return webhook
        return self.existing.alike(spec, deadline, just_made=just_made) if by_content else None

    def _keys_before(self, deadline: Deadline) -> frozenset[str] | None:
        """The keys that are there, if one request tells: they matter only if Partnero ignores keys."""
        try:
            return self.existing.keys_on_one_page(deadline.halfway())
        except PartneroError as error:
            log.warning("What is there before the create is unknown: %s", error)
            return None

    def _create_without_key(self, spec: WebhookSpec, deadline: Deadline) -> Webhook:
        retries, endpoints = self.existing.retries, self.existing.endpoints
        try:
            return retries.run(lambda _: endpoints.create(spec, deadline), Request.PLAIN_CREATE, deadline)
        except PartneroError as error:
            if failure_of(error).is_doubt:
                raise PartneroAmbiguousError(
                    f"the create of webhook {short_repr(spec.name)} was sent and may have happened ({error}); "
                    "look for it before you create it again, or create it with a key"
                ) from error
            raise


def _adopted(webhook: Webhook, if_exists: IfExists) -> Webhook:
    if if_exists == "fail":
        raise conflict(webhook.key, "exists already, and if_exists='fail'")
    log.info("Webhook %r exists already and is equal: adopted, nothing created", webhook.key)
    return webhook
