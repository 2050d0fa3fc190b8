"""Pagination of long lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from auth_service.protocol.parameters import Parameters

T = TypeVar("T")

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list.

    Attributes:
        before, after: the URLs of the neighbouring pages; None at an end of the list.
    """

    first: int
    last: int
    total: int
    before: str | None
    after: str | None


def paginated(items: Sequence[T], query: Parameters, page: str) -> tuple[Sequence[T], Page]:
    """Return the items of the page that `query` selects, and its position in the list.

    Args:
        page: the last segment of the path, for links.
    """
    number = _number(query.get("p"))
    start = min(number * PAGE_SIZE, max(0, len(items) - 1) // PAGE_SIZE * PAGE_SIZE)
    items_of_page = items[start : start + PAGE_SIZE]

    def link(at: int) -> str | None:
        kept = {name: value for name, value in query.values.items() if name in ("q", "key", "name", "id")}
        return f"{page}?{urlencode({**kept, 'p': at // PAGE_SIZE})}" if 0 <= at < len(items) else None

    return items_of_page, Page(
        first=start + 1 if items_of_page else 0,
        last=start + len(items_of_page),
        total=len(items),
        before=link(start - PAGE_SIZE),
        after=link(start + PAGE_SIZE),
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else 0
