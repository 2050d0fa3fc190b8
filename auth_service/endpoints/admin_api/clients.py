"""/admin/api/clients: every client, and those that the operator creates."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from auth_service.administration.clients import (
    SECRET_PREFIX,
    ClientAdministration,
    ClientExistsError,
    NoSuchClientError,
    NotOperatorsClientError,
    client_version,
)
from auth_service.crypto.secrets import digest
from auth_service.endpoints.admin_api.descriptions import clients as descriptions
from auth_service.endpoints.admin_api.listing import listing
from auth_service.endpoints.admin_api.objects import conflicts, not_there, page
from auth_service.endpoints.admin_api.requests import AdminRequest, changed_since, etag
from auth_service.endpoints.admin_api.routing import AdminOperation, AdminRouting
from auth_service.protocol.admin_access import ConflictError
from auth_service.protocol.client import Client
from auth_service.protocol.client_secrets import OVERLAP_S
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.software import places
from auth_service.web.http import json_response
from auth_service.web.route import Endpoint
from shared import base64url


@dataclass(frozen=True, kw_only=True)
class ClientsApi:
    """Lists, creates, edits, disables and deletes clients, and rotates their secrets."""

    administration: ClientAdministration

    async def browse(self, admin: AdminRequest) -> Response:
        """Return clients, oldest first."""
        clients = await self.administration.clients.list()
        if wanted := (admin.query.get("q") or "").casefold():
            clients = [client for client in clients if _mentions(client, wanted)]
        some, after = listing(clients, lambda client: (client.created_at, client.client_id), admin.query)
        return page("clients", [_client(client) for client in some], after)

    async def create(self, admin: AdminRequest) -> Response:
        """Create a client; the secret is in the response, and in its repetitions."""
        body = await admin.members({"client_id": str, "metadata": dict}, required=("metadata",))
        drawn = await admin.drawn()
        chosen = body.get("client_id") or digest(f"client {drawn}")[:32]
        if admin.is_repeated and await self.administration.clients.get(chosen) is None:
            raise ConflictError(Reason.ADMIN_CONFLICT, "the client that this request created was deleted")
        try:
            with conflicts():
                made = await self.administration.create(body["metadata"], client_id=chosen, drawn=drawn)
        except ClientExistsError as error:
            raise ConflictError(Reason.ADMIN_CONFLICT, "another client has this client_id") from error
        if not admin.is_repeated:
            admin.actor.audit("client created", client_id=chosen, name=made.client.name)
        return _answer(made.client, made.client_secret, 201)

    async def read(self, admin: AdminRequest) -> Response:
        """Return one client."""
        client = await self.administration.clients.get(_client_id(admin))
        if client is None:
            raise not_there("client")
        return _answer(client)

    async def edit(self, admin: AdminRequest) -> Response:
        """Replace the metadata of a client that the operator created."""
        version = admin.if_match()
        body = await admin.members({"metadata": dict}, required=("metadata",))

        def require(client: Client) -> None:
            if client_version(client) != version:
                raise changed_since()

        try:
            made = await self.administration.edit(_client_id(admin), body["metadata"], require=require)
        except NoSuchClientError as error:
            raise not_there("client") from error
        except NotOperatorsClientError as error:
            raise ConflictError(Reason.ADMIN_CONFLICT, str(error)) from error
        admin.actor.audit("client edited", client_id=made.client.client_id)
        return _answer(made.client, made.client_secret)

    async def set_state(self, admin: AdminRequest) -> Response:
        """Disable or enable a client."""
        client_id = _client_id(admin)
        disabled = (await admin.members({"disabled": bool}, required=("disabled",)))["disabled"]
        if not disabled:
            admin.require_fresh()
        change = self.administration.disable if disabled else self.administration.enable
        try:
            client = await change(client_id)
        except NoSuchClientError as error:
            raise not_there("client") from error
        admin.actor.audit("client disabled" if disabled else "client enabled", client_id=client_id)
        return _answer(client)

    async def rotate(self, admin: AdminRequest) -> Response:
        """Give a client a new secret; the previous one works for a while."""
        client_id, drawn = _client_id(admin), await admin.drawn()
        client = await self.administration.clients.get(client_id)
        if client is None or not client.has_secret:
            raise not_there("client with a secret")
        if admin.is_repeated and client.secret_hash != digest(f"{SECRET_PREFIX}{drawn}"):
            raise ConflictError(Reason.ADMIN_CONFLICT, "the secret was replaced again in the meantime")
        secret = await self.administration.rotate_secret(client_id, drawn)
        if secret is None:
            raise not_there("client with a secret")
        if not admin.is_repeated:
            admin.actor.audit("client secret rotated", client_id=client_id)
        members = {"client_id": client_id, "client_secret": secret, "previous_secret_expires_in": OVERLAP_S}
        return json_response(members, 201)

    async def delete(self, admin: AdminRequest) -> Response:
        """Delete a client, and end its grants."""
        client_id = _client_id(admin)
        if not await self.administration.delete(client_id):
            raise not_there("client")
        admin.actor.audit("client removed", client_id=client_id)
        return Response(status_code=204)

    def endpoints(self, routing: AdminRouting) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            routing.endpoint(
                "/clients",
                {
                    "GET": AdminOperation(perform=self.browse, description=descriptions.LIST),
                    "POST": AdminOperation(
                        perform=self.create, description=descriptions.CREATE, fresh=True, creates=True
                    ),
                },
            ),
            routing.endpoint(
                "/clients/{client}",
                {
                    "GET": AdminOperation(perform=self.read, description=descriptions.READ),
                    "PUT": AdminOperation(perform=self.edit, description=descriptions.EDIT, fresh=True),
                    "PATCH": AdminOperation(perform=self.set_state, description=descriptions.SET_STATE),
                    "DELETE": AdminOperation(
                        perform=self.delete, description=descriptions.DELETE, fresh=True
                    ),
                },
            ),
            routing.endpoint(
                "/clients/{client}/secrets",
                {
                    "POST": AdminOperation(
                        perform=self.rotate, description=descriptions.ROTATE, fresh=True, creates=True
                    )
                },
            ),
        ]


def path_of(client_id: str) -> str:
    """Return the part of the path that names a client: its id, or base64url after ``~`` if that is a URL."""
    return client_id if "/" not in client_id else f"~{base64url.encode(client_id.encode())}"


def _client_id(admin: AdminRequest) -> str:
    part = admin.path("client")
    if not part.startswith("~"):
        return part
    try:
        return base64url.decode(part[1:]).decode()
    except (binascii.Error, ValueError):
        raise InvalidRequestError(
            Reason.ADMIN_VALUE_INVALID, "the path names no client: ~ is followed by base64url"
        ) from None


def _mentions(client: Client, wanted: str) -> bool:
    texts = (client.client_id, client.name, *places(client))
    return any(wanted in text.casefold() for text in texts)


def _answer(client: Client, secret: str | None = None, status: int = 200) -> Response:
    members = {**_client(client), **({"client_secret": secret} if secret else {})}
    return json_response(members, status, etag(client_version(client)))


def _client(client: Client) -> dict[str, Any]:
    members = {
        "client_id": client.client_id,
        "path": path_of(client.client_id),
        "operators": client.is_operators,
        "disabled": client.disabled,
        "created_at": client.created_at,
        "used_at": client.used_at,
        "expires_at": client.expires_at,
        "previous_secret_expires_at": client.previous_secret_until if client.previous_secret_hash else None,
        "metadata": client.metadata,
    }
    return {name: value for name, value in members.items() if value is not None}
