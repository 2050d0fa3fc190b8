"""Two processes of an authorization server on one faulty store, called without sockets."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth_service.endpoints.introspect import IntrospectEndpoint
from auth_service.endpoints.revoke import RevokeEndpoint
from auth_service.endpoints.token import TokenEndpoint
from auth_service.events.known_revocations import KnownRevocations
from auth_service.fetching import Fetcher
from auth_service.grants.code_issuer import AuthorizationCodeIssuer
from auth_service.protocol.client import Client
from auth_service.settings import AuthSettings
from auth_service.users.sessions import Session
from auth_service.wiring.components import components
from auth_service.wiring.grant_types import offered_grant_types
from shared.clock import Clock
from shared.storage.interface import Store
from tests.auth_service.grants.installation import CLIENT_GRANTS, ISSUER, authorization_request
from tests.auth_service.keypair import KeyPair
from tests.auth_service.protocol.builders import REDIRECT_URI
from tests.auth_service.service import RESOURCE_SECRET, USUAL
from tests.simulation.faulty_store import FaultyStore


class Answer(NamedTuple):
    """The response to a request."""

    status: int
    body: dict[str, Any]


class Credentials(NamedTuple):
    """A client, with its secret and the key that its tokens are bound to (RFC 9449), if it has them."""

    client: Client
    secret: str | None
    key: KeyPair | None = None


class Process:
    """One process of the authorization server."""

    def __init__(self, path: Path, store: Store, clock: Clock, revocations: KnownRevocations) -> None:
        settings = AuthSettings(**{**USUAL, "issuer": ISSUER, "store": f"sqlite:///{path}"})
        self.parts = components(settings, store, clock, Fetcher(), known_revocations=revocations)
        grants, networks = self.parts.grants, self.parts.page_context.networks
        auth = self.parts.client_auth
        self.codes = AuthorizationCodeIssuer(
            grant_factory=grants.factory,
            grants=grants.repository,
            token_issuer=grants.token_issuer,
            lifetimes=grants.lifetimes,
            clock=clock,
        )
        self.endpoints: dict[str, Callable[[Request], Awaitable[Response]]] = {
            each.path: each.handler
            for each in (
                self._token_endpoint(),
                RevokeEndpoint(
                    auth.authentication, grants.token_reader, grants.repository, networks
                ).endpoint(),
                self._introspect_endpoint(),
            )
        }

    def _token_endpoint(self) -> Any:
        parts = self.parts
        offered = offered_grant_types(
            parts.base,
            parts.users,
            parts.clients,
            parts.grants,
            proof_replay_cache=parts.client_auth.proof_replay_cache,
        )
        return TokenEndpoint(
            authentication=parts.client_auth.authentication,
            grant_types={each.name: each for each in offered},
            dpop=parts.client_auth.dpop_proofs,
            token_issuer=parts.grants.token_issuer,
            clock=parts.base.clock,
            networks=parts.page_context.networks,
            url=f"{ISSUER}/token",
            journal=parts.base.journal,
        ).endpoint()

    def _introspect_endpoint(self) -> Any:
        parts = self.parts
        return IntrospectEndpoint(
            callers=parts.client_auth.introspection_callers,
            tokens=parts.grants.token_reader,
            subjects=parts.users.client_subjects,
            clients=parts.clients.repository,
            signing_keys=parts.base.signing_keys,
            clock=parts.base.clock,
            issuer=ISSUER,
            grace_s=parts.base.settings.refresh_grace_s,
            networks=parts.page_context.networks,
        ).endpoint()

    def proof(self, key: KeyPair, now: float) -> str:
        """Return a DPoP proof for the token endpoint."""
        nonce = self.parts.client_auth.dpop_proofs.nonce()
        return key.proof("POST", f"{ISSUER}/token", now=now, nonce=nonce)

    async def request(
        self, path: str, name: str, secret: str | None, *, proof: str | None = None, **values: str | None
    ) -> Answer:
        """Send a form to an endpoint."""
        form = {key: value for key, value in values.items() if value is not None}
        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        if proof is not None:
            headers.append((b"dpop", proof.encode()))
        if secret is None:
            form["client_id"] = name
        else:
            basic = b64encode(f"{name}:{secret}".encode())
            headers.append((b"authorization", b"Basic " + basic))
        body = urlencode(form).encode()
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": headers,
            "client": ("192.0.2.1", 1),
            "state": {},
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        response = await self.endpoints[path](Request(scope, receive))
        return Answer(response.status_code, json.loads(bytes(response.body) or b"{}"))


class Service:
    """The processes. What one learns of a revocation, the other learns by the revocation stream at once."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        path = directory / "store.db"
        self.store = FaultyStore(path, clock)
        revocations = KnownRevocations(clock)
        store = cast("Store", self.store)
        self.processes = [Process(path, store, clock, revocations) for _ in range(2)]

    @property
    def parts(self) -> Any:
        return self.processes[0].parts

    async def client(self, method: str, key: KeyPair | None = None) -> Credentials:
        """Register a client, whose tokens are bound to `key`."""
        registered = await self.parts.clients.repository.register(
            {
                "redirect_uris": [REDIRECT_URI],
                "grant_types": CLIENT_GRANTS,
                "token_endpoint_auth_method": method,
                "dpop_bound_access_tokens": key is not None,
            },
            unused_ttl_s=None,
        )
        return Credentials(registered.client, registered.client_secret, key)

    async def session(self, username: str) -> Session:
        """Begin a session of a new user."""
        user = await self.parts.users.repository.add(username, "seven moss harbours")
        return cast("Session", await self.parts.users.sessions.begin(user, f"session of {username}"))

    async def code(self, process: int, client: Client, session: Session) -> str:
        """Issue a code, as after a consent."""
        codes, request = self.processes[process].codes, authorization_request(client)
        code = await codes.issue(codes.outcome(client), request, session, request.scopes, client=client)
        assert code is not None
        return code

    async def introspect(self, process: int, token: str) -> Answer:
        """Look a token up, as the resource server."""
        return await self.processes[process].request("/introspect", "resource", RESOURCE_SECRET, token=token)

    async def settle(self) -> None:
        """Wait for what goes on in the background."""
        for process in self.processes:
            await process.parts.grants.confirmations.aclose()

    async def aclose(self) -> None:
        """Release everything."""
        await self.settle()
        for process in self.processes:
            process.parts.base.fetcher.close()
            process.parts.base.operator_fetcher.close()
        await self.store.aclose()
