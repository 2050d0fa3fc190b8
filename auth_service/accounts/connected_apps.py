"""Lists and disconnects the programs that a person has connected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from auth_service.clients.repository import ClientRepository
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.connected_apps import ConnectedApp, Connection, by_app
from auth_service.protocol.grant import Grant
from auth_service.protocol.joined_grants import without_mount
from auth_service.protocol.resources import ResourceRegistry


class Consents(Protocol):
    """The remembered consents."""

    async def forget(self, subject: str, client_id: str) -> None:
        """Forget what `subject` has approved for the client."""
        ...

    async def forget_scopes(
        self, subject: str, client_id: str, resource: str, is_over: Callable[[str], bool]
    ) -> None:
        """Forget the scopes of `resource` that `subject` has approved for the client and that are over."""
        ...


@dataclass(frozen=True, kw_only=True)
class ConnectedApps:
    """Ends grants together with the consents that would let the client get a new one without a question."""

    grants: GrantRepository
    clients: ClientRepository
    consents: Consents
    resource_registry: ResourceRegistry

    async def of_subject(self, subject: str) -> list[ConnectedApp]:
        """Return the connected programs, the last used first."""
        grants = await self.grants.of_subject(subject)
        client_ids = list(dict.fromkeys(grant.client_id for grant in grants))
        clients = {client.client_id: client for client in await self.clients.get_many(client_ids)}
        return by_app(Connection(grant, clients.get(grant.client_id)) for grant in grants)

    async def app(self, subject: str, key: str) -> ConnectedApp | None:
        """Return the connected program with that key; None if nothing of it is connected."""
        return next((app for app in await self.of_subject(subject) if app.key == key), None)

    async def connection(self, subject: str, grant_id: str) -> Connection | None:
        """Return the active connection of `subject` with that id; None if it does not exist."""
        grant = await self.grants.get(grant_id)
        if grant is None or grant.subject != subject or grant.state != "active":
            return None
        return Connection(grant, await self.clients.get(grant.client_id))

    async def disconnect(self, subject: str, grant_id: str, reason: str) -> Grant | None:
        """End a grant of `subject`; may be repeated. Return it as it was, or None if it is not theirs."""
        grant = await self.grants.get(grant_id)
        if grant is None or grant.subject != subject:
            return None
        await self.grants.revoke(grant_id, reason)
        await self.consents.forget(subject, grant.client_id)
        return grant

    async def disconnect_mount(self, subject: str, grant_id: str, mount: str, reason: str) -> Grant | None:
        """End one joined mount of a grant of `subject`; may be repeated.

        The next authorization asks about the mount again, and the grant ends if it is for no other mount.

        Args:
            reason: why the grant ends, if it does.

        Returns:
            the grant as it was, or None if it is not theirs or not for the mount.
        """
        grant = await self.grants.get(grant_id)
        resource = None if grant is None else self.resource_registry.by_identifier(grant.resource)
        if grant is None or grant.subject != subject or resource is None or mount not in resource.joins:
            return None
        # The consent first: if this process dies in between, the mount is still listed, with its button.
        await self.consents.forget_scopes(
            subject, grant.client_id, resource.resource, lambda scope: resource.mount_of(scope) == mount
        )
        has_ended = await self.grants.change(
            grant_id, lambda stored: without_mount(stored, resource, mount, reason)
        )
        return grant if has_ended else None

    async def disconnect_app(self, subject: str, key: str, reason: str) -> list[Grant]:
        """End every grant of `subject` to the program with that key; return them."""
        app = await self.app(subject, key)
        grants = [connection.grant for connection in app.connections] if app else []
        for grant in grants:
            await self.disconnect(subject, grant.grant_id, reason)
        return grants
