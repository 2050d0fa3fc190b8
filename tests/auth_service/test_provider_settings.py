"""`DOORWARD_IDENTITY_PROVIDERS`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from auth_service.protocol.identity_providers import PRESETS
from auth_service.provider_settings import ProviderConfiguration
from auth_service.settings import AuthSettings
from tests.auth_service.service import USUAL

pytestmark = pytest.mark.requirement("ID-1", "ID-2")

TENANT = "https://login.microsoftonline.com/00000000-1111-2222-3333-444444444444/v2.0"
ISSUERS = {
    "openid": "https://id.example",
    "entra": TENANT,
    "okta": "https://corp.okta.com",
    "keycloak": "https://id.example/realms/corp",
    "auth0": "https://corp.eu.auth0.com/",
    "authentik": "https://id.example/application/o/doorward/",
    "pocket-id": "https://id.example",
    "doorward": "https://id.example",
}


def configured(**changes: Any) -> ProviderConfiguration:
    usual = {"id": "x", "issuer": "https://id.example", "client_id": "c", "allow": {"everyone": True}}
    return ProviderConfiguration.model_validate({**usual, **changes})


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_needs_little_more_than_a_client(preset: str) -> None:
    provider = configured(preset=preset, issuer=ISSUERS.get(preset), client_secret="s").provider()
    assert provider.issuer == ISSUERS.get(preset, PRESETS[preset].issuer)
    assert provider.label == PRESETS[preset].label
    assert provider.scopes == PRESETS[preset].scopes
    assert provider.client_secret == "s"


def test_scopes_for_groups_are_requested_where_groups_decide() -> None:
    allow = {"groups": ["ops", "/eu"]}
    okta = configured(preset="okta", allow=allow).provider()
    assert okta.scopes == ("openid", "profile", "email", "groups")
    github = configured(preset="github", issuer=None, client_secret="s", allow=allow).provider()
    assert github.scopes == ("user:email", "read:org")
    keycloak = configured(preset="keycloak", issuer=ISSUERS["keycloak"], allow=allow).provider()
    assert keycloak.allow.groups == {"ops", "eu"}
    own = configured(preset="okta", allow=allow, scopes=["openid", "custom"]).provider()
    assert own.scopes == ("openid", "custom")


def test_a_secret_is_read_from_a_variable_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IDP_SECRET", "from the environment")
    (tmp_path / "secret").write_text("from a file\n")
    assert configured(client_secret="env:IDP_SECRET").provider().client_secret == "from the environment"
    assert configured(client_secret=f"file:{tmp_path}/secret").provider().client_secret == "from a file"
    assert "from" not in repr(configured(client_secret="env:IDP_SECRET").provider())
    for missing in ("env:IDP_SECRET_TOO", f"file:{tmp_path}/other"):
        with pytest.raises(ValidationError):
            configured(client_secret=missing)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "Upper"}, "id"),
        ({"id": "a/b"}, "id"),
        ({"issuer": None}, "issuer is missing"),
        ({"issuer": "http://id.example"}, "https"),
        ({"issuer": "https://id.example?x"}, "query"),
        ({"preset": "none-of-these"}, "preset"),
        ({"preset": "google", "issuer": "https://accounts.google.com/"}, "issuer of google"),
        ({"preset": "entra", "issuer": "https://login.microsoftonline.com/common/v2.0"}, "issuer of entra"),
        ({"preset": "entra", "issuer": "https://login.microsoftonline.com/corp.com/v2.0"}, "issuer of entra"),
        ({"preset": "entra", "issuer": TENANT, "link": "verified_email"}, "does not verify e-mail"),
        (
            {"preset": "entra", "issuer": TENANT, "allow": {"domains": ["corp.example"]}},
            "does not verify e-mail",
        ),
        ({"preset": "google", "issuer": None, "allow": {"groups": ["ops"]}}, "no standard claim with groups"),
        (
            {"preset": "auth0", "issuer": ISSUERS["auth0"], "allow": {"groups": ["o"]}},
            "no standard claim with groups",
        ),
        ({"preset": "auth0", "issuer": "https://corp.auth0.com"}, "slash"),
        ({"preset": "keycloak"}, "realms"),
        ({"preset": "github", "issuer": None}, "client_secret"),
        ({"preset": "github", "issuer": None, "client_secret": "s", "logout": True}, "remove logout"),
        ({"scopes": ["profile"]}, "openid"),
        ({"allow": {}}, "must have domains"),
        ({"allow": {"everyone": True, "domains": ["a.b"]}}, "must have domains"),
        ({"allow": {"domains": ["nodot"]}}, "domains"),
        ({"allow": {"domain": ["a.b"]}}, "domain"),
        ({"link": "email"}, "link"),
        ({"linking": "never"}, "linking"),
        ({"client_id": ""}, "client_id"),
    ],
)
def test_what_cannot_work_or_would_let_strangers_in_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        configured(**changes)


def test_nobody_is_admitted_where_nothing_says_who() -> None:
    with pytest.raises(ValidationError, match="allow"):
        ProviderConfiguration.model_validate({"id": "x", "issuer": "https://id.example", "client_id": "c"})


def settings(*providers: dict[str, Any], **changes: Any) -> AuthSettings:
    usual = {**USUAL, "issuer": "https://auth.example", "store": "sqlite:///x.db"}
    return AuthSettings(**{**usual, "identity_providers": providers, **changes})


def provider_members(provider_id: str, issuer: str) -> dict[str, Any]:
    return {"id": provider_id, "issuer": issuer, "client_id": "c", "allow": {"everyone": True}}


@pytest.mark.parametrize(
    ("providers", "reason"),
    [
        ([provider_members("a", "https://a.example"), provider_members("a", "https://b.example")], "same id"),
        (
            [provider_members("a", "https://a.example"), provider_members("b", "https://a.example")],
            "same issuer",
        ),
        ([provider_members("a", "https://auth.example")], "issuer of this server"),
        ([provider_members("a", "http://localhost:8080")], "fetch_loopback"),
    ],
)
def test_providers_are_distinguished_and_can_be_reached(providers: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        settings(*providers)


def test_several_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    providers = [provider_members("a", "https://a.example"), provider_members("b", "https://b.example")]
    monkeypatch.setenv("DOORWARD_IDENTITY_PROVIDERS", json.dumps(providers))
    usual = {**USUAL, "issuer": "https://auth.example", "store": "sqlite:///x.db"}
    assert [p.id for p in AuthSettings(**usual).identity_providers] == ["a", "b"]
