"""Whether two sets of measurements differ by more than chance: a permutation test of their medians."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

ROUNDS = 2_000


@dataclass(frozen=True)
class Difference:
    """The difference of two medians.

    Attributes:
        of_medians: in the unit of the measurements.
        p: how often chance alone gives a difference at least as large.
    """

    of_medians: float
    p: float


def difference(one: Sequence[float], other: Sequence[float], *, rounds: int = ROUNDS) -> Difference:
    """Compare two sets of measurements; always with the same result for the same ones."""
    observed, draw = median(one) - median(other), random.Random(1)  # noqa: S311 -- no secret
    pooled, larger = [*one, *other], 0
    for _ in range(rounds):
        draw.shuffle(pooled)
        by_chance = median(pooled[: len(one)]) - median(pooled[len(one) :])
        larger += abs(by_chance) >= abs(observed)
    return Difference(observed, (larger + 1) / (rounds + 1))
