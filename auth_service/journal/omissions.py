"""Counts of events that the journal does not contain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.logs import get_logger

_log = get_logger(__name__)


class Omissions:
    """Counts the events that one process left out, until an event of the journal says so.

    Attributes:
        missing: events that nobody could store, since the process began.
        beyond_share: events of strangers beyond their share of the journal, since the process began.
        removed_early: events that it removed before they were old, because the journal had reached its size.
    """

    def __init__(self) -> None:
        self.missing = 0
        self.beyond_share = 0
        self.removed_early = 0
        self._reported_missing = 0
        self._reported_beyond_share = 0

    @property
    def is_unreported(self) -> bool:
        """Whether events beyond their share are not reported yet."""
        return self.beyond_share > self._reported_beyond_share

    def reports(self, *, all_kinds: bool) -> Iterator[dict[str, Any]]:
        """Yield the members of the events that report what was left out since the last call.

        Args:
            all_kinds: also what is beyond a share: seldom, since reports take room, too.
        """
        if missing := self.missing - self._reported_missing:
            self._reported_missing = self.missing
            yield {"events": missing}
        beyond = self.beyond_share - self._reported_beyond_share
        if all_kinds and beyond:
            self._reported_beyond_share = self.beyond_share
            _log.warning("the journal left out events of strangers beyond their share", events=beyond)
            yield {"events": beyond, "reason": "share"}
