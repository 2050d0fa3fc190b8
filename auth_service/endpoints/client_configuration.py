"""GET, PUT and DELETE /register/{client_id} (RFC 7592): a client manages its own registration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.clients.registration_policy import RegistrationPolicy
from auth_service.clients.repository import ClientRepository, Registered
from auth_service.clients.sectors import Sectors
from auth_service.crypto import secrets
from auth_service.endpoints.descriptions.client_configuration import READ, REMOVE, REPLACE
from auth_service.endpoints.descriptions.register import request_body
from auth_service.endpoints.register import client_information, json_of
from auth_service.grants.repository import GrantRepository
from auth_service.journal.journal import Journal
from auth_service.protocol.client import Client
from auth_service.protocol.errors import (
    DisabledRegistrationError,
    InvalidClientMetadataError,
    InvalidTokenError,
)
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration import parse_metadata
from auth_service.protocol.registration_policy import RedirectHosts
from auth_service.rate_limits import Throttle
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, bearer_of, json_response
from auth_service.web.route import Endpoint
from shared.asgi import CorsPolicy
from shared.journal.event import EventKind
from shared.logs import get_logger

_log = get_logger(__name__)

Method = Callable[[Request, Client], Awaitable[Response]]


class ClientConfigurationEndpoint:
    """Reads, changes and deletes the registration to which the registration access token belongs."""

    def __init__(
        self,
        *,
        clients: ClientRepository,
        registration_policy: RegistrationPolicy,
        grants: GrantRepository,
        issuer: str,
        grant_types: tuple[str, ...],
        redirect_hosts: RedirectHosts,
        sectors: Sectors,
        throttle: Throttle,
        networks: ClientNetworks,
        journal: Journal,
    ) -> None:
        self._clients = clients
        self._registration_policy = registration_policy
        self._grants = grants
        self._issuer = issuer
        self._grant_types = grant_types
        self._redirect_hosts = redirect_hosts
        self._sectors = sectors
        self._throttle = throttle
        self._networks = networks
        self._journal = journal
        self._methods: dict[str, Method] = {
            "GET": self._read,
            "HEAD": self._read,
            "PUT": self._change,
            "DELETE": self._delete,
        }

    async def handle(self, request: Request) -> Response:
        client = await self._clients.managed_by(request.path_params["client_id"], bearer_of(request))
        if client is None:
            # RFC 7592 §2: others must not learn whether the client exists.
            raise InvalidTokenError(
                Reason.REGISTRATION_TOKEN_INVALID,
                "the registration access token is not valid for this client",
            )
        if client.disabled:
            # Deletion as well: the administrator's decision would be lost with the registration.
            raise DisabledRegistrationError
        return await self._methods[request.method](request, client)

    async def _read(self, request: Request, client: Client) -> Response:
        return self._answer(Registered(client, None, ""), bearer_of(request))

    async def _change(self, request: Request, client: Client) -> Response:
        network = self._networks.network_of(request)
        # Each change may cause a document to be fetched from a site that the client chose.
        await self._throttle.attempt(network)
        body = await json_of(request)
        self._check_identity(body, client)
        admitted = await self._registration_policy.approve_update(body, client.statement_claims)
        metadata, translations = parse_metadata(admitted.body, self._redirect_hosts.http_networks)
        registered = {**metadata.registered((*self._grant_types, *client.grant_types)), **translations}
        self._redirect_hosts.check(metadata.redirect_uris or ())
        await self._sectors.admit(registered)
        await self._journal.record(EventKind.CLIENT_CHANGED, client=client.client_id, network=network)
        changed = await self._clients.change(client, registered, admitted.statement_claims)
        if changed is None:
            raise InvalidTokenError(Reason.CLIENT_DELETED, "the client was deleted")
        return self._answer(changed, bearer_of(request))

    async def _delete(self, request: Request, client: Client) -> Response:
        # Not awaited: a full store must not keep a client from ending its tokens.
        network = self._networks.network_of(request)
        self._journal.note(EventKind.CLIENT_DELETED, client=client.client_id, network=network)
        # Once before, so that a client can retry after an outage midway; once after, for grants opened in the
        # meantime.
        await self._grants.revoke_of_client(client.client_id)
        await self._clients.delete(client.client_id)
        await self._grants.revoke_of_client(client.client_id)
        _log.info("client deleted", client_id=client.client_id)
        return Response(status_code=204)

    def _answer(self, registered: Registered, token: str) -> Response:
        information = client_information(registered, self._issuer)
        return json_response({**information, "registration_access_token": token})

    @staticmethod
    def _check_identity(body: object, client: Client) -> None:
        # RFC 7592 §2.2: the request names the client, and repeats the secret only if it is the current one.
        members: dict[str, Any] = body if isinstance(body, dict) else {}
        if members.get("client_id") not in (None, client.client_id):
            raise InvalidClientMetadataError(
                Reason.CLIENT_ID_MISMATCH, "client_id does not match this registration"
            )
        secret = members.get("client_secret")
        if secret is not None and not (
            isinstance(secret, str) and secrets.matches(secret, client.secret_hash)
        ):
            raise InvalidClientMetadataError(
                Reason.CLIENT_SECRET_NOT_CURRENT,
                "client_secret must be the current one; clients cannot choose it",
            )

    def endpoint(self, example: dict[str, Any]) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path="/register/{client_id}",
            handler=answers_errors(self.handle),
            methods=("GET", "PUT", "DELETE"),
            operations={
                "GET": READ,
                "PUT": {**REPLACE, "requestBody": request_body({"client_id": "…", **example})},
                "DELETE": REMOVE,
            },
            cors=CorsPolicy(("GET", "PUT", "DELETE")),
        )
