"""Many numbers, kept as a histogram: their percentiles and the largest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Distribution:
    """Numbers from 0, rounded down to a step.

    :param step: how fine.
    """

    step: float = 0.1
    counts: Counter[int] = field(default_factory=Counter)

    def add(self, value: float, weight: int = 1) -> None:
        """Count a number."""
        self.counts[int(value / self.step)] += weight

    def percentile(self, percent: float) -> float:
        """The smallest number that so many percent do not exceed; 0 without any."""
        left = percent / 100 * self.counts.total()
        for position in sorted(self.counts):
            left -= self.counts[position]
            if left <= 0:
                return position * self.step
        return 0.0

    def most(self) -> float:
        """The largest; 0 without any."""
        return max(self.counts, default=0) * self.step
