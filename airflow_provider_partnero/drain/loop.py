"""The drain's loop: read, hand over, delete or set aside. What hands over is given to it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.drain.raw_delivery import NotARawDeliveryError, RawDelivery, largest_object
from airflow_provider_partnero.drain.storage import DeliveryStorage, StoredObject

_COME_AGAIN = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """The receiver's answer to one delivery.

    :param status: of HTTP.
    :param words: what the answer says.
    """

    status: int
    words: str

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it for good."""
        return 200 <= self.status < 300

    @property
    def is_passing(self) -> bool:
        """Whether the receiver may take it later."""
        return self.status in _COME_AGAIN or self.status >= 500


@dataclass(frozen=True, slots=True)
class DrainLimits:
    """How much the drain takes on.

    :param at_once: deliveries that are handed over together.
    :param bytes_at_once: of stored objects, together; a single one may be larger.
    :param gives_up_after: seconds in which none was taken or set aside, after which the rest is left for the next time.
    :param tells_every: seconds between two words on the progress.
    :param most_told: objects that are named when they are set aside or left; further ones are only counted, since
        anybody may make the edge function store some.
    """

    at_once: int = 8
    bytes_at_once: int = 8 * 1024 * 1024
    gives_up_after: float = 60.0
    tells_every: float = 10.0
    most_told: int = 20


LIMITS = DrainLimits()


@dataclass(slots=True)
class DrainResult:
    """What became of what waited.

    :param taken: deliveries that the receiver has, and that are deleted.
    :param set_aside: objects that it refuses for good, or that are no deliveries.
    :param left: objects that are where they were, for the next time.
    :param gone: objects that another drain took meanwhile.
    :param answers: how often the receiver said what.
    """

    taken: int = 0
    set_aside: int = 0
    left: int = 0
    gone: int = 0
    answers: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, object]:
        """As JSON shows it."""
        return {
            "taken": self.taken,
            "set_aside": self.set_aside,
            "left": self.left,
            "gone": self.gone,
            "answers": dict(sorted(self.answers.items())),
        }

    def __str__(self) -> str:
        told = ", ".join(f"{number:,} {words}" for words, number in sorted(self.answers.items()))
        return f"{self.taken:,} taken, {self.set_aside:,} set aside, {self.left:,} left" + (
            f" ({told})" if told else ""
        )


class Drain:
    """Hands raw deliveries over, the oldest name first, a few at a time.

    However often it is killed, nothing is lost and nothing is recorded twice: an object is deleted only when the
    receiver has said that it has the delivery, and a delivery that comes again is a duplicate to the receiver.

    :param storage: where they are.
    :param hand_over: hands deliveries over; an answer for each.
    :param tell: is told the progress, and what is set aside or left and why; never what is in an object.
    :param max_body: bytes that the receiver takes; an object that cannot hold so little is set aside unread.
    :param clock: seconds; never goes back.
    """

    def __init__(
        self,
        storage: DeliveryStorage,
        hand_over: Callable[[Sequence[RawDelivery]], Sequence[ReceiverAnswer]],
        tell: Callable[[str], object],
        max_body: int,
        limits: DrainLimits = LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._hand_over = hand_over
        self._tell = tell
        self._most = largest_object(max_body)
        self._limits = limits
        self._clock = clock
        self._named = 0
        self.result = DrainResult()

    def run(self) -> DrainResult:
        """Hand over what waits now; what comes meanwhile is for the next time.

        :raises Exception: the folder cannot be listed; nothing was done.
        """
        result, waiting = self.result, self._storage.waiting()
        told_at = moved_at = self._clock()
        seen = moved = 0
        for batch in _batches(waiting, self._limits):
            self._drain(batch)
            seen += len(batch)
            now = self._clock()
            if moved < result.taken + result.set_aside + result.gone:
                moved, moved_at = result.taken + result.set_aside + result.gone, now
            if now - moved_at >= self._limits.gives_up_after and seen < len(waiting):
                self._tell(f"Nothing was taken for {now - moved_at:.0f} s: the rest is left for the next time")
                result.left += len(waiting) - seen
                break
            if now - told_at >= self._limits.tells_every:
                told_at = now
                self._tell(f"{seen:,} of {len(waiting):,} seen: {result}")
        return result

    def _drain(self, batch: Iterable[StoredObject]) -> None:
        read = [(one.name, delivery) for one in batch if (delivery := self._read(one)) is not None]
        if not read:
            return
        for (name, _), verdict in zip(read, self._hand_over([delivery for _, delivery in read]), strict=True):
            self.result.answers[verdict.words] += 1
            if verdict.is_taken:
                self._delete(name)
            elif verdict.is_passing:
                self._leave(name, f"the receiver answered {verdict.status} {verdict.words}")
            else:
                self._set_aside(name, f"the receiver answered {verdict.status} {verdict.words}", verdict.status)

    def _read(self, one: StoredObject) -> RawDelivery | None:
        if one.size > self._most:
            self._set_aside(one.name, f"it has {one.size:,} bytes; {self._most:,} are allowed")
            return None
        try:
            stored = self._storage.read(one.name, self._most + 1)
            if len(stored) > self._most:
                raise NotARawDeliveryError(f"it has more than {self._most:,} bytes")
            return RawDelivery.from_bytes(stored)
        except NotARawDeliveryError as error:
            self._set_aside(one.name, str(error))
        except FileNotFoundError:
            self.result.gone += 1
        except Exception as error:  # noqa: BLE001 - a storage raises what it likes, and the others must not wait
            self._leave(one.name, f"it cannot be read: {type(error).__name__}")
        return None

    def _delete(self, name: str) -> None:
        try:
            self._storage.delete(name)
        except Exception as error:  # noqa: BLE001
            self._leave(name, f"the receiver has it, but it cannot be deleted: {type(error).__name__}")
        else:
            self.result.taken += 1

    def _set_aside(self, name: str, why: str, status: int | None = None) -> None:
        reason: dict[str, object] = {"reason": why, "status": status, "at": datetime.now(UTC).isoformat()}
        try:
            self._storage.set_aside(name, reason)
        except Exception as error:  # noqa: BLE001
            self._leave(name, f"{why}; and it cannot be set aside: {type(error).__name__}")
        else:
            self.result.set_aside += 1
            self._name(f"Set aside {short_repr(name)}: {why}")

    def _leave(self, name: str, why: str) -> None:
        self.result.left += 1
        self._name(f"Left {short_repr(name)}: {why}")

    def _name(self, line: str) -> None:
        self._named += 1
        if self._named <= self._limits.most_told:
            self._tell(line)
        elif self._named == self._limits.most_told + 1:
            self._tell("Further ones are only counted")


def _batches(waiting: Sequence[StoredObject], limits: DrainLimits) -> Iterator[list[StoredObject]]:
    batch: list[StoredObject] = []
    size = 0
    for one in waiting:
        if batch and (len(batch) >= limits.at_once or size + one.size > limits.bytes_at_once):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch
