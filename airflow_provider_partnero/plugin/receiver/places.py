"""Room for bodies whose signature is not proven yet: strangers share it, and nobody is turned away for want of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable


class UnprovenPlace:
    """One body's place.

    :param drop: ends the reading of this body, soon.
    """

    def __init__(self, places: UnprovenPlaces, drop: Callable[[], None]) -> None:
        self._places = places
        self.drop = drop
        self.size = 0
        self.is_dropped = False

    def grow(self, size: int) -> None:
        """The body has this many bytes now; others may have to go for it."""
        self._places.grow(self, size)

    def free(self) -> None:
        """The body is proven, or gone."""
        self._places.free(self)


class UnprovenPlaces:
    """Bodies that are being read, or wait for their proof.

    When they are too many, or too large together, the oldest goes and never the newcomer: a genuine body arrives at
    once, and a half-sent one grows old.

    :param most: how many.
    :param most_bytes: of all together.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._taken: OrderedDict[UnprovenPlace, None] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, drop: Callable[[], None]) -> UnprovenPlace:
        """A place for a body that begins to arrive.

        :param drop: called when the body is the oldest and has to go.
        """
        place = UnprovenPlace(self, drop)
        self._taken[place] = None
        while len(self._taken) > self._most:
            self._drop_oldest()
        return place

    def grow(self, place: UnprovenPlace, size: int) -> None:
        """See :meth:`UnprovenPlace.grow`."""
        if place not in self._taken:
            return
        self.size += size - place.size
        place.size = size
        while self.size > self._most_bytes:
            self._drop_oldest()

    def free(self, place: UnprovenPlace) -> None:
        """See :meth:`UnprovenPlace.free`."""
        if place in self._taken:
            del self._taken[place]
            self.size -= place.size

    def _drop_oldest(self) -> None:
        oldest = next(iter(self._taken))
        self.free(oldest)
        oldest.is_dropped = True
        oldest.drop()
