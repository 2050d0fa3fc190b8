"""Invalid settings, which stop the start with a message."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from resource_service.middleware.origins import Origins
from resource_service.settings import ResourceSettings

USUAL = {
    "resource": "https://mcp.example/mcp",
    "issuer": "https://login.example",
    "resource_secret": "s" * 32,
}


def environment(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in {**USUAL, **settings}.items():
        monkeypatch.setenv(f"DOORWARD_{name.upper()}", value)


def read(monkeypatch: pytest.MonkeyPatch, **settings: str) -> ResourceSettings:
    environment(monkeypatch, **settings)
    return ResourceSettings()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resource", "http://mcp.example/mcp"),
        ("resource", "mcp.example/mcp"),
        ("resource", "https://user@mcp.example/mcp"),
        ("resource", "https://mcp.example/mcp?x=1"),
        ("resource", "https://mcp.example/mcp#x"),
        ("resource", "https://mcp.example/a/../mcp"),
        ("resource", "https://mcp.example/a//mcp"),
        ("resource", "https://mcp.example/m%63p"),
        ("resource", "https://mcp.example/{mcp}"),
        ("resource", "https://mcp.example/token"),
        ("resource", "https://mcp.example/tools/hello/"),
        ("resource", "https://mcp.example/.well-known/mcp"),
        ("resource", ""),
        ("issuer", "https://login.example/"),
        ("issuer", "http://login.example"),
        ("issuer", "https://MCP.example/mcp"),
        ("resource_secret", "xyzzy"),
        ("resource_server_id", "with space"),
        ("introspection_endpoint", "ftp://auth/introspect"),
        ("introspection_endpoint", "http://user:pass@auth/introspect"),
        ("introspection_endpoint", "/introspect"),
        ("allowed_origins", "https://app.example/"),
        ("allowed_origins", "https://App.example"),
        ("allowed_origins", "https://app.example:443"),
        ("allowed_origins", "app.example"),
        ("allowed_origins", "null"),
        ("introspection_timeout_s", "0"),
        ("introspection_timeout_s", "soon"),
        ("max_body_bytes", "10"),
        ("notes", "postgres://notes"),
        ("notes", "sqlite:notes"),
        ("legacy_aliases", "perhaps"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_the_setting(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError) as refused:
        read(monkeypatch, **{name: value})
    message = str(refused.value)
    assert name in message or name.upper() in message
    assert "xyzzy" not in message


@pytest.mark.parametrize("name", USUAL)
def test_what_has_no_default_must_be_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch)
    monkeypatch.delenv(f"DOORWARD_{name.upper()}")
    with pytest.raises(ValidationError, match=name):
        ResourceSettings()  # type: ignore[call-arg]


@pytest.mark.requirement("RS-1")
@pytest.mark.parametrize(
    ("resource", "mcp_path", "base_path", "metadata_url"),
    [
        ("https://h.example", "", "", "https://h.example/.well-known/oauth-protected-resource"),
        ("https://h.example/", "", "", "https://h.example/.well-known/oauth-protected-resource"),
        ("https://h.example/mcp", "/mcp", "", "https://h.example/.well-known/oauth-protected-resource/mcp"),
        ("https://h.example/mcp/", "/mcp", "", "https://h.example/.well-known/oauth-protected-resource/mcp/"),
        ("https://H.example:8443/a/b/mcp", "/mcp", "/a/b", "https://H.example:8443/.well-known/oauth-protected-resource/a/b/mcp"),
        ("http://[::1]:9001/mcp", "/mcp", "", "http://[::1]:9001/.well-known/oauth-protected-resource/mcp"),
    ],
)  # fmt: skip
def test_paths_follow_from_the_resource(
    resource: str, mcp_path: str, base_path: str, metadata_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read(monkeypatch, resource=resource)
    assert (settings.mcp_path, settings.base_path) == (mcp_path, base_path)
    assert settings.metadata_url == metadata_url


def test_the_authorization_server_is_reached_beside_its_introspection_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outside = read(monkeypatch)
    assert outside.introspection_url == "https://login.example/introspect"
    assert outside.authorization_server_url == "https://login.example"
    inside = read(monkeypatch, introspection_endpoint="http://auth:9000/introspect")
    assert inside.authorization_server_url == "http://auth:9000"
    elsewhere = read(monkeypatch, introspection_endpoint="http://auth:9000/oauth2/inspect")
    assert elsewhere.authorization_server_url == "https://login.example"


@pytest.mark.requirement("RS-6")
@pytest.mark.parametrize(
    ("resource", "origin"),
    [
        ("https://MCP.example/mcp", "https://mcp.example"),
        ("https://mcp.example:443/mcp", "https://mcp.example"),
        ("https://mcp.example:8443/mcp", "https://mcp.example:8443"),
        ("http://[::1]:80/mcp", "http://[::1]"),
    ],
)
def test_our_own_origin_is_written_as_browsers_do(
    resource: str, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Origins(read(monkeypatch, resource=resource)).allows(origin)


def test_the_secret_shows_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, resource_secret="very-secret-" * 4)
    assert "very-secret" not in repr(settings) + str(settings)
