"""Creating one webhook, once, whatever becomes of the answers.

A ``key`` is no lock at Partnero: a POST with a key that is taken may be refused (422 or 409), change the webhook that
has it, or make a second one, and Partnero may ignore keys that we supply. So nothing here builds on any of these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_partnero.api.addresses import comparable_url
from airflow_provider_partnero.api.arguments import trimmed
from airflow_provider_partnero.api.errors import (
    PartneroAmbiguousError,
    PartneroConflictError,
    PartneroError,
    is_about_key,
    is_passing,
)
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.retries import Reaction, Request, RetryPlan, reaction_to


@dataclass(frozen=True, slots=True)
class Wanted:
    """The webhook that a create asks for."""

    name: str
    url: str
    events: tuple[str, ...]
    is_active: bool
    key: str | None = None

    def body(self) -> dict[str, Any]:
        """The JSON of the POST."""
        fields: dict[str, Any] = {"name": self.name, "url": self.url, "events": list(self.events)}
        fields["is_active"] = self.is_active
        if self.key is not None:
            fields["key"] = self.key
        return fields

    def differences(self, webhook: Webhook, *, is_ours: bool) -> list[str]:
        """The fields in which a webhook is not what is wanted, beyond what a server may write otherwise: blanks around
        the name, the order of events, another spelling of the same URL.

        :param is_ours: we made it a moment ago, so that it may be switched on but not active yet.
        """
        pairs = {
            "name": (trimmed(webhook.name), trimmed(self.name)),
            "url": (comparable_url(webhook.url), comparable_url(self.url)),
            "events": (set(webhook.events), set(self.events)),
            "is_active": (webhook.is_active or (is_ours and self.is_active), self.is_active),
        }
        return [field for field, (found, wanted) in pairs.items() if found != wanted]


@dataclass(frozen=True, slots=True)
class Creation:
    """What creating needs of the client."""

    post: Callable[[Wanted], Webhook]
    get: Callable[[str], Webhook | None]
    search: Callable[[Callable[[Webhook], bool]], Webhook | None]
    retries: RetryPlan

    def create(self, wanted: Wanted) -> Webhook:
        """Make the webhook, or adopt the one that an unanswered POST of this call has made.

        :raises PartneroAmbiguousError: it may have been made, and nothing could tell.
        :raises PartneroConflictError: the key belongs to a webhook that differs.
        :raises PartneroError: as the last attempt ended.
        """
        if wanted.key is None:
            return self._create_plainly(wanted)
        doubt: PartneroError | None = None

        def attempt(_number: int) -> Webhook:
            nonlocal doubt
            if doubt and (made := self._look_again(wanted, doubt)):
                return made
            try:
                return self.post(wanted)
            except PartneroError as error:
                if reaction_to(error, Request.KEYED_CREATE) is Reaction.LOOK:
                    doubt = error
                if is_about_key(error) and (existing := self.find(wanted, is_ours=doubt is not None)):
                    return existing
                raise

        try:
            return self.retries.run(attempt, Request.KEYED_CREATE)
        except PartneroError as error:
            if error is doubt and (made := self._look_again(wanted, error)):
                return made
            raise

    def find(self, wanted: Wanted, *, is_ours: bool, by_content: bool = False) -> Webhook | None:
        """The webhook that a create of ``wanted`` would double, or None.

        :param is_ours: what bears the key was made by an earlier try of ours.
        :param by_content: when no webhook has the key, look for the very same name, URL, events and state in the list,
            since Partnero may have ignored the key that we supplied.
        :raises PartneroConflictError: the key belongs to a webhook that differs.
        """
        if wanted.key is not None and (webhook := self.get(wanted.key)):
            if fields := wanted.differences(webhook, is_ours=is_ours):
                raise PartneroConflictError(
                    409,
                    f"a webhook with this key exists and differs in {', '.join(fields)}",
                    method="POST",
                    path=f"/webhooks (key {wanted.key!r})",
                )
            return webhook
        if not by_content:
            return None
        return self.search(lambda webhook: not wanted.differences(webhook, is_ours=is_ours))

    def _create_plainly(self, wanted: Wanted) -> Webhook:
        try:
            return self.retries.run(lambda _number: self.post(wanted), Request.PLAIN_CREATE)
        except PartneroError as error:
            if reaction_to(error, Request.PLAIN_CREATE) is Reaction.AMBIGUOUS:
                raise PartneroAmbiguousError(
                    f"the create of webhook {wanted.name!r} was sent and may have happened ({error}); "
                    "look for it before you create it again, or create with a key"
                ) from error
            raise

    def _look_again(self, wanted: Wanted, doubt: PartneroError) -> Webhook | None:
        try:
            return self.find(wanted, is_ours=True, by_content=True)
        except PartneroError as error:
            if not is_passing(error):
                raise
            raise PartneroAmbiguousError(
                f"the create of webhook {wanted.name!r} with key {wanted.key!r} was sent and may have happened "
                f"({doubt}); looking for it failed too ({error})"
            ) from error
