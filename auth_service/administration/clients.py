"""Creates, edits, disables and deletes clients, and rotates their secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from auth_service.administration.client_metadata import operator_metadata
from auth_service.clients.operator_clients import OperatorClients
from auth_service.clients.repository import ClientRepository
from auth_service.crypto.secrets import digest, new_id, new_secret
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.client import SECRET_METHODS, Client
from shared.clock import Clock
from shared.storage.interface import Store

SECRET_PREFIX = "dw_cs_"  # noqa: S105
_CHOSEN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")


class NoSuchClientError(Exception):
    """The client does not exist."""


class ClientExistsError(Exception):
    """Another client has the client_id."""


class NotOperatorsClientError(ValueError):
    """The client registered itself, so its metadata is its own."""


def client_version(client: Client) -> str:
    """Return the version of the metadata of a client, by which a lost update is found."""
    text = json.dumps(client.metadata, sort_keys=True, separators=(",", ":"))
    return digest(text)[:32]


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client with the secret that is shown once; None for a client without one."""

    client: Client
    client_secret: str | None


@dataclass(frozen=True, kw_only=True)
class ClientAdministration:
    """The operations on clients. Each is safe to repeat."""

    clients: ClientRepository
    operator_clients: OperatorClients
    grants: GrantRepository

    @classmethod
    def of_store(cls, store: Store, clock: Clock) -> ClientAdministration:
        """Return the operations on the clients in `store`."""
        return cls(
            clients=ClientRepository(store, clock),
            operator_clients=OperatorClients(store, clock),
            grants=GrantRepository(store, clock),
        )

    async def create(
        self, members: Mapping[str, Any], *, client_id: str | None = None, drawn: str | None = None
    ) -> NewClient:
        """Create a client that never expires.

        Args:
            members: its metadata, as in a registration (RFC 7591 §2).
            client_id: None for a random one.
            drawn: the random part of its secret; a repetition with the same one returns the same client.

        Raises:
            ClientExistsError: another client has that id.
            OAuthError: the metadata is not valid.
            ValueError: the id is not valid.
        """
        metadata = operator_metadata(members)
        if client_id is not None and not _CHOSEN_ID.match(client_id):
            raise ValueError(
                "a client_id consists of at most 128 letters, digits, dots, hyphens and underscores"
            )
        has_secret = metadata["token_endpoint_auth_method"] in SECRET_METHODS
        secret = (f"{SECRET_PREFIX}{drawn}" if drawn else new_secret(SECRET_PREFIX)) if has_secret else None
        chosen, secret_hash = client_id or new_id(), digest(secret) if secret else None
        created = await self.operator_clients.add(chosen, metadata, secret_hash)
        client = await self.clients.get(chosen)
        repeated = client is not None and (client.metadata, client.secret_hash) == (metadata, secret_hash)
        if client is None or not (created or (drawn and repeated)):
            raise ClientExistsError(chosen)
        return NewClient(client, secret)

    async def edit(
        self, client_id: str, members: Mapping[str, Any], *, require: Callable[[Client], None]
    ) -> NewClient:
        """Replace the metadata of a client that the operator created.

        A secret is created if the client needs one and has none.

        Args:
            require: raises if the client may not be changed; called with the stored client.

        Raises:
            NoSuchClientError: the client does not exist.
            NotOperatorsClientError: the client registered itself.
            OAuthError: the metadata is not valid.
        """
        metadata = operator_metadata(members)

        def check(client: Client) -> None:
            if not client.is_operators:
                raise NotOperatorsClientError("only clients that the operator created can be edited")
            require(client)

        current = await self.clients.get(client_id)
        if current is None:
            raise NoSuchClientError(client_id)
        changed = await self.clients.change(current, metadata, current.statement_claims, require=check)
        if changed is None:
            raise NoSuchClientError(client_id)
        return NewClient(changed.client, changed.client_secret)

    async def rotate_secret(self, client_id: str, drawn: str) -> str | None:
        """Replace the secret of a client; the previous one works for `OVERLAP_S`.

        Args:
            drawn: the random part of the new secret.

        Returns:
            the secret, or None if the client does not exist or has no secret.
        """
        secret = f"{SECRET_PREFIX}{drawn}"
        client = await self.clients.get(client_id)
        if client is None or not client.has_secret:
            return None
        return secret if await self.clients.rotate_secret(client_id, secret) else None

    async def disable(self, client_id: str) -> Client:
        """Disable a client: its grants end, and it gets no others.

        It is disabled first: code that opens a grant checks the client afterwards.

        Raises:
            NoSuchClientError: the client does not exist.
        """
        client = await self._set_disabled(client_id, True)
        await self.grants.revoke_of_client(client_id, "the client was disabled")
        return client

    async def enable(self, client_id: str) -> Client:
        """Enable a disabled client; the grants that ended stay ended.

        Raises:
            NoSuchClientError: the client does not exist.
        """
        return await self._set_disabled(client_id, False)

    async def delete(self, client_id: str) -> bool:
        """Delete a client and end its grants; return whether it existed."""
        # Once before, so that the action can be repeated after an outage midway; once after, for grants
        # opened in the meantime.
        await self.grants.revoke_of_client(client_id)
        deleted = await self.clients.delete(client_id)
        await self.grants.revoke_of_client(client_id)
        return deleted

    async def _set_disabled(self, client_id: str, disabled: bool) -> Client:
        client = await self.clients.set_disabled(client_id, disabled)
        if client is None:
            raise NoSuchClientError(client_id)
        return client
