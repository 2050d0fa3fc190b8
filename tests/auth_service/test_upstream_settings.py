"""`upstream_oauth` of a resource: presets, secrets by reference, bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from auth_service.declarative.setting_kinds import RESOURCE_SERVERS
from auth_service.protocol.upstream_providers import UPSTREAM_PRESETS, UpstreamDiscovery, UpstreamProvider
from auth_service.resource_settings import Resource
from auth_service.settings import AuthSettings
from auth_service.upstream_settings import StaticUpstreamOAuth
from tests.auth_service.service import RESOURCE, RESOURCE_SERVER, USUAL

pytestmark = pytest.mark.requirement("GW-1", "OP-2")

OWN = {
    "name": "Own",
    "authorization_endpoint": "https://id.example/authorize",
    "token_endpoint": "https://id.example/token",
    "client_id": "c",
}


OURS = (
    *("response_type", "client_id", "redirect_uri", "scope", "state"),
    *("code_challenge", "code_challenge_method", "request", "request_uri", "response_mode"),
)


def upstream(**members: Any) -> StaticUpstreamOAuth:
    return StaticUpstreamOAuth.model_validate({"client_id": "c", **members})


def provider(**members: Any) -> UpstreamProvider:
    return upstream(**members).provider(RESOURCE)


def settings(**members: Any) -> AuthSettings:
    resource = {"resource": RESOURCE, "name": "Notes", "upstream_oauth": {**OWN, **members}}
    servers = [{**RESOURCE_SERVER, "resources": [resource]}]
    usual = {"issuer": "https://auth.example", "store": "sqlite:///store.db", **USUAL}
    return AuthSettings(**{**usual, "resource_servers": servers})


@pytest.mark.parametrize("preset", UPSTREAM_PRESETS)
def test_a_preset_needs_only_a_client(preset: str) -> None:
    configured = provider(preset=preset, client_secret="s", scopes=["a"])
    base = UPSTREAM_PRESETS[preset]
    assert (configured.preset, configured.client_secret) == (base, "s")
    urls = (base.authorization_endpoint, base.token_endpoint, base.revocation_endpoint or "https://a")
    assert {urlsplit(url).scheme for url in urls} == {"https"}
    sent = configured.authorization_parameters("https://auth.example/connect/callback", "state", "challenge")
    assert (sent["code_challenge_method"], sent["state"]) == ("S256", "state")
    assert sent["scope"].startswith("a")
    assert base.parameters.items() <= sent.items()


def test_the_settings_win_over_the_preset() -> None:
    microsoft = "https://login.microsoftonline.com/corp/oauth2/v2.0"
    configured = provider(
        preset="microsoft",
        name="Corp",
        authorization_endpoint=f"{microsoft}/authorize",
        token_endpoint=f"{microsoft}/token",
        parameters={"prompt": "consent"},
        token_endpoint_auth_method="client_secret_basic",
    )
    assert configured.name == "Corp"
    assert configured.preset.token_endpoint == f"{microsoft}/token"
    assert configured.preset.parameters == {"prompt": "consent"}
    assert configured.preset.basic
    assert configured.requested_scopes == ("offline_access",)


def test_the_other_urls_of_a_preset_are_not_used_with_another_token_endpoint() -> None:
    moved = provider(preset="google", token_endpoint="https://id.example/token").preset
    assert (moved.revocation_endpoint, moved.issuers) == (None, ())


@pytest.mark.parametrize(
    ("issuer", "iss", "accepted"),
    [
        (None, None, True),
        (None, "https://anybody.example", True),
        ("https://id.example", "https://id.example", True),
        ("https://id.example", "https://id.example/", False),
        ("https://id.example", None, False),
    ],
)
def test_a_configured_issuer_must_be_in_every_response(
    issuer: str | None, iss: str | None, accepted: bool
) -> None:
    assert provider(**OWN, issuer=issuer).accepts_iss(iss) is accepted


def test_the_issuer_of_a_preset_is_compared_if_there_is_one() -> None:
    google = provider(preset="google")
    accepted = (None, "https://accounts.google.com", "https://evil.example")
    assert [google.accepts_iss(iss) for iss in accepted] == [True, True, False]


def test_a_secret_is_read_from_a_file_at_each_start(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s e c r e t\n")
    assert provider(**OWN, client_secret_file=str(file)).client_secret == "s e c r e t"
    settings(client_secret_file=str(file))
    for content in (b"", b"x" * 1_001, b"\xff"):
        file.write_bytes(content)
        with pytest.raises(ValidationError) as caught:
            settings(client_secret_file=str(file))
        assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    "members",
    [
        *({name: None} for name in ("name", "authorization_endpoint", "token_endpoint", "client_id")),
        {"token_endpoint": "http://id.example/token"},
        {"token_endpoint": "https://id.example/token#fragment"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"issuer": "ftp://id.example"},
        {"preset": "facebook"},
        {"client_secret": "s", "client_secret_file": "/run/secret"},
        {"client_secret": ""},
        {"scopes": ["a b"]},
        {"scopes": ["a"] * 51},
        *({"parameters": {name: "mine"}} for name in OURS),
        *({"parameters": parameters} for parameters in ({"": "x"}, {"x": ""}, {"x": "x" * 201})),
        {"token_endpoint": f"https://id.example/{'x' * 1_000}"},
        {"parameters": {str(number): "x" for number in range(21)}},
        {"name": "x" * 41},
        {"unknown": 1},
    ],
)
def test_what_is_not_valid_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        upstream(**{**OWN, **members})


def test_an_error_does_not_quote_a_secret() -> None:
    with pytest.raises(ValidationError) as caught:
        upstream(**{**OWN, "name": None, "client_secret": "the real secret"})
    assert "the real secret" not in str(caught.value)


def test_a_provider_on_this_machine_is_for_development() -> None:
    with pytest.raises(ValidationError, match="fetch_loopback"):
        settings(token_endpoint="http://127.0.0.1:1/token")


def test_a_secret_is_in_no_representation_and_in_no_declared_configuration() -> None:
    configured = settings(client_secret="the real secret")
    assert "the real secret" not in repr(configured) + repr(configured.resources[0].upstream_oauth)
    assert "the real secret" not in repr(provider(**OWN, client_secret="the real secret"))
    resource = {"resource": RESOURCE, "name": "Notes", "upstream_oauth": {**OWN, "client_secret": "real"}}
    with pytest.raises(ValueError, match="client_secret_file"):
        RESOURCE_SERVERS.canonical("resource", {"resources": [resource]}, has_secret=True)
    resource["upstream_oauth"] = {**OWN, "client_secret_file": "/run/secret"}
    canonical = RESOURCE_SERVERS.canonical("resource", {"resources": [resource]}, has_secret=True)
    assert json.loads(json.dumps(canonical)) == {"resources": [resource]}


UPSTREAM = "https://mcp.upstream.example/mcp"


def discovered(**members: Any) -> UpstreamDiscovery:
    resource = Resource.model_validate(
        {"resource": RESOURCE, "name": "Notes", "upstream_oauth": {"discover": UPSTREAM, **members}}
    )
    configured = resource.account_provider()
    assert isinstance(configured, UpstreamDiscovery)
    return configured


def test_an_upstream_that_is_discovered_needs_only_its_url() -> None:
    assert discovered() == UpstreamDiscovery(resource=RESOURCE, name="mcp.upstream.example", url=UPSTREAM)
    own = {"issuer": "https://id.example", "client_id": "c", "client_secret": "s"}
    configured = discovered(**own, name="Up", scopes=["a"], parameters={"prompt": "consent"})
    assert (configured.name, configured.scopes, configured.client_secret) == ("Up", ("a",), "s")
    assert "client_secret" not in repr(configured)


@pytest.mark.parametrize(
    "members",
    [
        {"discover": "http://mcp.upstream.example/mcp"},
        {"discover": None},
        *({name: "https://id.example/x"} for name in ("authorization_endpoint", "token_endpoint")),
        {"preset": "github"},
        {"client_id": "c"},
        {"client_secret": "s", "issuer": "https://id.example"},
        {"client_secret_file": "/run/secret", "issuer": "https://id.example"},
        {"parameters": {"resource": "https://another.example"}},
        {"parameters": {"state": "mine"}},
        {"scopes": ["a b"]},
    ],
)
def test_what_is_not_valid_of_an_upstream_that_is_discovered_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        discovered(**members)


def test_an_upstream_on_this_machine_is_for_development_and_can_be_declared() -> None:
    resource: dict[str, Any] = {"resource": RESOURCE, "name": "Notes"}
    resource["upstream_oauth"] = {"discover": "http://127.0.0.1:1/mcp"}
    servers = [{**RESOURCE_SERVER, "resources": [resource]}]
    usual = {"issuer": "https://auth.example", "store": "sqlite:///store.db", **USUAL}
    with pytest.raises(ValidationError, match="fetch_loopback"):
        AuthSettings(**{**usual, "resource_servers": servers})
    resource["upstream_oauth"] = {"discover": UPSTREAM, "scopes": ["a"]}
    canonical = RESOURCE_SERVERS.canonical("resource", {"resources": [resource]}, has_secret=True)
    assert json.loads(json.dumps(canonical)) == {"resources": [resource]}
