"""The OpenAPI document that the docs page shows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import SecretStr

from resource_service.main import create_app
from resource_service.mcp_server.tools import POLICY
from resource_service.settings import ResourceSettings


@pytest.fixture
def document() -> dict[str, Any]:
    settings = ResourceSettings(
        resource="https://host.example/tools/mcp",
        issuer="https://login.example",
        resource_secret=SecretStr("s" * 32),
    )
    return create_app(settings).openapi()


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): item[method] for path, item in document["paths"].items() for method in item}


def test_every_endpoint_is_in_it_with_words_and_answers(document: dict[str, Any]) -> None:
    described = operations(document)
    assert set(described) >= {
        ("get", "/hello"),
        ("get", "/v1/contexts"),
        ("get", "/health"),
        ("get", "/live"),
        ("get", "/ready"),
        ("post", "/mcp"),
        ("get", "/mcp"),
        ("delete", "/mcp"),
        ("get", "/.well-known/oauth-protected-resource"),
        ("get", "/.well-known/oauth-protected-resource/tools/mcp"),
        ("post", "/token"),
        ("post", "/register"),
    }
    for operation in described.values():
        assert operation["summary"]
        assert operation["description"]
        assert operation["responses"]


def test_authorize_on_the_docs_page_leads_to_the_issuer(document: dict[str, Any]) -> None:
    ((name, scheme),) = document["components"]["securitySchemes"].items()
    assert re.fullmatch(r"[a-zA-Z0-9._-]+", name)  # the specification allows no other key
    assert scheme["flows"]["authorizationCode"] == {
        "authorizationUrl": "https://login.example/authorize",
        "tokenUrl": "https://login.example/token",
        "scopes": dict(POLICY.scopes),
    }


def test_what_needs_a_token_says_so_with_its_scopes_and_refusals(document: dict[str, Any]) -> None:
    described = operations(document)
    ((scheme, scopes),) = described["get", "/v1/contexts"]["security"][0].items()
    assert scopes == ["notes:read"]
    for key in (("get", "/hello"), ("get", "/v1/contexts"), ("post", "/mcp"), ("get", "/mcp")):
        assert scheme in described[key]["security"][0]
        assert {"400", "401", "403", "503"} <= set(described[key]["responses"])
    assert "security" not in described["get", "/health"]


def test_every_reference_in_it_leads_somewhere(document: dict[str, Any]) -> None:
    for name in re.findall(r"#/components/schemas/(\w+)", str(document)):
        assert name in document["components"]["schemas"]


def test_its_paths_start_where_the_service_does(document: dict[str, Any]) -> None:
    (server,) = document["servers"]
    assert server["url"].endswith("/tools")
