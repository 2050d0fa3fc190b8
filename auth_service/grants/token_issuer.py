"""Issues codes and tokens from a grant."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from auth_service.crypto.handles import Handle, Handles, Kind
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.grants.person_claims import PersonClaims
from auth_service.protocol.access_token import access_token_claims
from auth_service.protocol.client import Client
from auth_service.protocol.grant import Grant
from auth_service.protocol.id_token import id_token_claims
from auth_service.protocol.resources import GROUPS
from auth_service.protocol.token_exchange import ACCESS_TOKEN
from auth_service.protocol.token_response import token_members
from auth_service.users.client_subjects import ClientSubjects
from shared.access_tokens import TYPE


class TokenIssuer:
    """Creates codes and token responses: the same state of a grant gives the same tokens (DESIGN D3)."""

    def __init__(
        self,
        *,
        handles: Handles,
        people: PersonClaims,
        signing_keys: SigningKeys,
        subjects: ClientSubjects,
        issuer: str,
        grace_s: int,
        jwt_resources: Collection[str],
    ) -> None:
        self._handles = handles
        self._people = people
        self._jwt_resources = jwt_resources
        self._signing_keys = signing_keys
        self._subjects = subjects
        self._issuer = issuer
        self._grace_s = grace_s

    def authorization_code(self, grant: Grant, expires_at: int) -> str:
        """Return the authorization code of a new grant, valid until `expires_at` (seconds since 1970)."""
        return self._handles.encode(
            Handle(kind=Kind.CODE, grant_id=grant.grant_id, generation=0, expires_at=expires_at)
        )

    async def token_response(self, grant: Grant, client: Client) -> dict[str, Any]:
        """Return the body of a token response (RFC 6749 §5.1), with an ID token if a code granted openid."""
        access_token = await self._access_token(grant, client)
        members = {"access_token": access_token, **token_members(grant, self._grace_s)}
        if grant.refreshable:
            members["refresh_token"] = self._token(Kind.REFRESH_TOKEN, grant, grant.refresh_expires_at)
        if grant.parent_grants:
            members["issued_token_type"] = ACCESS_TOKEN  # RFC 8693 §2.2.1
        if grant.generation == 1 and not grant.parent_grants and grant.subject and "openid" in grant.scopes:
            described = bool(grant.id_token_claims) or GROUPS in grant.scopes
            person = await self._people.of(grant.subject, grant.scopes) if described else None
            client_subject = await self._subjects.client_subject(
                client.sector, grant.subject, grant.session_id
            )
            claims = id_token_claims(
                grant,
                client_subject=client_subject,
                issuer=self._issuer,
                access_token=access_token,
                person=person,
            )
            members["id_token"] = await self._signing_keys.sign(claims, alg=client.id_token_alg)
        return members

    async def _access_token(self, grant: Grant, client: Client) -> str:
        # A client can read a JWT meant for the resource server. A client that knows the user by a pairwise
        # subject therefore gets an opaque token.
        if grant.resource not in self._jwt_resources or client.sector is not None:
            return self._token(Kind.ACCESS_TOKEN, grant, grant.access_expires_at)
        # RS256, whose signatures are deterministic, and the key of the time when the token was issued: a
        # replayed refresh must get the same bytes.
        claims = access_token_claims(grant, self._issuer)
        return await self._signing_keys.sign(claims, typ=TYPE, alg="RS256", at=grant.issued_at)

    def _token(self, kind: Kind, grant: Grant, expires_at: int) -> str:
        narrowed = kind is Kind.ACCESS_TOKEN and str(grant.generation) in (grant.narrowed or {})
        handle = Handle(
            kind=kind,
            grant_id=grant.grant_id,
            generation=grant.generation,
            expires_at=expires_at,
            narrowed=narrowed,
            bound=grant.jkt is not None,
        )
        return self._handles.encode(handle)


class TokenResponses:
    """The responses to one token request: one for each attempt to write its grant."""

    def __init__(self, issuer: TokenIssuer, client: Client) -> None:
        self._issuer = issuer
        self._client = client
        self._grant: Grant | None = None
        self._response: dict[str, Any] = {}

    async def prepare(self, grant: Grant) -> None:
        """Make the response for `grant`."""
        self._response = await self._issuer.token_response(grant, self._client)
        self._grant = grant

    async def of(self, grant: Grant) -> dict[str, Any]:
        """Return the response for `grant`, which was prepared if the grant has just been written."""
        if grant is not self._grant and grant != self._grant:
            await self.prepare(grant)
        return self._response
