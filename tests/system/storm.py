"""A storm: parts of a distributed Airflow are killed, one after the other, while tasks run and deliveries come in."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from threading import Thread

from airflow_provider_partnero.sandbox import Sandbox
from tests.e2e.deliveries import deliver_to, envelopes, in_parallel

from .distributed import PARTS, WORKERS, Distributed

EVENT = "transaction.created"
CREATE_KILLS, RECONCILE_KILLS = 20, 10
_OTHERS = [part for part in PARTS if part not in WORKERS]
_BURST = 5  # deliveries amid each kill
_SEED = 13


@dataclass
class Storm:
    """Kills whatever there is to kill, until each thing was killed as often as it should be.

    :param declared: how many webhooks the reconcile makes.
    :param killed: the parts, in the order in which they were killed.
    :param made: how many webhooks there were whenever a create was killed, and how many creates knew of theirs.
    :param reconciled: how many webhooks the reconcile had made whenever it was killed.
    :param delivered: the subjects of all deliveries that were acknowledged.
    """

    cluster: Distributed
    creates: Sandbox
    reconciles: Sandbox
    declared: int
    killed: list[str] = field(default_factory=list)
    made: list[tuple[int, int]] = field(default_factory=list)
    reconciled: list[int] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    _chance: random.Random = field(default_factory=lambda: random.Random(_SEED))
    _keys: Iterator[str] = field(default_factory=lambda: (f"storm-{number}" for number in count()))

    def rage(self) -> None:
        """Kill 20 workers amid creates, 10 amid the reconcile, and each other part once."""
        for number in range(CREATE_KILLS + RECONCILE_KILLS):
            self._kill(self.cluster.wait_for(self._worker, f"a worker to kill, after {self.killed}"))
            if number % 4 == 3:
                self._kill(_OTHERS[number // 4])

    def _worker(self) -> str | None:
        """A worker amid a task that is to be killed once more."""
        done = len(self.reconciles.webhooks())
        is_due = len(self.reconciled) < RECONCILE_KILLS and done >= self._next_step()
        if is_due and (part := self._worker_amid("storm_reconcile")):
            self.reconciled.append(done)
            return part
        made, known = len(self.creates.webhooks()), self._known()
        # Every other time at any moment, and else when Partnero has made a webhook and the task does not know yet.
        is_due = len(self.made) < CREATE_KILLS and (len(self.made) % 2 == 0 or made > known)
        if is_due and (part := self._worker_amid("storm_creates")):
            self.made.append((made, known))
            return part
        return None

    def _next_step(self) -> int:
        """How far the reconcile shall come before it is killed again; it comes further after the last time."""
        return (len(self.reconciled) + 1) * self.declared // (RECONCILE_KILLS + 5)

    def _worker_amid(self, dag_id: str) -> str | None:
        running = "select pid from task_instance where dag_id = ? and state = 'running' and pid is not null"
        found = [self.cluster.part_of(pid) for (pid,) in self.cluster.rows(running, dag_id)]
        workers = [part for part in found if part]
        return self._chance.choice(workers) if workers else None

    def _known(self) -> int:
        query = "select count(*) from task_instance where dag_id = 'storm_creates' and state = 'success'"
        return int(self.cluster.rows(query)[0][0])

    def _kill(self, part: str | None) -> None:
        assert part is not None
        burst, errors = list(islice(self._keys, _BURST)), list[BaseException]()
        sender = Thread(target=_caught(lambda: deliver_all(self.cluster, burst), errors))
        sender.start()
        self.cluster.kill_and_start(part)
        sender.join()
        assert errors == []
        self.killed.append(part)
        self.delivered += burst


def deliver_all(cluster: Distributed, keys: list[str]) -> None:
    """Deliver until each is acknowledged."""
    work = envelopes(cluster.sandbox, EVENT, keys)
    in_parallel(work, lambda _, envelope: deliver_to(cluster.address, envelope))


def _caught(do: Callable[[], object], errors: list[BaseException]) -> Callable[[], None]:
    def run() -> None:
        try:
            do()
        except BaseException as error:
            errors.append(error)

    return run
