"""A response that cannot be made uses up neither a code nor a refresh token."""

from __future__ import annotations

import pytest

from auth_service.grants.token_issuer import TokenIssuer
from tests.auth_service.service import AuthorizationServer
from tests.flow import Client, Pkce

pytestmark = pytest.mark.requirement("AS-22", "AS-13")


def fail_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next token response fail."""

    async def failing(*_: object) -> dict[str, object]:
        monkeypatch.undo()
        raise LookupError("no key signs with RS256")

    monkeypatch.setattr(TokenIssuer, "token_response", failing)


def test_a_code_can_be_redeemed_after_a_failure(
    server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, pkce = server.register(), Pkce()
    code = server.person.authorize(client.authorization_url(pkce, scope="openid notes:read"))["code"]
    fail_once(monkeypatch)
    assert client.redeem(code, pkce).status_code == 500
    server.failures.clear()
    response = client.redeem(code, pkce)
    assert response.status_code == 200, response.text
    assert server.is_active(response.json()["access_token"])


def test_a_refresh_token_can_be_used_after_a_failure(
    server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Client = server.register()
    tokens = server.connect(client)
    grant_id = server.introspect(tokens["access_token"])["grant_id"]
    fail_once(monkeypatch)
    assert client.refresh(tokens["refresh_token"]).status_code == 500
    server.failures.clear()
    assert server.grant(grant_id).generation == 1
    assert client.refresh(tokens["refresh_token"]).status_code == 200
