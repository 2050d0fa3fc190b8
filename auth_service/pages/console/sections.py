"""What every section of the console is given, and the parts that its pages share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar
from urllib.parse import urlencode

from starlette.responses import Response

from auth_service.identity.users import User
from auth_service.protocol.parameters import Parameters
from shared.logs import get_logger

T = TypeVar("T")

PAGE_SIZE = 25
MOST_GRANTS = 100
"""So many grants of a client or a person are looked at."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Administrator:
    """Somebody who has logged in not long ago and whose account is an administrator's, at this very request.

    Attributes:
        csrf: for the forms of the pages they are shown.
    """

    user: User
    csrf: str

    def note(self, action: str, **what: object) -> None:
        """Log what they did."""
        _log.warning(
            "administration", action=action, by=self.user.username, subject=self.user.subject, **what
        )


class Section(Protocol):
    """One page of the console, and what can be done on it."""

    async def show(self, query: Parameters, admin: Administrator) -> Response:
        """The page.

        Raises:
            NotThereError: it is about something that is gone.
        """
        ...

    async def act(self, form: Parameters, admin: Administrator) -> Response:
        """Do what was posted, from a form that this browser was given here.

        Raises:
            OAuthError: it cannot be done.
        """
        ...


class NotThereError(Exception):
    """What a page would be about is gone, or never was."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A part of a list that is too long for one page.

    Attributes:
        before, after: the URLs of the neighbouring pages; None where there is none.
    """

    first: int
    last: int
    total: int
    before: str | None
    after: str | None


def shelf(items: Sequence[T], query: Parameters, page: str) -> tuple[Sequence[T], Shelf]:
    """The items of the page that `query` asks for, and where it is among all of them.

    Args:
        page: the last part of the path, for links.
    """
    number = _number(query.get("p"))
    start = min(number * PAGE_SIZE, max(0, len(items) - 1) // PAGE_SIZE * PAGE_SIZE)
    shown = items[start : start + PAGE_SIZE]

    def link(at: int) -> str | None:
        kept = {name: value for name, value in query.values.items() if name in ("q", "key", "name")}
        return f"{page}?{urlencode({**kept, 'p': at // PAGE_SIZE})}" if 0 <= at < len(items) else None

    return shown, Shelf(
        start + 1 if shown else 0,
        start + len(shown),
        len(items),
        link(start - PAGE_SIZE),
        link(start + PAGE_SIZE),
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else 0


def day(moment: int | None) -> str | None:
    """A time for people to read; None for never."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
