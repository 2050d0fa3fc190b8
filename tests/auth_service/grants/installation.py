"""The components of an authorization server on a store in a file, without HTTP, on a clock the test moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auth_service.fetching import Fetcher
from auth_service.grants.base import TokenRequest
from auth_service.grants.code_issuer import AuthorizationCodeIssuer
from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.client import Client
from auth_service.protocol.grant import Grant
from auth_service.protocol.owner import Owner
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.pkce import s256
from auth_service.protocol.proof_source import ProofSource
from auth_service.settings import AuthSettings
from auth_service.users.sessions import Session
from auth_service.wiring.components import components
from auth_service.wiring.grant_types import offered_grant_types
from shared.storage.sqlite import SqliteStore
from tests.auth_service.keypair import KeyPair
from tests.auth_service.protocol.builders import NOW, REDIRECT_URI, VERIFIER
from tests.auth_service.service import (
    OTHER_RESOURCE,
    OTHER_RESOURCE_SERVER,
    RESOURCE,
    RESOURCE_SERVER,
    SCOPES,
    USUAL,
)

ISSUER = "https://auth.example"
IDP, RUNNER = "https://idp.example", "https://ci.example"
IDP_KEY, RUNNER_KEY = KeyPair(), KeyPair()
CLIENT_GRANTS = ["authorization_code", "refresh_token"]
SERVERS = [
    RESOURCE_SERVER,
    {
        **OTHER_RESOURCE_SERVER,
        "resources": [
            {"resource": OTHER_RESOURCE, "name": "Other", "scopes": {"notes:read": "Read", "other": "Else"}}
        ],
    },
]
JWT_SERVER = {
    **RESOURCE_SERVER,
    "resources": [
        {"resource": RESOURCE, "name": "Notes", "scopes": SCOPES, "access_token_format": "jwt"},
    ],
}
TRUSTED = [
    {"issuer": IDP, "profile": "id-jag", "jwks": IDP_KEY.jwks},
    {
        "issuer": RUNNER,
        "profile": "workload",
        "jwks": RUNNER_KEY.jwks,
        "rules": [{"claims": {"repository": "acme/*"}, "scopes": ["notes:read"]}],
    },
]


class Installation:
    """The components, and the grant types by name."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.now = float(NOW)
        self.store = SqliteStore(directory / "store.db", clock=lambda: self.now)
        configured = AuthSettings(
            **{
                **USUAL,
                "issuer": ISSUER,
                "store": f"sqlite:///{directory}/store.db",
                "resource_servers": SERVERS,
                "trusted_issuers": TRUSTED,
                **settings,
            }
        )
        self.parts = components(configured, self.store, lambda: self.now, Fetcher())
        offered = offered_grant_types(
            self.parts.base,
            self.parts.users,
            self.parts.clients,
            self.parts.grants,
            proof_replay_cache=self.parts.client_auth.proof_replay_cache,
        )
        self.grant_types = {grant_type.name: grant_type for grant_type in offered}
        self.grants = self.parts.grants.repository
        self.codes = AuthorizationCodeIssuer(
            grant_factory=self.parts.grants.factory,
            grants=self.grants,
            token_issuer=self.parts.grants.token_issuer,
            lifetimes=self.parts.grants.lifetimes,
            clock=lambda: self.now,
        )

    async def redeem(
        self, grant_type: str, of: Client, *resources: str, jkt: str | None = None, **values: str
    ) -> Grant:
        """The grant that a token request leads to."""
        request = TokenRequest(
            client=of,
            parameters=Parameters(values, resources),
            now=int(self.now),
            proof_source=ProofSource("192.0.2.1"),
            jkt=jkt,
        )
        return await self.grant_types[grant_type].redeem(request)

    async def client(self, method: str = "none", **metadata: Any) -> Client:
        """A registered client."""
        members = {
            "redirect_uris": [REDIRECT_URI],
            "grant_types": CLIENT_GRANTS,
            "token_endpoint_auth_method": method,
        }
        registered = await self.parts.clients.repository.register({**members, **metadata}, unused_ttl_s=None)
        return registered.client

    async def session(self, username: str = "alice", name: str | None = None) -> Session:
        """A login session of a new user."""
        user = await self.parts.users.repository.add(username, "a long enough password", name)
        return await self.parts.users.sessions.begin(user, f"the session of {username}")

    async def grant(self, of: Client, owner: Owner | None = None, **draft: Any) -> Grant:
        """An active grant with its first tokens."""
        scopes = draft.pop("scopes", ("notes:read", "notes:write"))
        factory = self.parts.grants.factory
        resource = draft.pop("resource", RESOURCE)
        return await factory.open_active(
            factory.draft(of, scopes, resource, int(self.now), owner=owner, **draft)
        )

    async def code(self, of: Client, session: Session, **changes: Any) -> str:
        """A code for what a request asks for."""
        request = authorization_request(of, **changes)
        code = await self.codes.issue(self.codes.outcome(of), request, session, request.scopes, client=of)
        assert code is not None
        return code

    async def tokens(self, of: Grant, client: Client) -> dict[str, Any]:
        """The token response for a grant."""
        return await self.parts.grants.token_issuer.token_response(of, client)


def authorization_request(of: Client, **changes: Any) -> AuthorizationRequest:
    """A request for everything there is, with PKCE."""
    usual = {
        "client_id": of.client_id,
        "redirect_uri": REDIRECT_URI,
        "redirect_uri_given": True,
        "response_mode": "query",
        "scopes": ("notes:read", "notes:write"),
        "resource": RESOURCE,
        "code_challenge": s256(VERIFIER),
    }
    return AuthorizationRequest(**{**usual, **changes})
