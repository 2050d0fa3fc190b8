"""Client metadata: what real clients send, what is refused, what is echoed."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.errors import InvalidClientMetadataError, InvalidRedirectUriError, OAuthError
from auth_service.protocol.registration import MAX_REDIRECT_URIS, parse_metadata

pytestmark = pytest.mark.requirement("AS-5")

BOTH = ["authorization_code", "refresh_token"]
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
OFFERED = (*BOTH, DEVICE)
URI = "https://client.example/cb"

# What clients put into their registrations, and what of it comes back changed; the rest is echoed as it is.
CLIENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "claude.ai": (
        {
            "client_name": "Claude",
            "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
            "grant_types": BOTH,
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "scope": "notes:read offline_access",
        },
        {},
    ),
    "Claude Code": (
        {
            "client_name": "Claude Code (doorward)",
            "redirect_uris": ["http://localhost:54212/callback"],
            "grant_types": BOTH,
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        },
        {},
    ),
    "Cursor": (
        {
            "client_name": "Cursor",
            "application_type": "web",
            "redirect_uris": [
                "cursor://anysphere.cursor-mcp/oauth/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
                "http://localhost:8787/callback",
            ],
            "grant_types": BOTH,
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        },
        {},
    ),
    "VS Code": (
        {
            "client_name": "Visual Studio Code",
            "client_uri": "https://code.visualstudio.com",
            "grant_types": [*BOTH, DEVICE],
            "response_types": ["code"],
            "redirect_uris": ["https://vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        },
        {},
    ),
    "Gemini CLI": (
        {
            "client_name": "Gemini CLI MCP Client",
            "redirect_uris": ["http://localhost:41231/oauth/callback"],
            "grant_types": BOTH,
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "code_challenge_method": ["S256"],
            "scope": "",
        },
        {"scope": None, "code_challenge_method": None},
    ),
    "mcp-remote": (
        {
            "redirect_uris": ["http://localhost:3334/oauth/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": BOTH,
            "response_types": ["code"],
            "client_name": "MCP CLI Proxy",
            "client_uri": "https://github.com/modelcontextprotocol/mcp-cli",
            "software_id": "2e6dc280-f3c3-4e01-99a7-8181dbd1d23d",
            "software_version": "0.1.37",
        },
        {},
    ),
    "mcp-remote, device flow": (
        {
            "client_name": "MCP CLI Proxy",
            "grant_types": [DEVICE, "refresh_token"],
            "response_types": ["code"],
        },
        {
            "response_types": [],
            "token_endpoint_auth_method": "client_secret_basic",
        },
    ),
    "MCP Inspector": (
        {
            "redirect_uris": ["http://localhost:6274/oauth/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": BOTH,
            "response_types": ["code"],
            "client_name": "MCP Inspector",
            "client_uri": "https://github.com/modelcontextprotocol/inspector",
            "scope": "notes:read notes:write",
        },
        {},
    ),
    "Goose": (
        {
            "client_name": "goose",
            "redirect_uris": ["http://127.0.0.1:39211/oauth_callback"],
            "grant_types": BOTH,
        },
        {"token_endpoint_auth_method": "client_secret_basic", "response_types": ["code"]},
    ),
    "Codex CLI": (
        {
            "client_name": "Codex",
            "redirect_uris": ["http://127.0.0.1:38217/callback/Ab12"],
            "grant_types": BOTH,
            "token_endpoint_auth_method": "none",
            "response_types": ["code"],
        },
        {},
    ),
    "TypeScript SDK, as little as it may": (
        {"redirect_uris": [URI]},
        {
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
        },
    ),
    "Python SDK, with nulls": (
        {
            "redirect_uris": ["http://localhost:3030/callback"],
            "grant_types": BOTH,
            "response_types": ["code"],
            "scope": None,
            "client_name": "mcp",
            "client_uri": None,
            "logo_uri": None,
            "contacts": None,
            "tos_uri": None,
            "policy_uri": None,
            "jwks_uri": None,
            "jwks": None,
            "software_id": None,
            "software_version": None,
            "token_endpoint_auth_method": None,
        },
        {
            **dict.fromkeys(("scope", "client_uri", "logo_uri", "contacts", "tos_uri", "policy_uri")),
            **dict.fromkeys(("jwks_uri", "jwks", "software_id", "software_version")),
            "token_endpoint_auth_method": "client_secret_basic",
        },
    ),
    "empty members": (
        {"redirect_uris": [URI], "client_name": "", "logo_uri": "", "contacts": [], "grant_types": []},
        {
            **dict.fromkeys(("client_name", "logo_uri", "contacts")),
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
        },
    ),
    "everything unknown": (
        {
            "redirect_uris": [URI],
            "grant_types": ["authorization_code", "implicit", "password", "authorization_code"],
            "response_types": ["code", "token", "id_token"],
            "x_future": {"deeply": [1, {"nested": None}]},
            "default_max_age": 3600,
            "token_endpoint_auth_method": "client_secret_post",
            "application_type": "something else",
        },
        {
            **dict.fromkeys(("x_future", "default_max_age")),
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
        },
    ),
    "a name in other languages": (
        {
            "redirect_uris": [URI],
            "client_name": "Notes",
            "client_name#ja-Jpan-JP": "ノート",
            "policy_uri#de": "https://client.example/datenschutz",
            "redirect_uris#de": ["https://evil.example/"],
            "scope#de": "x",
            "client_name#": "no tag",
        },
        {
            **dict.fromkeys(("redirect_uris#de", "scope#de", "client_name#")),
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
        },
    ),
    "credentials of its own choice": (
        {
            "redirect_uris": [URI],
            "client_id": "admin",
            "client_secret": "chosen",
            "registration_access_token": "chosen",
            "registration_client_uri": "https://evil.example/",
            "client_id_issued_at": 0,
            "client_secret_expires_at": 1,
        },
        {
            **dict.fromkeys(("client_id", "client_secret", "registration_access_token")),
            **dict.fromkeys(("registration_client_uri", "client_id_issued_at", "client_secret_expires_at")),
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
        },
    ),
}


def registered(body: object, grant_types: tuple[str, ...] = OFFERED) -> dict[str, Any]:
    """The metadata as it is kept and echoed."""
    metadata, translations = parse_metadata(body)
    return {**metadata.registered(grant_types), **translations}


@pytest.mark.parametrize("client", CLIENTS)
def test_what_real_clients_send_is_registered_and_echoed(client: str) -> None:
    body, changed = CLIENTS[client]
    expected = {**body, **changed}
    assert registered(body) == {name: value for name, value in expected.items() if value is not None}


@pytest.mark.parametrize("client", CLIENTS)
def test_what_is_echoed_holds_no_null_and_nothing_empty_but_response_types(client: str) -> None:
    kept = registered(CLIENTS[client][0])
    assert [name for name, value in kept.items() if value in (None, "")] == []
    assert kept["response_types"] == (["code"] if "authorization_code" in kept["grant_types"] else [])


@pytest.mark.parametrize("client", CLIENTS)
def test_registering_again_what_was_echoed_changes_nothing(client: str) -> None:
    once = registered(CLIENTS[client][0])
    assert registered(once) == once


@pytest.mark.requirement("SEC-13")
def test_a_client_cannot_register_itself_for_a_grant_that_is_not_offered_to_it() -> None:
    body = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"}
    assert registered(body)["grant_types"] == []
    assert registered(body, (*OFFERED, "client_credentials"))["grant_types"] == ["client_credentials"]


@pytest.mark.requirement("SEC-13")
def test_a_public_client_never_gets_tokens_on_its_own_behalf() -> None:
    body = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"}
    with pytest.raises(InvalidClientMetadataError):
        registered(body, (*OFFERED, "client_credentials"))


REDIRECT = InvalidRedirectUriError
OTHER = InvalidClientMetadataError


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (None, OTHER),
        ([], OTHER),
        ("text", OTHER),
        (1, OTHER),
        (True, OTHER),
        ({}, REDIRECT),
        ({"redirect_uris": None}, REDIRECT),
        ({"redirect_uris": []}, REDIRECT),
        ({"redirect_uris": URI}, REDIRECT),
        ({"redirect_uris": {}}, REDIRECT),
        ({"redirect_uris": 1}, REDIRECT),
        ({"redirect_uris": [1]}, REDIRECT),
        ({"redirect_uris": [None]}, REDIRECT),
        ({"redirect_uris": [[URI]]}, REDIRECT),
        ({"redirect_uris": [""]}, REDIRECT),
        ({"redirect_uris": [URI, "javascript:alert(1)"]}, REDIRECT),
        ({"redirect_uris": [URI, "http://client.example/"]}, REDIRECT),
        ({"redirect_uris": [f"{URI}/{n}" for n in range(MAX_REDIRECT_URIS + 1)]}, REDIRECT),
        ({"redirect_uris": [URI], "grant_types": "authorization_code"}, OTHER),
        ({"redirect_uris": [URI], "grant_types": [1]}, OTHER),
        ({"redirect_uris": [URI], "grant_types": ["x"] * 51}, OTHER),
        ({"redirect_uris": [URI], "grant_types": ["x" * 1_001]}, OTHER),
        ({"redirect_uris": [URI], "response_types": {"code": True}}, OTHER),
        ({"redirect_uris": [URI], "token_endpoint_auth_method": "client_secret_jwt"}, OTHER),
        ({"redirect_uris": [URI], "token_endpoint_auth_method": "tls_client_auth"}, OTHER),
        ({"redirect_uris": [URI], "token_endpoint_auth_method": ["none"]}, OTHER),
        ({"redirect_uris": [URI], "token_endpoint_auth_method": 1}, OTHER),
        ({"redirect_uris": [URI], "token_endpoint_auth_method": "private_key_jwt"}, OTHER),
        ({"redirect_uris": [URI], "client_name": 1}, OTHER),
        ({"redirect_uris": [URI], "client_name": ["x"]}, OTHER),
        ({"redirect_uris": [URI], "client_name": "x" * 201}, OTHER),
        ({"redirect_uris": [URI], "client_name#de": 1}, OTHER),
        ({"redirect_uris": [URI], "client_name#de": "x" * 201}, OTHER),
        ({"redirect_uris": [URI], "logo_uri#de": "javascript:alert(1)"}, OTHER),
        ({"redirect_uris": [URI], "client_uri": "javascript:alert(1)"}, OTHER),
        ({"redirect_uris": [URI], "client_uri": "/relative"}, OTHER),
        ({"redirect_uris": [URI], "tos_uri": "https://"}, OTHER),
        ({"redirect_uris": [URI], "policy_uri": "https://[x/"}, OTHER),
        ({"redirect_uris": [URI], "policy_uri": "https://client.example/a b"}, OTHER),
        ({"redirect_uris": [URI], "policy_uri": "https://client.example/" + "a" * 2_000}, OTHER),
        ({"redirect_uris": [URI], "scope": 1}, OTHER),
        ({"redirect_uris": [URI], "scope": ["a"]}, OTHER),
        ({"redirect_uris": [URI], "scope": 'a"b'}, OTHER),
        ({"redirect_uris": [URI], "scope": "a\tb"}, OTHER),
        ({"redirect_uris": [URI], "scope": "ü"}, OTHER),
        ({"redirect_uris": [URI], "scope": "a " * 2_001}, OTHER),
        ({"redirect_uris": [URI], "contacts": "me@client.example"}, OTHER),
        ({"redirect_uris": [URI], "contacts": ["x"] * 21}, OTHER),
        ({"redirect_uris": [URI], "software_id": {"x": 1}}, OTHER),
    ],
)
def test_metadata_that_is_not_as_rfc_7591_has_it_is_refused(body: object, refusal: type[OAuthError]) -> None:
    with pytest.raises(refusal) as raised:
        registered(body)
    assert raised.value.status == 400
    assert raised.value.description


@pytest.mark.requirement("SEC-4")
def test_a_refusal_repeats_nothing_of_what_was_sent() -> None:
    with pytest.raises(OAuthError) as raised:
        registered({"redirect_uris": ["javascript:alert('<script>')"], "client_name": "<script>"})
    assert "script>" not in raised.value.description
    assert "alert" not in raised.value.description
