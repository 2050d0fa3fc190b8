"""Proven e-mail addresses, each of one account: given by the operator, or vouched for by a provider."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.storage import keys
from auth_service.storage.documents import Collection
from auth_service.storage.interface import Store
from auth_service.storage.json_codec import JsonCodec


@dataclass(frozen=True, slots=True)
class EmailEntry:
    """From an address to the username that its account is kept under."""

    username: str


class EmailAddresses:
    """Which account has which address: normalized ones, and usernames in the form they are compared in."""

    def __init__(self, store: Store) -> None:
        self._entries = Collection(store, keys.email, JsonCodec(EmailEntry), lambda _: None)

    async def owner(self, address: str) -> str | None:
        """The name of the account that has `address`."""
        entry = await self._entries.get(address)
        return entry.username if entry else None

    async def claim(self, address: str, username: str) -> bool:
        """Give `address` to an account; False where another has it."""
        created = await self._entries.create(address, EmailEntry(username))
        return created or await self.owner(address) == username

    async def release(self, address: str, username: str) -> None:
        """Take `address` from an account, if it has that."""
        if await self.owner(address) == username:
            await self._entries.delete(address)
