"""The steps of a client up to the login. They send requests in a client's order, and judge nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from shared import base64url
from shared.cli.doctor import messages, urls
from shared.cli.doctor.documents import document_of, list_member
from shared.cli.doctor.evidence import Evidence, Place
from shared.cli.doctor.exchange import Exchange, Request
from shared.cli.doctor.fetch import Fetch, guarded
from shared.cli.doctor.profiles import Profile
from shared.metadata_urls import (
    resource_metadata_places,
    resource_metadata_root,
    server_metadata_places,
)
from shared.well_known import AUTHORIZATION_SERVER

STALE_CLIENT = {
    "grant_type": "refresh_token",
    "refresh_token": messages.MADE_UP_TOKEN,
    "client_id": messages.UNKNOWN_CLIENT,
}
"""The refresh of a client whose registration the server has lost."""


async def discover(mcp_url: str, fetch: Fetch, profile: Profile | None = None) -> Evidence:
    """Collect everything that can be learned about `mcp_url` without logging in."""
    pasted = await fetch(messages.initialize(mcp_url))
    evidence = Evidence(
        mcp_url=mcp_url, pasted=pasted, post=await _behind_redirect(pasted, fetch), profile=profile
    )
    if evidence.post.answer is None:
        return evidence
    ask = guarded(fetch, mcp_url)
    await _knock(evidence, fetch)
    await _find_resource_metadata(evidence, ask)
    await _find_server_metadata(evidence, ask)
    await _look_from_a_page(evidence, ask)
    await _knock_at_endpoints(evidence, ask)
    return evidence


async def _behind_redirect(pasted: Exchange, fetch: Fetch) -> Exchange:
    """Repeat the request at a redirect's target, once, if that is the same host and no less secure."""
    answer = pasted.answer
    if answer is None or not answer.redirects:
        return pasted
    target = urls.redirect_target(pasted.url, answer.header("location"))
    if target is None or urlsplit(target).hostname != urlsplit(pasted.url).hostname:
        return pasted
    if urls.is_secure(pasted.url) and not urls.is_secure(target):
        return pasted
    return await fetch(messages.initialize(target))


async def _knock(evidence: Evidence, fetch: Fetch) -> None:
    """Request the MCP endpoint without a token, in every way that clients do."""
    url = evidence.endpoint
    other = urls.other_spelling(evidence.mcp_url)
    (
        evidence.get,
        evidence.head,
        evidence.invalid_token,
        evidence.preflight,
        evidence.cross_origin,
        evidence.other_spelling,
        evidence.plain_http,
    ) = await _all(
        fetch,
        # Only the header matters, and an unprotected server would send events forever.
        Request(method="GET", url=url, headers={"Accept": "text/event-stream"}, enough=lambda _: True),
        Request(method="HEAD", url=url, headers={"Accept": "application/json, text/event-stream"}),
        messages.initialize(url, {"Authorization": f"Bearer {messages.MADE_UP_TOKEN}"}),
        messages.preflight(url, messages.BROWSER_HEADERS),
        messages.initialize(url, {"Origin": messages.BROWSER_ORIGIN}),
        messages.initialize(other) if other else None,
        _over_plain_http(evidence.mcp_url),
    )


async def _all(fetch: Fetch, *requests: Request | None) -> list[Exchange | None]:
    """Send all requests concurrently; the result for None is None."""

    async def one(request: Request | None) -> Exchange | None:
        return await fetch(request) if request is not None else None

    return await asyncio.gather(*map(one, requests))


def _over_plain_http(url: str) -> Request | None:
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.port not in (None, 443):
        return None
    return messages.get(parts._replace(scheme="http", netloc=parts.netloc.removesuffix(":443")).geturl())


async def _find_resource_metadata(evidence: Evidence, ask: Fetch) -> None:
    """Try the URL in the challenge, then the one with the path, then the root (RFC 9728)."""
    challenged = evidence.challenge.parameters.get("resource_metadata") if evidence.challenge else None
    places = [
        *([(Place.CHALLENGE, challenged)] if challenged else []),
        *((Place.PATH, url) for url in resource_metadata_places(evidence.mcp_url)),
        (Place.ROOT, resource_metadata_root(evidence.mcp_url)),
    ]
    exchanges = await _documents((url for _, url in places), ask)
    evidence.resource_metadata = [(place, exchanges[url]) for place, url in places]


async def _find_server_metadata(evidence: Evidence, ask: Fetch) -> None:
    """Try RFC 8414 and OpenID discovery of the first server named, or of the MCP origin if none is named."""
    origin = urls.origin(evidence.mcp_url)
    servers = list_member(evidence.resource_document, "authorization_servers") or []
    named = servers[0] if servers and urls.is_web_url(servers[0]) else None
    legacy = f"{origin}{AUTHORIZATION_SERVER}"
    places = server_metadata_places(named) if named else (legacy,)
    exchanges = await _documents((*places, legacy), ask)
    evidence.legacy_metadata = exchanges[legacy]
    documents = [exchanges[url] for url in places]
    if named or any(document_of(exchange) is not None for exchange in documents):
        evidence.named_issuer = named or origin
        evidence.server_metadata = documents


async def _documents(places: Iterable[str], ask: Fetch) -> dict[str, Exchange]:
    """Request each URL once, all concurrently."""
    wanted = list(dict.fromkeys(places))
    requests = (
        ask(messages.get(url, {"MCP-Protocol-Version": messages.HANDSHAKE_VERSION})) for url in wanted
    )
    return dict(zip(wanted, await asyncio.gather(*requests), strict=True))


async def _look_from_a_page(evidence: Evidence, ask: Fetch) -> None:
    """Request both documents again, like a page of another origin."""

    async def again(exchanges: Iterable[Exchange]) -> Exchange | None:
        document = next((item for item in exchanges if document_of(item) is not None), None)
        return (
            await ask(messages.get(document.url, {"Origin": messages.BROWSER_ORIGIN})) if document else None
        )

    evidence.resource_metadata_cors = await again(item for _, item in evidence.resource_metadata)
    evidence.server_metadata_cors = await again(evidence.server_metadata)


async def _knock_at_endpoints(evidence: Evidence, ask: Fetch) -> None:
    """Request the endpoints of the authorization server as an unknown client."""
    token, authorize = evidence.server_url("token_endpoint"), evidence.server_url("authorization_endpoint")
    register, keys = evidence.server_url("registration_endpoint"), evidence.server_url("jwks_uri")
    issuer = evidence.named_issuer
    (
        evidence.unknown_client_token,
        evidence.unknown_client_authorize,
        evidence.keys,
        evidence.ready,
    ) = await _all(
        ask,
        messages.form(token, STALE_CLIENT) if token else None,
        messages.get(unknown_client_url(authorize)) if authorize else None,
        messages.get(keys) if keys else None,
        messages.get(f"{issuer.rstrip('/')}/ready") if issuer else None,
    )
    preflights = [messages.preflight(url, messages.ENDPOINT_HEADERS) for url in (token, register) if url]
    evidence.endpoint_preflights = list(await asyncio.gather(*map(ask, preflights)))


def unknown_client_url(authorization_endpoint: str) -> str:
    """Return the URL of an authorization request of an unregistered client."""
    challenge = base64url.encode(sha256(b"doorward").digest())
    query = {
        "response_type": "code",
        "client_id": messages.UNKNOWN_CLIENT,
        "redirect_uri": messages.UNKNOWN_REDIRECT,
        "state": "doctor",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return with_query(authorization_endpoint, query)


def with_query(url: str, query: dict[str, str]) -> str:
    """Append `query` to `url`, after its existing query (RFC 6749 §3.1)."""
    separator = "&" if urlsplit(url).query else "?"
    return f"{url}{separator}{urlencode(query)}"
