"""From a pasted URL to the metadata of the authorization server, in the order in which a client looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.profiles.checks import Evidence
from tests.profiles.profile import Profile

_HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def discover(profile: Profile, http: httpx2.Client, evidence: Evidence) -> None:
    """Find out whom to ask for a token; what is found goes into `evidence`.

    Raises:
        AssertionError: it cannot be found out.
    """
    for method in profile.requests.probes:
        body = '{"jsonrpc":"2.0","id":0,"method":"ping"}' if method == "POST" else None
        answer = http.request(method, evidence.pasted, headers=_headers(method), content=body)
        if method != "OPTIONS":
            evidence.challenge = answer
            assert answer.status_code == 401, (method, answer.status_code)
            assert answer.headers["www-authenticate"].startswith("Bearer ")
    if profile.discovery.resource_metadata != ("none",):
        evidence.resource_metadata = _first_document(http, _resource_places(profile, evidence))
    evidence.server_metadata = _server_metadata(profile, http, evidence)


def challenged_scope(evidence: Evidence) -> str | None:
    """The scopes that the challenge asks for."""
    return _parameter(evidence, "scope")


def _headers(method: str) -> dict[str, str]:
    if method == "OPTIONS":
        requested_headers = "authorization,content-type,mcp-protocol-version"
        return {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": requested_headers}
    return _HEADERS if method == "POST" else {"Accept": "text/event-stream"}


def _parameter(evidence: Evidence, name: str) -> str | None:
    assert evidence.challenge is not None
    match = re.search(rf'{name}="([^"]*)"', evidence.challenge.headers["www-authenticate"])
    return match[1] if match else None


def _resource_places(profile: Profile, evidence: Evidence) -> Iterator[str]:
    for place in profile.discovery.resource_metadata:
        if place == "challenge":
            challenged = _parameter(evidence, "resource_metadata")
            assert challenged, "the challenge does not say where the metadata is"
            yield challenged
        else:
            yield well_known("oauth-protected-resource", evidence.pasted, with_path=place == "path")


def _server_metadata(profile: Profile, http: httpx2.Client, evidence: Evidence) -> dict[str, Any]:
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(evidence.pasted))
    issuer = (evidence.resource_metadata.get("authorization_servers") or [origin])[0]
    names = profile.discovery.server_metadata
    if not names:
        # MCP 2025-03-26: without metadata, these are the endpoints.
        places = {"authorization": "authorize", "token": "token", "registration": "register"}
        return {f"{name}_endpoint": f"{origin}/{path}" for name, path in places.items()}
    return _first_document(http, (well_known(name, issuer) for name in names))


def _first_document(http: httpx2.Client, places: Iterator[str]) -> dict[str, Any]:
    for place in places:
        answer = http.get(place, headers={"Accept": "application/json"})
        # The SDKs give up on a 5xx instead of looking further.
        assert answer.status_code < 500, place
        if answer.status_code == 200:
            assert answer.headers["content-type"].startswith("application/json"), place
            document: dict[str, Any] = answer.json()
            return document
    raise AssertionError("there is no document at any of the places")


def well_known(name: str, url: str, *, with_path: bool = True) -> str:
    """The well-known place of `url` (RFC 8615): the name comes between the host and the path."""
    parts = urlsplit(url)
    path = parts.path if with_path else ""
    return f"{parts.scheme}://{parts.netloc}/.well-known/{name}{path}"
