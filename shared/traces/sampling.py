"""Which requests are recorded."""

from __future__ import annotations

import random

from shared.traces.traceparent import Parent


class Allowance:
    """At most so many a second, and as many at once after a quiet second.

    Args:
        per_second: at least 1.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._left = per_second
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Use one up; False if none is left.

        Args:
            now: by a steady clock, in seconds.
        """
        self._at = now if self._at is None else self._at
        self._left = min(self._per_second, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Sampler:
    """Decides by a ratio, and by rate: what traces cost does not grow with the load.

    The `sampled` flag of a caller asks for a recording, and has an allowance of its own: a stranger who sets
    it can neither make this process record more than that, nor use up what this process chooses itself. A
    caller that unsets it is not recorded.

    Args:
        ratio: of the requests without a parent that are recorded, if the allowance permits.
        per_second: the allowance of each kind.
    """

    def __init__(self, ratio: float, per_second: float) -> None:
        self._ratio = ratio
        self._own = Allowance(per_second)
        self._asked_for = Allowance(2 * per_second)

    def begins(self, now: float) -> bool:
        """Decide on a request without a parent."""
        return (self._ratio >= 1.0 or random.random() < self._ratio) and self._own.take(now)  # noqa: S311

    def joins(self, parent: Parent, now: float) -> bool:
        """Decide on a request with a parent."""
        return parent.sampled and self._asked_for.take(now)
