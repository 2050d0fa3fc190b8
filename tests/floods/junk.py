"""Junk for every endpoint that needs no authentication, by the name of the endpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from tests.floods.sender import Junk
from tests.flow import REDIRECT_URI, Client, Pkce

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
BEARER = {"Authorization": f"Bearer dw_at_{'b' * 120}"}
INITIALIZE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
DOCUMENT = "https://127.0.0.1:1/client"
"""The URL of a client metadata document on a host that must not be contacted."""


def every_endpoint(client: Client, mcp_url: str) -> Mapping[str, list[Junk]]:
    """The requests to each endpoint.

    Args:
        client: registered, public.
        mcp_url: the MCP endpoint of the resource server.
    """
    origin = client.issuer
    return {
        **_oauth(origin, client.client_id),
        **_pages(origin),
        "events, without credentials": [Junk("POST", f"{origin}/events", "{}", JSON)],
        "MCP, no token": [Junk("POST", mcp_url, INITIALIZE, JSON), Junk("GET", mcp_url)],
        "MCP, junk token": [Junk("POST", mcp_url, INITIALIZE, {**JSON, **BEARER})],
    }


def _oauth(origin: str, client_id: str) -> dict[str, list[Junk]]:
    authorization = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT_URI,
        "code_challenge": Pkce().challenge,
        "code_challenge_method": "S256",
        "state": "s" * 2_000,
    }
    registration = json.dumps({"redirect_uris": [REDIRECT_URI], "client_name": "n" * 100})
    junk_code = {"grant_type": "authorization_code", "client_id": client_id, "code": "c" * 100}
    junk_refresh = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": "r" * 100}
    token = urlencode({"token": f"dw_rt_{'t' * 120}", "client_id": client_id})
    from_document = urlencode({**authorization, "client_id": DOCUMENT})
    return {
        "registration": [Junk("POST", f"{origin}/register", registration, JSON)],
        "authorization": [Junk("GET", f"{origin}/authorize?{urlencode(authorization)}")],
        "client metadata documents": [Junk("GET", f"{origin}/authorize?{from_document}")],
        "pushed requests": [Junk("POST", f"{origin}/par", urlencode(authorization), FORM)],
        "device authorization": [
            Junk("POST", f"{origin}/device_authorization", urlencode({"client_id": client_id}), FORM)
        ],
        "token, junk": [
            Junk("POST", f"{origin}/token", urlencode(form), FORM) for form in (junk_code, junk_refresh)
        ],
        "introspection, without credentials": [Junk("POST", f"{origin}/introspect", token, FORM)],
        "revocation": [Junk("POST", f"{origin}/revoke", token, FORM)],
        "user info, junk token": [Junk("GET", f"{origin}/userinfo", "", BEARER)],
    }


def _pages(origin: str) -> dict[str, list[Junk]]:
    password = urlencode({"username": "wesen", "password": "wrong", "csrf": "x" * 40})
    pages = ("account", "device", "logout", "admin")
    documents = ("oauth-authorization-server", "openid-configuration")
    return {
        "login": [Junk("GET", f"{origin}/login"), Junk("POST", f"{origin}/login", password, FORM)],
        "other pages": [Junk("GET", f"{origin}/{page}") for page in pages],
        "metadata": [Junk("GET", f"{origin}/.well-known/{document}") for document in documents],
        "JWKS": [Junk("GET", f"{origin}/jwks")],
        "docs page": [Junk("GET", f"{origin}/docs"), Junk("GET", f"{origin}/openapi.json")],
        "health": [Junk("GET", f"{origin}/live"), Junk("GET", f"{origin}/ready")],
    }
