"""Links of which an owner gets the same one as long as it can be used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class CurrentLink:
    """The id of the link that somebody gets, as it is stored."""

    link_id: str


def current_ids(store: Store, key: Callable[[str], str], ttl_s: int) -> Collection[CurrentLink]:
    """Return the ids of the current links, by owner."""
    return Collection(store, key, JsonCodec(CurrentLink), lambda _: ttl_s)


@dataclass(frozen=True, kw_only=True)
class CurrentLinks(Generic[T]):
    """The links of one kind.

    Attributes:
        links: by their ids.
        ids: the id of the current link of each owner.
        id_of: returns the id of a link.
        is_live: whether an owner gets this link, and not a new one.
    """

    links: Collection[T]
    ids: Collection[CurrentLink]
    id_of: Callable[[T], str]
    is_live: Callable[[T], bool]

    async def find(self, owner: str) -> T | None:
        """Return the live link of an owner; None if there is none."""
        return await self._live(await self.ids.get(owner))

    async def link_for(self, owner: str, new: Callable[[], Awaitable[T]]) -> T:
        """Return the live link of an owner; create it if there is none.

        Args:
            new: makes a link; what it raises is raised.
        """
        current = await self.ids.get(owner)
        live = await self._live(current)
        if live is not None:
            return live
        link = await new()
        # Before its id is stored, so that the link exists for everybody who reads the id.
        await self.links.create(self.id_of(link), link)
        return link if await self._is_now(owner, current, link) else await self._other(owner, link)

    async def _live(self, current: CurrentLink | None) -> T | None:
        link = await self.links.get(current.link_id) if current else None
        return link if link is not None and self.is_live(link) else None

    async def _is_now(self, owner: str, earlier: CurrentLink | None, link: T) -> bool:
        """Make `link` the one that everybody gets; return False if another one is faster."""
        document = CurrentLink(self.id_of(link))

        def rule(stored: CurrentLink) -> tuple[CurrentLink | None, bool]:
            return (document, True) if stored == earlier else (None, False)

        updated = await self.ids.update(owner, rule)
        return await self.ids.create(owner, document) if updated is None else updated

    async def _other(self, owner: str, own: T) -> T:
        other = await self.find(owner)
        if other is None:
            return own  # as good as any: its person can use it
        await self.links.delete(self.id_of(own))
        return other
