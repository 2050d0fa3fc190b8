"""Settings of the environment stay as they are when declared ones are added."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.declarative.merged_settings import merged
from auth_service.declarative.stored_settings import DeclaredSetting
from auth_service.settings import AuthSettings
from tests.auth_service.keypair import KeyPair
from tests.auth_service.service import RESOURCE, USUAL

pytestmark = pytest.mark.requirement("ID-12")

JWKS = KeyPair().jwks
ENVIRONMENT: dict[str, Any] = {
    **USUAL,
    "issuer": "https://auth.example",
    "store": "sqlite:////tmp/none",
    "master_keys": f"2:{'B' * 43}=,{USUAL['master_keys']}",
    "trusted_proxies": "10.0.0.0/8,fd00::/8",
    "fetch_networks": "10.1.0.0/16",
    "allow_http_networks": "10.2.0.0/16",
    "redirect_hosts_allow": "*.example,localhost",
    "redirect_hosts_deny": "evil.example",
    "cimd_allow": "good.example",
    "cimd_deny": "*.bad.example",
    "second_factor": {"people": "administrators", "resources": [RESOURCE], "scopes": ["notes:write"]},
    "trusted_issuers": [
        {"issuer": "https://idp.example", "profile": "id-jag", "jwks": JWKS},
        {
            "issuer": "https://ci.example",
            "profile": "workload",
            "jwks": JWKS,
            "rules": [{"claims": {"repository": "acme/*"}, "scopes": ["notes:read"]}],
        },
    ],
    "statement_issuers": [{"issuer": "https://vendor.example", "jwks": JWKS}],
    "identity_providers": [
        {
            "id": "corp",
            "issuer": "https://id.example",
            "client_id": "x",
            "client_secret": "s",
            "allow": {"groups": ["b", "a"]},
        }
    ],
}


def environment(**changes: Any) -> AuthSettings:
    return AuthSettings(**{**ENVIRONMENT, **changes})


def declared(section: str, entry_id: str, **configuration: Any) -> dict[str, dict[str, DeclaredSetting]]:
    setting = DeclaredSetting(configuration=configuration, secret="s" * 32, has_secret=True)
    return {section: {entry_id: setting}}


def test_every_other_setting_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_SECRET", "file:a secret that begins like a reference")
    provider = {**ENVIRONMENT["identity_providers"][0], "client_secret": "env:THE_SECRET"}
    before = environment(identity_providers=[provider])
    added = declared(
        "resource_servers", "wiki", resources=[{"resource": "https://w.example/mcp", "name": "W"}]
    )
    after = merged(before, added)
    assert [server.id for server in after.resource_servers] == ["resource", "wiki"]
    assert after.model_copy(update={"resource_servers": before.resource_servers}) == before


@pytest.mark.parametrize(
    ("section", "entry_id", "configuration"),
    [
        ("identity_providers", "corp", {"issuer": "https://other.example"}),
        ("identity_providers", "other", {"issuer": "https://id.example"}),
        ("identity_providers", "other", {"issuer": "https://auth.example"}),
        ("identity_providers", "other", {"issuer": "http://127.0.0.1:1"}),
        ("identity_providers", "other", {"preset": "of a later release", "issuer": "https://other.example"}),
    ],
)
def test_what_the_environment_excludes_is_left_out(
    section: str, entry_id: str, configuration: dict[str, Any]
) -> None:
    before = environment()
    members = {"client_id": "x", "allow": {"everyone": True}, **configuration}
    assert merged(before, declared(section, entry_id, **members)) == before
