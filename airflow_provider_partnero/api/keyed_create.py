"""One create with a key, through all its attempts: what is in doubt is looked for before and after it is sent again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from airflow_provider_partnero.api.clock import Deadline
from airflow_provider_partnero.api.doubt import Snapshot, Verdict, judge, listed, undeleted, unknown_outcome
from airflow_provider_partnero.api.errors import (
    PartneroAmbiguousError,
    PartneroError,
    PartneroNotFoundError,
    PartneroValidationError,
    Reaction,
    Request,
    failure_of,
    is_about_key,
    is_passing,
)
from airflow_provider_partnero.api.existing import Existing
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.api.retries import Attempt
from airflow_provider_partnero.api.specs import WebhookSpec

# Seconds between two looks for a webhook whose create is in doubt: a server may go on after its gateway has given up.
PAUSES = (0.5, 1.0, 2.0, 3.0, 4.0)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class KeyedCreate:
    """A create with a key that no webhook has.

    :param existing: looks for webhooks.
    :param keys_ignored: set once an answer has shown that this server ignores keys.
    :param spec: what to create, with its key.
    :param deadline: when the call ends.
    :param snapshot: what was there before; None: unknown.
    :param unseen: POSTs that may have been carried out unnoticed.
    :param refused: POSTs that were refused with 429.
    :param failure: of the last attempt.
    :param doubt: the last failure after which the webhook may have been created.
    :param answered: the webhook that an answer named.
    """

    existing: Existing
    keys_ignored: threading.Event
    spec: WebhookSpec
    deadline: Deadline
    snapshot: Snapshot | None
    unseen: int
    refused: int = 0
    failure: PartneroError | None = None
    doubt: PartneroError | None = None
    answered: Webhook | None = None

    def run(self) -> Webhook:
        """Create the webhook, or find the one that an attempt without an answer created.

        :raises PartneroError: see :meth:`Creation.create`.
        """
        try:
            made = self.existing.retries.run(self._attempt, Request.KEYED_CREATE, self.deadline)
        except PartneroError as error:
            if self.doubt is None or not (is_passing(error) or isinstance(error, PartneroValidationError)):
                raise
            made = self._look_patiently() or self._give_up(error)
        return self._without_surplus(made)

    @property
    def is_adopted(self) -> bool:
        """Whether the webhook cannot be of this create: nothing that was sent may have made it."""
        return self.answered is None and not self.unseen

    def _attempt(self, _attempt: Attempt) -> Webhook:
        if self.failure and (made := self._look_after(self.failure)):
            return made
        if self.unseen > 1 and len(new := self._new()) > 1:
            raise self._unanswered(new, self._own_suspects(new))
        try:
            self.answered = self.existing.endpoints.create(self.spec, self.deadline)
        except PartneroError as error:
            self.failure = error
            if failure_of(error).is_doubt:
                self._note_doubt(error)
            elif is_about_key(error) and (there := self._find_refused_key(error)):
                return there
            raise
        if self.answered.key != self.spec.key:
            self.keys_ignored.set()
        return self.answered

    def _note_doubt(self, doubt: PartneroError) -> None:
        self.doubt = doubt
        self.unseen += 1
        if self.snapshot is None:
            try:
                # A list that drips must leave time to look for the key.
                self.snapshot = Snapshot(self.existing.keys(self.deadline.halfway()), is_before=False)
            except PartneroError as error:
                log.warning("What is there after the create is unknown: %s", error)

    def _look_after(self, failure: PartneroError) -> Webhook | None:
        if failure_of(failure).is_doubt:
            return self._look_patiently()
        if failure_of(failure).keyed_create is not Reaction.LOOK:
            return None
        self._wait_for_pace()
        return self._find_key()

    def _wait_for_pace(self) -> None:
        """Wait longer with each refused POST: for the client's pace, a look that passes ends the limit."""
        self.refused += 1
        if self.refused > 1:
            self._wait(self.existing.retries.wait(self.refused - 1, None))

    def _look_patiently(self) -> Webhook | None:
        for pause in PAUSES:
            try:
                if made := self._look():
                    return made
            except PartneroError as error:
                if not is_passing(error):
                    raise
            self._wait(pause)
        try:
            return self._look()
        except PartneroError as error:
            if not is_passing(error):
                raise
            raise self._ambiguous(f"looking for it failed too ({error})") from error

    def _wait(self, pause: float) -> None:
        # Never more than half of what is left, so that there is time for the last look.
        self.existing.retries.clock.wait(min(pause, self.deadline.left() / 2), threading.Event())

    def _look(self) -> Webhook | None:
        if found := self._find_key():
            return found
        return next(iter(self._new()), None) if self.keys_ignored.is_set() else None

    def _find_key(self) -> Webhook | None:
        return self.existing.with_key(self.spec, self.deadline, just_made=self.unseen > 0)

    def _find_refused_key(self, refusal: PartneroError) -> Webhook | None:
        """The webhook that has the refused key. After a doubt that is most likely the one of this create.

        :raises PartneroAmbiguousError: it is not shown yet, so a create with another key might be a second one.
        """
        if self.doubt is None:
            return self._find_key()
        if made := self._look_patiently():
            return made
        raise self._ambiguous(
            f"now Partnero refuses the key ({refusal}), but shows no webhook that has it"
        ) from refusal

    def _others(self) -> list[Webhook]:
        """All webhooks with this content, but for the one with our key."""
        made = self.existing.all_made_from(self.spec, self.deadline)
        return [webhook for webhook in made if webhook.key != self.spec.key]

    def _new(self) -> list[Webhook]:
        if self.snapshot is None:
            return []
        return [webhook for webhook in self._others() if webhook.key not in self.snapshot.keys]

    def _give_up(self, error: PartneroError) -> NoReturn:
        """No webhook has our key. Without an answer we cannot know whether Partnero ignores keys."""
        try:
            new = self._new()
        except PartneroError as unread:
            raise self._ambiguous(f"the list cannot be read ({unread})") from error
        if new:
            raise self._unanswered(new, ()) from error
        raise error

    def _own_suspects(self, new: list[Webhook]) -> list[Webhook]:
        """All webhooks that this create, with its earlier tries, may have made."""
        return new if self.snapshot and self.snapshot.is_before else self._others()

    def _unanswered(self, new: Sequence[Webhook], suspects: Sequence[Webhook]) -> PartneroAmbiguousError:
        """The error for webhooks that appeared without an answer.

        :param suspects: all that the create may have made, if a further try would only add one; it is final then.
        """
        keys = [webhook.key for webhook in suspects or new]
        words = f"no webhook has that key, but {listed(keys)} appeared with the same content"
        return self._ambiguous(words, keys if suspects else ())

    def _ambiguous(self, words: str, keys: Sequence[str] = ()) -> PartneroAmbiguousError:
        return PartneroAmbiguousError(
            f"the create of webhook {short_repr(self.spec.name)} with key {short_repr(self.spec.key)} was sent and may "
            f"have happened ({self.doubt or 'in an earlier try'}); {words}",
            keys,
        )

    def _without_surplus(self, made: Webhook) -> Webhook:
        """Look once more: an unanswered POST may have been carried out after the answered one."""
        unseen = self.unseen - (made is not self.answered)
        if unseen <= 0:
            return made
        try:
            verdict = self._judge(made, unseen)
        except PartneroError as error:
            if not is_passing(error):
                raise
            words = f"it exists as {short_repr(made.key)}, but looking for a second one failed ({error})"
            raise self._ambiguous(words) from error
        for number, webhook in enumerate(verdict.surplus):
            self._delete(webhook, [*verdict.remaining, *(left.key for left in verdict.surplus[number:])])
        if verdict.kept is None:
            raise unknown_outcome(self.spec.name, verdict.suspects)
        return verdict.kept

    def _judge(self, made: Webhook, unseen: int) -> Verdict:
        if made.key != self.spec.key and (keyed := self._find_key()):
            return Verdict(keyed, surplus=(made,))  # the key was not ignored but taken meanwhile
        return judge(
            made,
            [webhook for webhook in self._others() if webhook.key != made.key],
            key=self.spec.key or "",
            was_answered=made is self.answered,
            snapshot=self.snapshot,
            unseen=unseen,
        )

    def _delete(self, webhook: Webhook, keys: list[str]) -> None:
        log.warning("The create of %r was carried out more than once: deleting %r", webhook.name, webhook.key)
        try:
            self._delete_surely(webhook.key)
        except PartneroError as error:
            raise undeleted(self.spec.name, keys, error) from error

    def _delete_surely(self, key: str) -> None:
        """Delete a webhook that an answer named: where it is not found, the server may not show it everywhere yet."""
        for pause in PAUSES:
            try:
                self.existing.delete(key, self.deadline)
            except PartneroNotFoundError:
                self._wait(pause)
            else:
                return
        self.existing.delete(key, self.deadline)
