"""Rules about what two programmes of a fleet have in common. They compare digests; nothing of a secret is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.handover import Handover, SealedWebhook
from airflow_provider_partnero.webhooks.texts import counted, listed, quoted

Programmes = Sequence[Handover]
Seen = tuple[str, str, frozenset[str]]
"""A sentence, what distinguishes it, and the connections of the programmes."""


@dataclass(frozen=True, slots=True)
class RuleAcross:
    """One thing that a fleet's report looks for.

    :param id: stable id, such as ``"PW021"``.
    :param severity: severity of its findings.
    :param title: what it finds, in a few words.
    :param remedy: what to do about it, in a sentence.
    :param check: yields what it sees; linear in the number of webhooks.
    """

    id: str
    severity: Severity
    title: str
    remedy: str
    check: Callable[[Programmes], Iterator[Seen]]

    def findings(self, programmes: Programmes) -> Iterator[tuple[Finding, frozenset[str]]]:
        """What the rule finds in different programmes whose digests were made with one key, and their connections."""
        for words, subject, conn_ids in self.check(programmes):
            yield Finding(self.id, self.severity, None, None, words, subject), conn_ids


def _one_url(programmes: Programmes) -> Iterator[Seen]:
    """Active webhooks of two programmes that deliver to one URL, in whatever way it is written."""
    for digest, holders in _shared(programmes, lambda webhook: webhook.url):
        shown = holders[0][1].shown_url
        conn_ids = _conn_ids(holders)
        yield f"{counted(len(conn_ids), 'programme')} deliver to {shown}: {_named(holders)}.", digest, conn_ids


def _one_secret(programmes: Programmes) -> Iterator[Seen]:
    """Webhooks of two programmes with one signing secret: who receives one can forge deliveries of the other."""
    for digest, holders in _shared(programmes, lambda webhook: webhook.secret):
        conn_ids = _conn_ids(holders)
        yield f"{counted(len(conn_ids), 'programme')} sign with the same secret: {_named(holders)}.", digest, conn_ids


_Holder = tuple[Handover, SealedWebhook]


def _shared(programmes: Programmes, digest_of: Callable[[SealedWebhook], str]) -> Iterator[tuple[str, list[_Holder]]]:
    """The digests that two programmes have, and whose they are."""
    by_digest: defaultdict[str, list[_Holder]] = defaultdict(list)
    for programme in programmes:
        for webhook in programme.webhooks:
            if digest := digest_of(webhook):
                by_digest[digest].append((programme, webhook))
    for digest, holders in by_digest.items():
        if holders[0][0] is not holders[-1][0]:  # a programme's webhooks come together
            yield digest, holders


def _conn_ids(holders: Iterable[_Holder]) -> frozenset[str]:
    return frozenset(programme.conn_id for programme, _ in holders)


def _named(holders: Sequence[_Holder]) -> str:
    """One webhook of each programme, and how many more there are."""
    first = {programme.conn_id: webhook for programme, webhook in reversed(holders)}
    named = [f"{conn_id} {quoted(webhook.name, 40)} ({webhook.key})" for conn_id, webhook in first.items()]
    return listed(sorted(named)[:4], most=4, total=len(holders))


RULES_ACROSS: tuple[RuleAcross, ...] = (
    RuleAcross(
        "PW021",
        Severity.WARNING,
        title="One URL in two programmes",
        remedy="Give each programme a URL of its own, unless the receiver tells their deliveries apart by webhook_key.",
        check=_one_url,
    ),
    RuleAcross(
        "PW022",
        Severity.ERROR,
        title="One signing secret in two programmes",
        remedy="Recreate all but one of the webhooks, so that no receiver can forge another programme's deliveries.",
        check=_one_secret,
    ),
)
"""Every rule across programmes, in the order of the ids, which go on where those of one programme end."""
