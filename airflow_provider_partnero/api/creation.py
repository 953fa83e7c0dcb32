"""Creating a webhook exactly once, even when answers are lost.

At Partnero, a ``key`` is not a lock. If it is taken, a POST may be refused (422 or 409), change the webhook that has
it, or create a second one. Partnero may also ignore the key. Nothing here relies on any of these.
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_partnero.api.clock import Deadline
from airflow_provider_partnero.api.endpoints import Endpoints
from airflow_provider_partnero.api.errors import (
    PartneroAmbiguousError,
    PartneroConflictError,
    PartneroError,
    PartneroNotFoundError,
    Reaction,
    Request,
    failure_of,
    is_about_key,
    is_passing,
)
from airflow_provider_partnero.api.listing import Listing
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.retries import Attempt, RetryPlan
from airflow_provider_partnero.api.specs import WebhookSpec


@dataclass(frozen=True, slots=True)
class Creation:
    """Creates webhooks, and finds those that it may have created.

    :param endpoints: for the POST, and to look up a key.
    :param listing: to look for the same content.
    :param retries: of each request.
    """

    endpoints: Endpoints
    listing: Listing
    retries: RetryPlan

    def create(self, spec: WebhookSpec) -> Webhook:
        """Create the webhook, or adopt the one that an unanswered POST of this call created.

        :raises PartneroAmbiguousError: it may have been created, and looking for it did not settle that.
        :raises PartneroConflictError: the key belongs to a webhook that differs.
        :raises PartneroError: the last attempt failed.
        """
        if spec.key is None:
            return self._create_without_key(spec)
        deadline = self.retries.deadline()
        doubt: PartneroError | None = None

        def attempt(_attempt: Attempt) -> Webhook:
            nonlocal doubt
            if doubt and (made := self._look_again(spec, doubt, deadline)):
                return made
            try:
                return self.endpoints.create(spec, deadline)
            except PartneroError as error:
                if failure_of(error).keyed_create is Reaction.LOOK:
                    doubt = error
                if is_about_key(error) and (existing := self.find(spec, deadline, just_made=doubt is not None)):
                    return existing
                raise

        try:
            return self.retries.run(attempt, Request.KEYED_CREATE, deadline)
        except PartneroError as error:
            if error is doubt and (made := self._look_again(spec, error, deadline)):
                return made
            raise

    def find(
        self, spec: WebhookSpec, deadline: Deadline, *, just_made: bool, by_content: bool = False
    ) -> Webhook | None:
        """The webhook of which creating ``spec`` would make a duplicate, or None.

        :param just_made: the webhook with this key was made by an earlier try of ours.
        :param by_content: if no webhook has the key, look in the list for one of the same name, URL, events and state:
            Partnero may have ignored our key.
        :raises PartneroConflictError: the key belongs to a webhook that differs.
        """
        if spec.key is not None and (webhook := self._get(spec.key, deadline)):
            if changes := spec.differences(webhook, just_made=just_made):
                raise PartneroConflictError(
                    409,
                    f"a webhook with this key exists and differs in {', '.join(change.field for change in changes)}",
                    method="POST",
                    path=f"/webhooks (key {spec.key!r})",
                )
            return webhook
        if not by_content:
            return None
        return self.listing.find(lambda webhook: spec.is_met_by(webhook, just_made=just_made), deadline)

    def _get(self, key: str, deadline: Deadline) -> Webhook | None:
        try:
            return self.retries.run(lambda _: self.endpoints.get(key, deadline), Request.REPEATABLE, deadline)
        except PartneroNotFoundError:
            return None

    def _create_without_key(self, spec: WebhookSpec) -> Webhook:
        try:
            return self.retries.run(lambda attempt: self.endpoints.create(spec, attempt.deadline), Request.PLAIN_CREATE)
        except PartneroError as error:
            if failure_of(error).plain_create is Reaction.AMBIGUOUS:
                raise PartneroAmbiguousError(
                    f"the create of webhook {spec.name!r} was sent and may have happened ({error}); "
                    "look for it before you create it again, or create it with a key"
                ) from error
            raise

    def _look_again(self, spec: WebhookSpec, doubt: PartneroError, deadline: Deadline) -> Webhook | None:
        try:
            return self.find(spec, deadline, just_made=True, by_content=True)
        except PartneroError as error:
            if not is_passing(error):
                raise
            raise PartneroAmbiguousError(
                f"the create of webhook {spec.name!r} with key {spec.key!r} was sent and may have happened "
                f"({doubt}); looking for it failed too ({error})"
            ) from error
