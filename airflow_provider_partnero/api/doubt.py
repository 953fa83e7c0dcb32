"""What a create whose outcome was in doubt made of the webhooks that are there afterwards. Pure decisions.

Two things prove that a create made a webhook: an answer to it that names the webhook, and a key that only it uses.
Equal content proves it only if an answer showed that Partnero ignores keys, and the webhook was not there before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from airflow_provider_partnero.api.errors import PartneroAmbiguousError, PartneroDuplicateError
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.quoting import short_repr


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was there at an early moment of the create.

    :param keys: keys of all webhooks.
    :param is_before: whether the create, including earlier tries of it, had sent nothing yet.
    """

    keys: Collection[str]
    is_before: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done.

    :param kept: the webhook of this create; None: it cannot be told which it is.
    :param surplus: webhooks that this create made besides, to be deleted.
    :param suspects: if ``kept`` is None, keys of webhooks that an earlier try may have made.
    """

    kept: Webhook | None
    surplus: tuple[Webhook, ...] = ()
    suspects: tuple[str, ...] = ()

    @property
    def remaining(self) -> tuple[str, ...]:
        """The keys of the webhooks that are left once the surplus is deleted."""
        return (self.kept.key,) if self.kept else self.suspects


def judge(
    made: Webhook, others: Sequence[Webhook], *, key: str, was_answered: bool, snapshot: Snapshot | None, unseen: int
) -> Verdict:
    """Which webhooks this create made.

    :param made: the webhook that it made, by an answer or by its key.
    :param others: all other webhooks with its content; none has its key.
    :param key: the key that it sent.
    :param was_answered: whether an answer named ``made``.
    :param snapshot: what was there before; None: unknown.
    :param unseen: how many webhooks it may have made besides, at most.
    :raises PartneroDuplicateError: it may have made some of the others, and nothing tells.
    """
    new = tuple(webhook for webhook in others if snapshot and webhook.key not in snapshot.keys)
    if made.key == key:
        # Keys are kept. A late create may still have made a second webhook, but so may somebody else.
        if unknown := new if snapshot else others:
            raise duplicates(made, unknown)
        return Verdict(made)
    if len(new) < len(others) and not (snapshot and snapshot.is_before):
        return Verdict(None, (made,), tuple(webhook.key for webhook in others))
    return _judge_by_content(made, new, was_answered=was_answered, unseen=unseen)


def _judge_by_content(made: Webhook, new: tuple[Webhook, ...], *, was_answered: bool, unseen: int) -> Verdict:
    if len(new) > unseen:
        raise duplicates(made, new)
    kept, *surplus = (*new, made) if was_answered else (made, *new)
    return Verdict(kept, tuple(surplus))


def duplicates(made: Webhook, others: Sequence[Webhook]) -> PartneroDuplicateError:
    """The error for a webhook beside which others appeared."""
    keys = [made.key, *(webhook.key for webhook in others)]
    return PartneroDuplicateError(
        f"webhook {short_repr(made.name)} was created as {short_repr(made.key)} after an attempt with an unknown "
        f"outcome, and {listed(keys[1:])} with the same content appeared meanwhile, from that attempt or from "
        "somebody else. Nothing was deleted: delete what is a duplicate",
        keys,
    )


def undeleted(name: str, keys: Sequence[str], error: Exception) -> PartneroDuplicateError:
    """The error for a duplicate that could not be deleted."""
    return PartneroDuplicateError(
        f"the create of webhook {short_repr(name)} was carried out more than once, as {listed(keys)}, and the "
        f"duplicate could not be deleted ({error}): delete it",
        keys,
    )


def unknown_outcome(name: str, suspects: Sequence[str]) -> PartneroAmbiguousError:
    """The error for a create of which an earlier try may have made one of the suspects."""
    return PartneroAmbiguousError(
        f"the create of webhook {short_repr(name)} may have happened before: Partnero ignores keys, so "
        f"{listed(suspects)} with the same content may be from an earlier attempt or from somebody else. What was "
        "created now was deleted again. Use that webhook if it is yours, or delete it and create again",
        suspects,
    )


def listed(keys: Sequence[str]) -> str:
    """The first keys, for a message, and how many more there are."""
    shown = ", ".join(map(short_repr, keys[:5]))
    return shown if len(keys) <= 5 else f"{shown} and {len(keys) - 5} more"
