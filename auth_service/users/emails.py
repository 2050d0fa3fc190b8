"""Proven e-mail addresses: set by the operator, or verified by an identity provider."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.storage import keys
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec


@dataclass(frozen=True, slots=True)
class EmailEntry:
    """The entry from an address to the canonical username of its account."""

    username: str


class EmailAddresses:
    """Maps normalized addresses to the canonical usernames of accounts; an address has one account."""

    def __init__(self, store: Store) -> None:
        self._entries = Collection(store, keys.email, JsonCodec(EmailEntry), lambda _: None)

    async def owner(self, address: str) -> str | None:
        """Return the username of the account that has `address`."""
        entry = await self._entries.get(address)
        return entry.username if entry else None

    async def claim(self, address: str, username: str) -> bool:
        """Assign `address` to an account; return False if another account has it."""
        created = await self._entries.create(address, EmailEntry(username))
        return created or await self.owner(address) == username

    async def release(self, address: str, username: str) -> None:
        """Remove `address` from an account, if the account has it."""
        if await self.owner(address) == username:
            await self._entries.delete(address)
