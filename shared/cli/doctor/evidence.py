"""The evidence that a walk collects step by step. The checks judge it afterwards and never change it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from shared.challenges import Challenge, bearer_challenge
from shared.cli.doctor.challenge import wanted_scopes
from shared.cli.doctor.documents import Document, document_of, list_member, text_member
from shared.cli.doctor.exchange import Exchange
from shared.cli.doctor.profiles import Profile
from shared.cli.doctor.urls import is_web_url


class Place(StrEnum):
    """The well-known URL that an exchange is about."""

    CHALLENGE = "named by WWW-Authenticate"
    PATH = "with the path"
    ROOT = "at the root"


@dataclass(slots=True, kw_only=True)
class Login:
    """The evidence from the registration onwards. Steps that could not be tried are None.

    Attributes:
        refused, step_up_refused: why the walk, or the login for more scopes, could not continue.
        sent: the registration request.
        request: the parameters of the authorization request.
        returned: the parameters received at the redirect URI.
        authorize, other_port, other_resource: requests to the authorization endpoint without a person: the
            original one, with another port in the loopback redirect, with another spelling of the resource.
        replay: the used refresh token, sent again.
        survived: a request with the newest token after the replay.
        stepped_up: the refused request, repeated with a token for the required scopes.
    """

    redirect_uri: str
    refused: str = ""
    step_up_refused: str = ""
    sent: Document = field(default_factory=dict)
    registration: Exchange | None = None
    profile_registration: Exchange | None = None
    authorize: Exchange | None = None
    other_port: Exchange | None = None
    other_resource: Exchange | None = None
    request: dict[str, str] = field(default_factory=dict)
    returned: dict[str, str] | None = None
    token: Exchange | None = None
    initialize: Exchange | None = None
    tools: Exchange | None = None
    call: Exchange | None = None
    stepped_up: Exchange | None = None
    refresh: Exchange | None = None
    refreshed_call: Exchange | None = None
    replay: Exchange | None = None
    survived: Exchange | None = None
    revocations: list[Exchange] = field(default_factory=list)
    after_revocation: Exchange | None = None
    dead_refresh: Exchange | None = None

    @property
    def refused_for_scope(self) -> Exchange | None:
        """Return the first request that the MCP server refused with 403 because of a missing scope."""
        made = (self.initialize, self.tools, self.call)
        forbidden = (item for item in made if item and item.answer and item.answer.status == 403)
        return next((item for item in forbidden if item.answer and wanted_scopes(item.answer)), None)


@dataclass(slots=True, kw_only=True)
class Evidence:
    """Every exchange of a walk, by purpose.

    Attributes:
        pasted: the POST to the URL exactly as given.
        post: the same after the redirect, if one was followed.
        resource_metadata, server_metadata: each URL that was requested, in the order of a client.
        named_issuer: the authorization server that the resource metadata names first.
        legacy_metadata: RFC 8414 metadata at the origin of the MCP server, for clients of 2025-03-26.
        ready: the readiness probe of the authorization server, which describes the store of a Doorward.
        store_complaints: of the store itself, if the doctor may open it.
        store_failure: why the store could not be opened.
    """

    mcp_url: str
    pasted: Exchange
    post: Exchange
    profile: Profile | None = None
    get: Exchange | None = None
    head: Exchange | None = None
    invalid_token: Exchange | None = None
    other_spelling: Exchange | None = None
    plain_http: Exchange | None = None
    preflight: Exchange | None = None
    cross_origin: Exchange | None = None
    resource_metadata: list[tuple[Place, Exchange]] = field(default_factory=list)
    resource_metadata_cors: Exchange | None = None
    named_issuer: str | None = None
    server_metadata: list[Exchange] = field(default_factory=list)
    server_metadata_cors: Exchange | None = None
    legacy_metadata: Exchange | None = None
    keys: Exchange | None = None
    ready: Exchange | None = None
    store_complaints: list[str] | None = None
    store_failure: str = ""
    unknown_client_token: Exchange | None = None
    unknown_client_authorize: Exchange | None = None
    endpoint_preflights: list[Exchange] = field(default_factory=list)
    login: Login | None = None

    @property
    def endpoint(self) -> str:
        """The MCP URL, after the redirect if there was one."""
        return self.post.url

    @property
    def challenge(self) -> Challenge | None:
        """The Bearer challenge of the response to a POST without a token."""
        answer = self.post.answer
        return bearer_challenge(answer.header("www-authenticate")) if answer else None

    @property
    def resource_document(self) -> Document | None:
        """The RFC 9728 document that a client reads: the first valid one."""
        documents = (document_of(exchange) for _, exchange in self.resource_metadata)
        return next((document for document in documents if document is not None), None)

    @property
    def server_document(self) -> Document | None:
        """The RFC 8414 or OpenID document that a client reads: the first valid one."""
        documents = (document_of(exchange) for exchange in self.server_metadata)
        return next((document for document in documents if document is not None), None)

    @property
    def well_knowns(self) -> list[Exchange]:
        """Every exchange with a well-known URL."""
        legacy = [self.legacy_metadata] if self.legacy_metadata else []
        exchanges = (*(item for _, item in self.resource_metadata), *self.server_metadata, *legacy)
        return list({exchange.url: exchange for exchange in exchanges}.values())

    def server_url(self, member: str) -> str | None:
        """Return a URL from the authorization server's metadata; None if the member is not a URL."""
        url = text_member(self.server_document, member)
        return url if is_web_url(url) else None

    def server_list(self, member: str) -> list[str] | None:
        """Return a list from the authorization server's metadata; None if it is missing."""
        return list_member(self.server_document, member)
