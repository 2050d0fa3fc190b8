"""The metadata of an upstream and of its authorization server: whose it must be, and what it must have."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.upstream_metadata import (
    MAX_SCOPES,
    UpstreamChallenge,
    UpstreamMetadataError,
    parse_resource_metadata,
    parse_server_metadata,
    read_challenge,
    resource_metadata_urls,
)

pytestmark = pytest.mark.requirement("GW-1", "SEC-3")

URL = "https://mcp.example/team/mcp"
ISSUER = "https://auth.example/tenant"
RESOURCE = {"resource": URL, "authorization_servers": [ISSUER]}
SERVER = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "code_challenge_methods_supported": ["S256"],
}


def test_a_challenge_names_the_metadata_and_the_scopes() -> None:
    header = 'Basic realm="x", Bearer scope="a b", resource_metadata="https://mcp.example/metadata"'
    challenge = read_challenge(header)
    assert challenge == UpstreamChallenge(metadata_url="https://mcp.example/metadata", scopes=("a", "b"))
    assert resource_metadata_urls(URL, challenge) == ("https://mcp.example/metadata",)


@pytest.mark.parametrize("header", [None, "", "Basic", "Bearer", "Bearer =", 'Bearer scope="'])
def test_without_a_usable_challenge_the_metadata_is_at_the_well_known_urls(header: str | None) -> None:
    root = "https://mcp.example/.well-known/oauth-protected-resource"
    assert resource_metadata_urls(URL, read_challenge(header)) == (f"{root}/team/mcp", root)


@pytest.mark.parametrize(
    "resource",
    [URL, f"{URL}/", "HTTPS://MCP.example/team/mcp", "https://mcp.example/team", "https://mcp.example"],
)
def test_the_resource_is_the_mcp_server_or_what_it_is_a_part_of(resource: str) -> None:
    read = parse_resource_metadata({**RESOURCE, "resource": resource}, URL)
    assert (read.resource, read.issuers) == (resource, (ISSUER,))


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {"resource": resource}
            for resource in (
                *(None, 1, "", "mcp", "https://other.example/team/mcp", "http://mcp.example/team/mcp"),
                *(f"{URL}/more", "https://mcp.example/te", f"{URL}?a=b", "https://mcp.example:8443/team/mcp"),
            )
        ),
        *(
            {"authorization_servers": issuers}
            for issuers in (
                *(None, [], "https://auth.example", [1], ["http://auth.example"], ["https://127.0.0.1"]),
                *(["https://10.0.0.1"], ["https://auth.example/#f"], ["https://auth.example?a=b"]),
                *(["https://user@auth.example"], [f"https://auth.example/{'x' * 1_000}"]),
            )
        ),
    ],
)
def test_metadata_of_another_resource_or_without_usable_issuer_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UpstreamMetadataError):
        parse_resource_metadata({**RESOURCE, **changes}, URL)


def test_scopes_are_bounded_and_those_that_cannot_be_sent_are_left_out() -> None:
    scopes = ["a", "a", 1, "b c", "x" * 201, *(str(number) for number in range(60))]
    read = parse_resource_metadata({**RESOURCE, "scopes_supported": scopes}, URL)
    assert len(read.scopes) == MAX_SCOPES
    assert read.scopes[:3] == ("a", "0", "1")


def test_the_metadata_of_a_server_has_its_endpoints_and_abilities() -> None:
    read = parse_server_metadata(SERVER, ISSUER)
    assert (read.sends_iss, read.accepts_documents, read.offline_access) == (False, False, False)
    assert (read.auth_methods, read.registration_endpoint) == (("client_secret_basic",), None)
    announced = {
        "registration_endpoint": f"{ISSUER}/register",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
        "token_endpoint_auth_methods_supported": ["none", 1],
        "scopes_supported": ["offline_access"],
    }
    read = parse_server_metadata({**SERVER, **announced}, ISSUER)
    assert (read.sends_iss, read.accepts_documents, read.offline_access) == (True, True, True)
    assert (read.auth_methods, read.registration_endpoint) == (("none",), f"{ISSUER}/register")


@pytest.mark.parametrize(
    "changes",
    [
        *({"issuer": issuer} for issuer in (None, "https://evil.example", f"{ISSUER}/", ISSUER.upper())),
        *(
            {name: url}
            for name in ("authorization_endpoint", "token_endpoint", "registration_endpoint")
            for url in ("", 1, "http://auth.example/x", "https://localhost/x", "javascript:alert(1)")
        ),
        *({name: None} for name in ("authorization_endpoint", "token_endpoint")),
        *({"code_challenge_methods_supported": methods} for methods in (None, [], ["plain"], "S256")),
    ],
)
def test_metadata_of_another_issuer_or_without_pkce_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UpstreamMetadataError):
        parse_server_metadata({**SERVER, **changes}, ISSUER)


@pytest.mark.parametrize("document", [None, [], "text", 1])
def test_a_document_is_an_object(document: object) -> None:
    with pytest.raises(UpstreamMetadataError):
        parse_resource_metadata(document, URL)
    with pytest.raises(UpstreamMetadataError):
        parse_server_metadata(document, ISSUER)
