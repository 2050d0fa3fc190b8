"""POST /register (RFC 7591)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.clients.registration_policy import RegistrationPolicy
from auth_service.clients.repository import ClientRepository, Registered
from auth_service.clients.sectors import Sectors
from auth_service.endpoints.descriptions.register import registration_operation
from auth_service.journal.journal import Journal
from auth_service.protocol.errors import InvalidClientMetadataError, InvalidTokenError, SlowDownError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration import parse_metadata
from auth_service.protocol.registration_policy import Quota, RedirectHosts
from auth_service.rate_limits import Throttle
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, bearer_of, json_response
from auth_service.web.route import Endpoint
from shared.asgi import CorsPolicy, header_values
from shared.journal.event import EventKind
from shared.json_text import parse_json
from shared.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class RegisterEndpoint:
    """Registers clients dynamically.

    Attributes:
        throttle: limits the rate of each network.
        own_share: how much each network may register without counting against `overall`.
        overall: limits all networks together.
        quota: limits the number of clients registered without an initial access token.
        grant_types: the grant types that any client may register for.
        operator_grant_types: those that a client with an initial access token may register for.
    """

    clients: ClientRepository
    registration_policy: RegistrationPolicy
    redirect_hosts: RedirectHosts
    sectors: Sectors
    throttle: Throttle
    own_share: Throttle
    overall: Throttle
    quota: Quota
    networks: ClientNetworks
    issuer: str
    grant_types: tuple[str, ...]
    operator_grant_types: tuple[str, ...]
    journal: Journal

    async def handle(self, request: Request) -> Response:
        network = self.networks.network_of(request)
        await self.throttle.attempt(network)
        admitted = await self.registration_policy.approve_registration(
            await json_of(request), _initial_access_token(request)
        )
        metadata, translations = parse_metadata(admitted.body, self.redirect_hosts.http_networks)
        grant_types = self.operator_grant_types if admitted.has_initial_access_token else self.grant_types
        registered_metadata = {**metadata.registered(grant_types), **translations}
        self.redirect_hosts.check(metadata.redirect_uris or ())
        if not admitted.has_initial_access_token:
            await self._count_overall(network)
        await self.sectors.admit(registered_metadata)
        quota = None if admitted.has_initial_access_token else self.quota
        registered = await self.clients.register(
            registered_metadata,
            quota=quota,
            statement_claims=admitted.statement_claims,
            network=network,
            record=lambda client_id: self.journal.begin(
                EventKind.CLIENT_REGISTERED, client=client_id, network=network
            ),
        )
        _log.info("client registered", client_id=registered.client.client_id, name=registered.client.name)
        return json_response(client_information(registered, self.issuer), 201)

    async def _count_overall(self, network: str) -> None:
        # The first registrations of each network do not count against the overall limit, so that no network
        # closes registration to others (BOUND-3). Neither do as many as were used later: hosted clients
        # register for many people from few addresses. The quota limits what they take up.
        try:
            await self.own_share.attempt(network)
        except SlowDownError:
            await self._count_beyond_share(network)

    async def _count_beyond_share(self, network: str) -> None:
        used = await self.clients.unused.used_by(network)
        try:
            await self.own_share.attempt(network, more=used)
        except SlowDownError:
            await self.overall.attempt("all")

    def endpoint(self, example: dict[str, Any]) -> Endpoint:
        """Return the endpoint with its description; `example` is the example on the docs page."""
        cors = CorsPolicy(("POST",))
        return Endpoint(
            path="/register",
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": registration_operation(example)},
            cors=cors,
            direct=True,
        )


def _initial_access_token(request: Request) -> str | None:
    if not header_values(request.scope, "authorization"):
        return None
    try:
        return bearer_of(request)
    except InvalidTokenError:
        return None


async def json_of(request: Request) -> object:
    """Return the JSON in a request's body.

    Raises:
        InvalidClientMetadataError: the body is not JSON, or contains text that is not Unicode.
    """
    try:
        return parse_json(await request.body())
    except ValueError as failure:
        raise InvalidClientMetadataError(
            Reason.BODY_MALFORMED, "the body must be JSON", detail=str(failure)
        ) from failure


def client_information(registered: Registered, issuer: str) -> dict[str, Any]:
    """Return the client information response (RFC 7591 §3.2.1): everything registered, byte for byte."""
    client = registered.client
    information = {
        "client_id": client.client_id,
        "client_id_issued_at": client.created_at,
        **client.metadata,
        "registration_client_uri": f"{issuer}/register/{client.client_id}",
    }
    if registered.client_secret:
        information["client_secret"] = registered.client_secret
    if client.has_secret:
        information["client_secret_expires_at"] = 0  # RFC 7591 §3.2.1: required with a secret; 0 means never
    if registered.registration_access_token:
        information["registration_access_token"] = registered.registration_access_token
    return information
