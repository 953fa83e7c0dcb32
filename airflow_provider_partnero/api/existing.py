"""The webhooks that are there already: looked up by key or by content, and deleted if they are too many."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_partnero.api.clock import Deadline
from airflow_provider_partnero.api.endpoints import Endpoints
from airflow_provider_partnero.api.errors import (
    PartneroConflictError,
    PartneroError,
    PartneroNotFoundError,
    Request,
    failure_of,
)
from airflow_provider_partnero.api.listing import Listing
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.api.retries import Attempt, RetryPlan
from airflow_provider_partnero.api.specs import WebhookSpec


@dataclass(frozen=True, slots=True)
class Existing:
    """Looks for webhooks, with retries, until a deadline.

    :param endpoints: to look up a key, and to delete.
    :param listing: to look for content.
    :param retries: of each request.
    """

    endpoints: Endpoints
    listing: Listing
    retries: RetryPlan

    def with_key(self, spec: WebhookSpec, deadline: Deadline, *, just_made: bool) -> Webhook | None:
        """The webhook that has the key of ``spec``, or None.

        :param just_made: it was made from ``spec``, if it exists.
        :raises PartneroConflictError: it differs.
        """
        webhook = None if spec.key is None else self._get(spec.key, deadline)
        if webhook and (changes := spec.differences(webhook, just_made=just_made)):
            raise conflict(webhook.key, f"exists and differs in {', '.join(change.field for change in changes)}")
        return webhook

    def alike(self, spec: WebhookSpec, deadline: Deadline, *, just_made: bool) -> Webhook | None:
        """A webhook of the same name, URL, events and state, or None."""
        return self.listing.find(lambda webhook: spec.is_met_by(webhook, just_made=just_made), deadline)

    def all_made_from(self, spec: WebhookSpec, deadline: Deadline) -> tuple[Webhook, ...]:
        """All webhooks that may have been made from ``spec`` a moment ago, judged by their content."""
        return self.listing.find_all(lambda webhook: spec.is_met_by(webhook, just_made=True), deadline)

    def keys(self, deadline: Deadline) -> frozenset[str]:
        """The keys of all webhooks."""
        return frozenset(webhook.key for webhook in self.listing.find_all(lambda _: True, deadline))

    def keys_on_one_page(self, deadline: Deadline) -> frozenset[str] | None:
        """The keys of all webhooks if one request reads them; None if there are more."""
        webhooks = self.listing.on_one_page(deadline)
        return None if webhooks is None else frozenset(webhook.key for webhook in webhooks)

    def delete(self, key: str, deadline: Deadline) -> None:
        """Delete a webhook.

        :raises PartneroNotFoundError: it is not there, and no failed attempt may have deleted it.
        """
        may_be_done = False

        def delete(_attempt: Attempt) -> None:
            nonlocal may_be_done
            try:
                self.endpoints.delete(key, deadline)
            except PartneroNotFoundError:
                if not may_be_done:
                    raise
            except PartneroError as error:
                may_be_done = may_be_done or failure_of(error).is_doubt
                raise

        self.retries.run(delete, Request.REPEATABLE, deadline)

    def _get(self, key: str, deadline: Deadline) -> Webhook | None:
        try:
            return self.retries.run(lambda _: self.endpoints.get(key, deadline), Request.REPEATABLE, deadline)
        except PartneroNotFoundError:
            return None


def conflict(key: str, words: str) -> PartneroConflictError:
    """The error for a webhook that has the key already."""
    path = f"/webhooks (key {short_repr(key)})"
    return PartneroConflictError(409, f"a webhook with this key {words}", method="POST", path=path)
