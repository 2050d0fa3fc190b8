"""The clients that are known here: registered, or introduced by a document of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from auth_service.clients.unused_clients import UnusedClients
from auth_service.crypto import secrets
from auth_service.journal.journal import recorded_beside
from auth_service.protocol.client import UNUSED_TTL_S, Client
from auth_service.protocol.client_secrets import rotated
from auth_service.protocol.errors import QuotaExceededError
from auth_service.protocol.look_alikes import skeleton
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration_policy import Quota
from auth_service.protocol.used_names import entry
from auth_service.storage import keys
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import READ_OFTEN, JsonCodec
from shared.storage.readings import Reading
from shared.storage.revocation_log import LONGEST_S, disabled_entry, record_in


@dataclass(frozen=True, slots=True)
class Registered:
    """A client with the credentials that are shown this once.

    Attributes:
        client_secret: None for a public client, or where it was shown before.
    """

    client: Client
    client_secret: str | None
    registration_access_token: str


class ClientRepository:
    """The clients in a store."""

    def __init__(self, store: Store, clock: Clock, *, pending_ttl_s: int = 1_800) -> None:
        self._store = store
        self._clock = clock
        self._clients = Collection(
            store, keys.client, JsonCodec(Client, compressed=True, remembered=READ_OFTEN), self._remaining
        )
        self.unused = UnusedClients(store, self._evict, pending_ttl_s)

    def _remaining(self, client: Client) -> int | None:
        return None if client.expires_at is None else max(1, client.expires_at - int(self._clock()))

    async def register(
        self,
        metadata: dict[str, Any],
        *,
        unused_ttl_s: int | None = UNUSED_TTL_S,
        quota: Quota | None = None,
        statement_claims: dict[str, Any] | None = None,
        network: str | None = None,
        record: Callable[[str], Awaitable[object]] | None = None,
    ) -> Registered:
        """Keep a new client, for `unused_ttl_s` seconds unless it is used (AS-7); None to store it forever.

        Args:
            quota: the limit on clients; None for a client that the operator admits.
            statement_claims: what a software statement says of it.
            network: the network that registers it.
            record: begins to record the registration of the client with an id, once there is room for it.

        Raises:
            QuotaExceededError: no room for another client is left.
        """
        now = int(self._clock())
        expires_at = None if unused_ttl_s is None else now + unused_ttl_s
        token = secrets.new_secret("dw_cr_")
        client = Client(
            client_id=secrets.new_id(),
            created_at=now,
            metadata=metadata,
            expires_at=expires_at,
            registration_token_hash=secrets.digest(token),
            statement_claims=statement_claims,
            registered_from=network,
        )
        secret = secrets.new_secret("dw_cs_") if client.has_secret else None
        if secret:
            client = replace(client, secret_hash=secrets.digest(secret))
        await self._list(client, quota)
        if record is None:
            await self._clients.create(client.client_id, client)
        else:
            await recorded_beside(record(client.client_id), self._clients.create(client.client_id, client))
        return Registered(client, secret, token)

    async def _list(self, client: Client, quota: Quota | None) -> None:
        # Before the client itself: what is listed counts, and what counts for nothing expires like it.
        ttl_s, client_id = self._remaining(client), client.client_id
        if quota is None:
            await self._store.index_add(keys.clients(), client_id, ttl_s=ttl_s)
            return
        if await self.unused.add_to_both(client, ttl_s=ttl_s, quota=quota):
            return
        await self._list_unused(client, quota)
        if not await self.unused.add_among_all(client, ttl_s=ttl_s, limit=quota.clients):
            await self.unused.remove(client)
            raise QuotaExceededError(
                Reason.CLIENT_QUOTA_EXCEEDED,
                "the maximum number of clients is registered; try again later",
                detail=f"{quota.clients} clients are registered, and none can be removed to make room:"
                " raise DOORWARD_MAX_CLIENTS, or remove clients with `doorward clients`",
            )

    async def save_document(self, client: Client, quota: Quota | None = None) -> Client:
        """Keep a client that its own document describes, or renew it if it was known before (AS-8).

        Args:
            quota: how many unused clients there may be room for; the document of one counts like a
                registration.

        Raises:
            QuotaExceededError: no room for another client is left.
        """

        def rule(stored: Client) -> tuple[Client, Client]:
            renewed = stored.renewed_from(client)
            return renewed, renewed

        while True:
            if renewed := await self._clients.update(client.client_id, rule):
                await self._list_unused(renewed, quota)
                return renewed
            await self._list_unused(client, quota)
            if await self._clients.create(client.client_id, client):
                return client

    async def _list_unused(self, client: Client, quota: Quota | None) -> None:
        if quota is None or client.used_at is not None:
            return
        if not await self.unused.add(client, ttl_s=self._remaining(client), limit=quota.unused):
            raise QuotaExceededError(
                Reason.UNUSED_CLIENT_QUOTA_EXCEEDED,
                "too many unused clients are registered; try again later",
                detail=f"{quota.unused} unused clients are registered, and none can be removed to make room:"
                " raise DOORWARD_UNUSED_CLIENTS_PERCENT or DOORWARD_MAX_CLIENTS",
            )

    async def get(self, client_id: str) -> Client | None:
        """The client of that id, if there is one."""
        return await self._clients.get(client_id)

    def reading(self, client_id: str) -> Reading[Client | None]:
        """Return how to read a client together with other documents."""
        return self._clients.reading(client_id)

    async def get_many(self, client_ids: Iterable[str]) -> list[Client]:
        """The clients of those ids that exist."""
        return await self._clients.get_many(client_ids)

    async def managed_by(self, client_id: str, registration_access_token: str) -> Client | None:
        """The client, if the token is its own (RFC 7592 §3)."""
        client = await self._clients.get(client_id)
        if client and secrets.matches(registration_access_token, client.registration_token_hash):
            return client
        return None

    async def change(
        self,
        client: Client,
        metadata: dict[str, Any],
        statement_claims: dict[str, Any] | None,
        *,
        require: Callable[[Client], None] = lambda _: None,
    ) -> Registered | None:
        """Replace the metadata (RFC 7592 §2.2); a secret is made where the client needs one and has none.

        Args:
            require: raises if the client may not be changed; called with the stored client.

        Returns:
            the client as it is now, or None where it was deleted meanwhile.
        """
        fresh = secrets.new_secret("dw_cs_")

        def rule(current: Client) -> tuple[Client, Registered]:
            require(current)
            changed = replace(current, metadata=metadata, statement_claims=statement_claims)
            if not changed.has_secret:
                changed = replace(changed, secret_hash=None, previous_secret_hash=None)
            elif changed.secret_hash is None:
                changed = replace(changed, secret_hash=secrets.digest(fresh))
                return changed, Registered(changed, fresh, "")
            return changed, Registered(changed, None, "")

        return await self._clients.update(client.client_id, rule)

    async def rotate_secret(self, client_id: str, secret: str) -> bool:
        """Replace the secret of a client; the previous one works for `OVERLAP_S`. Safe to repeat.

        Returns:
            whether the client exists and has this secret now.
        """
        now, secret_hash = int(self._clock()), secrets.digest(secret)

        def rule(client: Client) -> tuple[Client | None, bool]:
            changed = rotated(client, secret_hash, now)
            return changed, (changed or client).secret_hash == secret_hash

        return bool(await self._clients.update(client_id, rule))

    async def set_disabled(self, client_id: str, disabled: bool) -> Client | None:
        """Disable or enable a client. `ClientAdministration.disable` also ends its grants.

        Returns:
            the client as it is now, or None if it does not exist.
        """
        now = int(self._clock())

        def rule(client: Client) -> tuple[Client | None, Client]:
            changed = client.with_disabled(disabled, now)
            return (None if changed == client else changed), changed

        if disabled:
            await record_in(self._store.revocation_log, disabled_entry(keys.client(client_id)), LONGEST_S)
        changed = await self._clients.update(client_id, rule)
        if changed is not None:
            await self._store.index_add(keys.clients(), client_id, ttl_s=self._remaining(changed))
            await self.unused.remove(changed)
        return changed

    async def note_use(self, client_id: str, expires_at: int) -> bool:
        """Keep a client for as long as something it was granted may live; False if it is gone."""
        now = int(self._clock())

        def rule(client: Client) -> tuple[Client, tuple[Client, bool]]:
            used = client.used(now, expires_at)
            return used, (used, client.used_at is None)

        noted = await self._clients.update(client_id, rule)
        if noted is None:
            return False
        used, is_first = noted
        await self._store.index_add(keys.clients(), client_id, ttl_s=self._remaining(used))
        if is_first:
            await self.unused.note_use(used)
        if await self._clients.get(client_id) is not None:
            return True
        # Deleted meanwhile: what was just listed would count for as long as the client had lived.
        await self._store.index_remove(keys.clients(), client_id)
        return False

    async def delete(self, client_id: str) -> bool:
        """Remove a client. Its grants end with `GrantRepository.revoke_of_client`."""
        client = await self._clients.get(client_id)
        await record_in(self._store.revocation_log, keys.client(client_id), LONGEST_S)
        deleted = await self._clients.delete(client_id)
        await self._store.index_remove(keys.clients(), client_id)
        if client is not None:
            await self.unused.remove(client)
            await self._store.index_remove(keys.used_names(skeleton(client.name)), entry(client))
        return deleted

    async def delete_unused(self, client_id: str) -> bool:
        """Remove a client unless it is used, even by somebody who is faster; says whether it is gone."""
        gone = await self._end(client_id, lambda client: client.unused)
        if gone is not None:
            await self.unused.remove(gone)
        return gone is not None

    async def _evict(self, client_id: str) -> bool:
        unused = await self._end(client_id, lambda client: client.used_at is None and not client.disabled)
        return unused is not None

    async def _end(self, client_id: str, condition: Callable[[Client], bool]) -> Client | None:
        """Remove a client of which `condition` holds; returns it where it is gone."""
        now = int(self._clock())

        def rule(client: Client) -> tuple[Client | None, Client | None]:
            # No store deletes on a condition; a life that ends now is as good, and a use would prolong it.
            return (replace(client, expires_at=now), client) if condition(client) else (None, None)

        gone = await self._clients.update(client_id, rule)
        if gone is not None:
            await self._store.index_remove(keys.clients(), client_id)
        return gone

    async def list(self) -> list[Client]:
        """Every client, the oldest first."""
        clients = await self._clients.get_many(await self._store.index_list(keys.clients()))
        return sorted(clients, key=lambda client: client.created_at)
