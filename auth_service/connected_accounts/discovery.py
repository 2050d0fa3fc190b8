"""Discovers the authorization server of an upstream, an MCP server, and registers this server there.

Every request is made by the operator's fetcher, within its rules and bounds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.crypto.secrets import new_secret
from auth_service.fetching import Fetched, Fetcher, FetchError
from auth_service.fetching.fetcher import MAX_JSON_BYTES
from auth_service.fetching.token_client import TokenClient
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_client import (
    CALLBACK_PATH,
    UnusableRegistrationError,
    UpstreamClient,
    client_metadata,
    client_of,
    registered_method,
)
from auth_service.protocol.upstream_metadata import (
    ResourceMetadata,
    ServerMetadata,
    UpstreamChallenge,
    UpstreamMetadataError,
    parse_resource_metadata,
    parse_server_metadata,
    read_challenge,
    resource_metadata_urls,
)
from auth_service.protocol.upstream_providers import UpstreamDiscovery
from shared.clock import Clock
from shared.metadata_urls import server_metadata_places

T = TypeVar("T")

_ACCEPT = "application/json, text/event-stream"
# RFC 7591 §3.2.2 has 400; servers that want a token for registration send the others.
_REGISTRATION_STATUSES = (201, 200, 400, 401, 403)


@dataclass(frozen=True, slots=True)
class Discovered:
    """The metadata of an upstream and of its authorization server.

    Attributes:
        scopes: those that the upstream wants for a request without token, or else those that it supports.
    """

    resource: ResourceMetadata
    server: ServerMetadata
    scopes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """Reads metadata, and registers.

    Attributes:
        loopback: whether URLs of this machine are allowed, also over http; for development.
        issuer, site_name: of this server, as a client.
    """

    fetcher: Fetcher
    clock: Clock
    loopback: bool
    issuer: str
    site_name: str

    async def read(self, provider: UpstreamDiscovery, in_use: str | None = None) -> Discovered:
        """Read the metadata of an upstream and of its authorization server.

        Args:
            in_use: the issuer of the authorization server that was chosen before, if there is one.

        Raises:
            UpstreamUnavailableError: it cannot be read, or is not usable.
        """
        challenge = await self._challenge(provider.url)
        resource = await self._first(
            "the metadata of the MCP server",
            resource_metadata_urls(provider.url, challenge),
            lambda document: parse_resource_metadata(document, provider.url, loopback=self.loopback),
        )
        issuer = provider.issuer or (in_use if in_use in resource.issuers else resource.issuers[0])
        if issuer not in resource.issuers:
            raise _failed("the MCP server does not name the configured issuer")
        server = await self._first(
            "the metadata of the authorization server",
            server_metadata_places(issuer),
            lambda document: parse_server_metadata(document, issuer, loopback=self.loopback),
        )
        return Discovered(resource, server, challenge.scopes or resource.scopes)

    async def _challenge(self, url: str) -> UpstreamChallenge:
        try:
            fetched = await self.fetcher.get(url, max_bytes=MAX_JSON_BYTES, accept=_ACCEPT, statuses=(401,))
        except FetchError as error:
            if error.passing:
                raise _failed(f"the MCP server: {error.reason}", error.detail, passing=True) from error
            return UpstreamChallenge()  # the well-known URLs need no challenge
        return read_challenge(fetched.headers.get("www-authenticate"))

    async def _first(self, what: str, urls: Sequence[str], parse: Callable[[object], T]) -> T:
        """Return the first of the documents at `urls` that can be read."""
        failures = list[FetchError]()
        for url in urls:
            try:
                return parse(await self.fetcher.fetch_json(url))
            except FetchError as error:
                if error.passing:  # another document, which is for others, must not take its place meanwhile
                    raise _failed(f"{what}: {error.reason}", error.detail or url, passing=True) from error
                failures.append(error)
            except UpstreamMetadataError as error:
                # No other document may make up for one that contradicts what was asked for.
                raise _failed(f"{what}: {error}", url) from error
        reasons = "; ".join(dict.fromkeys(failure.reason for failure in failures))
        details = "; ".join(filter(None, (failure.detail for failure in failures)))
        raise _failed(f"{what}: {reasons}", details or " ".join(urls))

    async def register(self, server: ServerMetadata) -> UpstreamClient:
        """Register this server at an authorization server (RFC 7591 §3).

        Raises:
            UpstreamUnavailableError: it does not register clients, refuses this one, or cannot be reached.
        """
        method = registered_method(server)
        if server.registration_endpoint is None:
            raise _unregistered("the authorization server registers no clients; set client_id and issuer")
        if method is None:
            raise _unregistered("the authorization server supports no client authentication of ours")
        body = json.dumps(client_metadata(self.issuer, self.site_name, method)).encode()
        try:
            fetched = await self.fetcher.post(
                server.registration_endpoint,
                body,
                "application/json",
                max_bytes=MAX_JSON_BYTES,
                headers={"Accept": "application/json"},
                statuses=_REGISTRATION_STATUSES,
            )
            return client_of(_accepted(fetched), method, int(self.clock()), may_be_public=server.sends_iss)
        except FetchError as error:
            raise _unregistered(
                f"the registration: {error.reason}", error.detail, passing=error.passing
            ) from error
        except UnusableRegistrationError as error:
            raise _unregistered(str(error)) from error

    async def refuses(self, server: ServerMetadata, client: UpstreamClient) -> bool | None:
        """Check whether an authorization server no longer accepts a client that it has registered.

        It gets a code that it never issued, so that no person's code or token decides: a server that accepts
        the client responds with `invalid_grant`, and otherwise with `invalid_client` (RFC 6749 §5.2).

        Returns:
            None if the server cannot be asked.
        """
        members = {
            "grant_type": "authorization_code",
            "code": new_secret(),
            "redirect_uri": f"{self.issuer}{CALLBACK_PATH}",
            "code_verifier": new_secret(),
        }
        sender = TokenClient(
            client_id=client.client_id, client_secret=client.client_secret, basic=client.basic
        )
        try:
            response = (await sender.post(self.fetcher, server.token_endpoint, members)).json()
        except FetchError:
            return None
        error = response.get("error") if isinstance(response, dict) else None
        return error == "invalid_client" if isinstance(error, str) else None


def _accepted(fetched: Fetched) -> object:
    response = fetched.json()
    if fetched.status in (200, 201):
        return response
    code = response.get("error") if isinstance(response, dict) else None
    raise _unregistered("the authorization server refuses to register this server", str(code)[:100])


def _failed(reason: str, detail: str | None = None, *, passing: bool = False) -> UpstreamUnavailableError:
    cause = Reason.CONNECT_DISCOVERY_FAILED
    return UpstreamUnavailableError(reason, detail=detail, cause=cause, passing=passing)


def _unregistered(
    reason: str, detail: str | None = None, *, passing: bool = False
) -> UpstreamUnavailableError:
    cause = Reason.CONNECT_REGISTRATION_FAILED
    return UpstreamUnavailableError(reason, detail=detail, cause=cause, passing=passing)
