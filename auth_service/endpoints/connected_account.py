"""POST /connected-account: a resource server gets the credential of a person for its upstream (GW-1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.introspection_callers import IntrospectionCaller, IntrospectionCallers
from auth_service.connected_accounts.accounts import ConnectedAccounts, Credential
from auth_service.connected_accounts.links import ConnectLinks
from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.crypto.handles import Handle
from auth_service.endpoints.calling_requests import adopt_request_id
from auth_service.endpoints.descriptions.connected_account import OPERATION
from auth_service.grants.token_reader import TokenReader
from auth_service.protocol.errors import (
    InactiveTokenError,
    NotAResourceServerError,
    NotConfiguredError,
    ServerUnavailableError,
)
from auth_service.protocol.grant import Grant
from auth_service.protocol.joined_grants import is_about
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry, mounts_at
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, form_of, json_response
from auth_service.web.route import Endpoint
from shared.asgi import header_values
from shared.clock import Clock


@dataclass(frozen=True, kw_only=True)
class ConnectedAccountEndpoint:
    """Answers with a credential, or with the link by which the person connects an account.

    The account belongs to the person and to the own resource of the MCP server: a token for a resource that
    joins mounts gets the account of the mount that the resource server names.
    """

    callers: IntrospectionCallers
    tokens: TokenReader
    registry: ResourceRegistry
    accounts: ConnectedAccounts
    links: ConnectLinks
    networks: ClientNetworks
    issuer: str
    clock: Clock

    async def handle(self, request: Request) -> Response:
        parameters = await form_of(request)
        caller = await self.callers.authenticate(
            header_values(request.scope, "authorization"), parameters, self.networks.network_of(request)
        )
        adopt_request_id(request.scope, caller, parameters)
        if caller.client_id is not None:
            raise NotAResourceServerError(
                Reason.CALLER_NOT_RESOURCE_SERVER, "only configured resource servers get credentials"
            )
        handle, grant = await self._read(caller, parameters.require("token"))
        held = grant.scopes_of(handle.generation)
        resource, subject = self._resource(caller, grant, held, parameters.resource()), grant.subject
        if resource not in self.accounts.providers or resource is None or subject is None:
            raise _not_configured("nobody connects an account for this token")
        try:
            credential = await self.accounts.credential(subject, resource, parameters.get("rejected"))
        except UpstreamUnavailableError as error:
            raise ServerUnavailableError(
                error.cause,
                "the credential cannot be refreshed at the moment; try again later",
                detail=error.reason,
            ) from error
        if credential is not None:
            return json_response({"resource": resource, **self._connected(credential)})
        link = await self._not_connected(subject, resource, grant.client_id)
        return json_response({"resource": resource, **link})

    async def _read(self, caller: IntrospectionCaller, token: str) -> tuple[Handle, Grant]:
        """Return the handle and grant of the token, which must be active for the caller at this moment."""
        live = await self.tokens.live_access(token)
        if live is None or live[1].resource not in caller.resources:
            raise _inactive()
        return live

    def _resource(
        self, caller: IntrospectionCaller, grant: Grant, held: Collection[str], named: str | None
    ) -> str | None:
        """Return the resource whose account is meant: that of the grant, or that of a mount it joins.

        Args:
            held: the scopes of the token, which may be fewer than those of the grant (RFC 6749 §6).
            named: by the caller; None for the resource of the grant.
        """
        own, joining = self.registry.by_identifier(named), self.registry.by_identifier(grant.resource)
        if named is None or own is joining:
            return grant.resource
        mounts = mounts_at(own.resource, joining.joins) if own and joining else ()
        if own is None or not mounts or own.resource not in caller.resources:
            raise _not_configured("the resource of the token does not join that resource")
        if not is_about(held, mounts):
            raise _inactive()
        return own.resource

    def _connected(self, credential: Credential) -> dict[str, Any]:
        expires_at = credential.account.expires_at
        expires = {} if expires_at is None else {"expires_in": max(0, expires_at - int(self.clock()))}
        token = credential.tokens.access_token
        secret = {"api_key": token} if credential.account.is_api_key else {"authorization": f"Bearer {token}"}
        return {
            "status": "connected",
            **secret,
            "version": credential.account.version,
            **expires,
        }

    async def _not_connected(self, subject: str, resource: str, client_id: str) -> dict[str, Any]:
        link = await self.links.link_for(subject, resource, client_id)
        return {
            "status": "not_connected",
            "provider": self.accounts.providers[resource].name,
            "connect_url": f"{self.issuer}/connect/{link.link_id}",
            "elicitation_id": link.link_id,
            "expires_in": max(0, link.expires_at - int(self.clock())),
        }

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path="/connected-account",
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
        )


def _inactive() -> InactiveTokenError:
    return InactiveTokenError(
        Reason.CONNECTED_ACCOUNT_TOKEN_INACTIVE, "the token is not active for the caller"
    )


def _not_configured(description: str) -> NotConfiguredError:
    return NotConfiguredError(Reason.CONNECTED_ACCOUNT_NOT_CONFIGURED, description)
