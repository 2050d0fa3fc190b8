"""RFC 9728: what the resource announces, and where."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, running, token_for

WELL_KNOWN = "/.well-known/oauth-protected-resource"


@pytest.mark.requirement("RS-1")
@pytest.mark.parametrize("path", [f"{WELL_KNOWN}/mcp", WELL_KNOWN, f"{WELL_KNOWN}/mcp/", f"{WELL_KNOWN}/"])
def test_the_metadata_is_found_without_a_token_at_both_well_known_places(
    path: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    response = client.get(path)
    assert response.status_code == 200
    # RFC 9728 §3.3: the resource that the place was made from; at the root, the configured one.
    pasted = f"{service.resource}/" if path.endswith("/mcp/") else service.resource
    assert response.json() == {
        "resource": pasted,
        "authorization_servers": [issuer.url],
        "scopes_supported": ["notes:read", "notes:write"],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "RS256", "PS256"],
        "dpop_bound_access_tokens_required": False,
        "resource_name": "Doorward notes",
        "resource_documentation": f"{service.origin}/docs",
        "doorward_scopes": {
            "notes:read": {"description": "Read your notes", "tools": ["list_notes"]},
            "notes:write": {"description": "Add notes for you", "tools": ["add_note"]},
        },
    }


@pytest.mark.requirement("RS-1")
def test_pages_of_any_origin_may_read_the_metadata(client: httpx2.Client) -> None:
    headers = {"Origin": "https://client.example"}
    response = client.get(f"{WELL_KNOWN}/mcp", headers=headers)
    assert response.headers["access-control-allow-origin"] == "*"
    preflight = client.options(
        f"{WELL_KNOWN}/mcp", headers=headers | {"Access-Control-Request-Headers": "mcp-protocol-version"}
    )
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-headers"] == "mcp-protocol-version"


@pytest.mark.requirement("RS-1")
def test_the_metadata_answers_head_and_may_be_cached_for_a_while(client: httpx2.Client) -> None:
    response = client.head(f"{WELL_KNOWN}/mcp")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["cache-control"] == "public, max-age=60"


@pytest.mark.requirement("RS-1")
def test_a_host_header_changes_nothing_in_the_metadata(client: httpx2.Client, service: Service) -> None:
    spoofed = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    response = client.get(f"{WELL_KNOWN}/mcp", headers=spoofed)
    assert response.json()["resource"] == service.resource


@pytest.mark.requirement("RS-1", "RS-2")
@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_both_spellings_of_the_mcp_path_answer_without_a_redirect_and_announce_themselves(
    path: str, client: httpx2.Client, service: Service
) -> None:
    response = client.post(path)
    assert response.status_code == 401
    assert f'"{service.origin}{WELL_KNOWN}{path}"' in response.headers["www-authenticate"]
    assert client.get(f"{WELL_KNOWN}{path}").json()["resource"] == f"{service.origin}{path}"


@pytest.mark.requirement("RS-1", "RS-3")
@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
@pytest.mark.parametrize("audience", ["/mcp", "/mcp/"])
def test_a_token_for_either_spelling_is_good_at_both(
    path: str, audience: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer, aud=f"{service.origin}{audience}")
    headers = bearer(token) | modern_headers("whoami")
    assert client.post(path, headers=headers, json=call("whoami")).status_code == 200


@pytest.mark.requirement("RS-1")
@pytest.mark.parametrize("written", ["https://MCP.example/Tools/mcp", "https://mcp.example:443/Tools/mcp/"])
def test_the_resource_is_announced_byte_for_byte_under_a_base_path(
    written: str, issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with running(issuer, tmp_path, resource=written) as service, httpx2.Client() as client:
        assert client.get(f"{service.origin}{WELL_KNOWN}").json()["resource"] == written
        bare, host = written.removesuffix("/"), written.split("/")[2]
        for arriving in ("/Tools/mcp", "/mcp", "/Tools/mcp/", "/mcp/"):  # stripped by a proxy, or not
            slash = "/" if arriving.endswith("/") else ""
            place = f"{WELL_KNOWN}/Tools/mcp{slash}"
            assert client.get(f"{service.origin}{place}").json()["resource"] == f"{bare}{slash}"
            challenge = client.get(service.origin + arriving).headers["www-authenticate"]
            assert f'resource_metadata="https://{host}{place}"' in challenge
        token = token_for(service, issuer, aud=f"https://{host.lower()}/Tools/mcp")
        for arriving in ("/Tools/hello", "/hello"):
            assert client.get(service.origin + arriving, headers=bearer(token)).status_code == 200


@pytest.mark.requirement("RS-1")
def test_a_resource_at_the_root_of_its_host_is_served_there(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with running(issuer, tmp_path, resource="https://mcp.example") as service, httpx2.Client() as client:
        challenge = client.get(f"{service.origin}/").headers["www-authenticate"]
        assert f'resource_metadata="https://mcp.example{WELL_KNOWN}"' in challenge
        assert client.get(service.origin + WELL_KNOWN).json()["resource"] == "https://mcp.example"
