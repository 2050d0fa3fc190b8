"""Servers that are configured otherwise: two resources, PKCE for public clients only, no trial user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from auth_service.settings import AuthSettings
from shared.cli.local_services import ON_THIS_MACHINE
from tests.auth_service.service import (
    OTHER_RESOURCE,
    OTHER_RESOURCE_SECRET,
    OTHER_RESOURCE_SERVER,
    RESOURCE,
    RESOURCE_SERVER,
    USUAL,
    AuthorizationServer,
    running,
)
from tests.flow import Pkce
from tests.servers import wait_until

CALLBACK = "https://client.example/cb"


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    """Two resource servers; PKCE only of public clients."""
    settings: dict[str, Any] = {
        "resource_servers": [RESOURCE_SERVER, OTHER_RESOURCE_SERVER],
        "require_pkce": "public",
    }
    with running(new_store(), **settings) as server:
        yield server


def introspected(server: AuthorizationServer, token: str) -> tuple[bool, bool]:
    """Whether each of the two resource servers is told to let the token in."""
    other = server.introspect(token, server="other", secret=OTHER_RESOURCE_SECRET)
    return server.is_active(token), other["active"]


@pytest.mark.requirement("AS-15", "SEC-10")
def test_a_token_is_active_at_its_own_resource_only(server: AuthorizationServer) -> None:
    client = server.register()
    one = server.connect(client, resource=RESOURCE)
    two = server.connect(client, resource=OTHER_RESOURCE)
    assert introspected(server, one["access_token"]) == (True, False)
    assert introspected(server, two["access_token"]) == (False, True)
    assert (one["scope"], two["scope"]) == ("notes:read notes:write", "other")


@pytest.mark.requirement("AS-14", "AS-15")
def test_a_token_for_no_resource_is_active_at_none(server: AuthorizationServer) -> None:
    tokens = server.connect(scope="openid notes:read other")
    assert tokens["scope"] == "openid"
    assert introspected(server, tokens["access_token"]) == (False, False)


@pytest.mark.requirement("AS-14", "SEC-7")
def test_a_grant_for_one_resource_never_gives_a_token_for_another(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    code = server.person.authorize(client.authorization_url(pkce, resource=RESOURCE))["code"]
    assert client.redeem(code, pkce, resource=OTHER_RESOURCE).json()["error"] == "invalid_target"
    tokens = client.redeem(code, pkce).json()
    refused = client.refresh(tokens["refresh_token"], resource=OTHER_RESOURCE)
    assert refused.json()["error"] == "invalid_target"
    assert client.refresh(tokens["refresh_token"], scope="other").json()["error"] == "invalid_scope"


@pytest.mark.requirement("AS-9", "SEC-5")
def test_consent_for_one_resource_does_not_apply_to_another(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    server.connect(client, resource=RESOURCE, scope="openid")
    same = server.person.open(client.authorization_url(Pkce(), resource=RESOURCE, scope="openid"))
    assert same.status_code == 303
    for resource in (OTHER_RESOURCE, None):
        page = server.person.open(client.authorization_url(Pkce(), resource=resource, scope="openid"))
        assert page.url.path == "/consent"


def refused(server: AuthorizationServer, **parameters: str | None) -> str | None:
    """The error that a request of a confidential client without PKCE is answered with."""
    client = server.register(redirect_uris=[CALLBACK], token_endpoint_auth_method="client_secret_basic")
    changes = {"code_challenge": None, "code_challenge_method": None, **parameters}
    return server.person.authorize(client.authorization_url(Pkce(), **changes)).get("error")


@pytest.mark.requirement("AS-1", "SEC-6")
def test_where_configured_an_openid_request_with_a_nonce_does_without_pkce(
    server: AuthorizationServer,
) -> None:
    assert refused(server, scope="openid", nonce="n") is None
    assert refused(server, scope="openid") == "invalid_request"
    assert refused(server, scope="notes:read", nonce="n", resource=RESOURCE) == "invalid_request"


@pytest.mark.requirement("AS-1", "SEC-6")
def test_a_code_without_a_challenge_is_not_redeemed_with_a_verifier(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=[CALLBACK], token_endpoint_auth_method="client_secret_basic")
    pkce = Pkce()
    url = client.authorization_url(
        pkce, scope="openid", nonce="n", code_challenge=None, code_challenge_method=None
    )
    code = server.person.authorize(url)["code"]
    assert client.redeem(code, pkce).json()["error"] == "invalid_grant"
    without = client.redeem(code, pkce, code_verifier="", redirect_uri="")
    assert without.json()["error"] == "invalid_grant"
    assert client.redeem(code, pkce, code_verifier="").status_code == 200


@pytest.mark.requirement("AS-1")
def test_a_public_client_needs_pkce_everywhere(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    url = client.authorization_url(Pkce(), code_challenge=None, code_challenge_method=None, nonce="n")
    assert server.person.authorize(url)["error"] == "invalid_request"


def test_pages_that_wait_too_long_are_over(new_store: Callable[[], str]) -> None:
    with running(new_store(), pending_ttl_s=1) as server:
        client = server.register()
        page = server.person.log_in(server.person.open(f"{server.origin}/login"))
        page = server.person.open(client.authorization_url(Pkce()))
        url = str(page.url)
        wait_until(lambda: server.person.browser.get(url).status_code == 400)
        late = server.person.submit(page, {"decision": "allow"})
        assert late.status_code == 400
        assert "no longer valid" in late.text


def test_without_the_trial_set_up_there_is_no_trial_user(new_store: Callable[[], str]) -> None:
    with running(new_store(), demo_user=False) as server:
        page = server.person.open(f"{server.origin}/login")
        assert "wesen" not in page.text
        assert server.person.log_in(page).status_code == 401


@pytest.mark.requirement("AS-3")
@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "auth.example",
        "http://auth.example",
        "https://auth.example/",
        "https://auth.example/x/",
        "https://auth.example?x",
        "https://auth.example#x",
        "https://user@auth.example",
        "https://auth.example/../x",
        "https:///x",
        "https://auth .example",
        "https://äuth.example",
    ],
)
def test_a_server_does_not_start_on_an_issuer_that_clients_would_not_take(issuer: str) -> None:
    with pytest.raises(ValidationError):
        AuthSettings(**{**USUAL, "issuer": issuer, "store": "sqlite:///x.db"})


@pytest.mark.parametrize(
    "changes",
    [
        {"master_keys": ""},
        {"master_keys": "1:c2hvcnQ"},
        {"master_keys": "AAAA"},
        {"master_keys": f"256:{'A' * 43}"},
        {"master_keys": f"1:{'A' * 43},1:{'B' * 43}"},
        {"store": "mysql://x"},
        {"store": ""},
        {"resource_servers": []},
        {"resource_servers": [RESOURCE_SERVER, RESOURCE_SERVER]},
        {"resource_servers": [{**RESOURCE_SERVER, "secret": "short"}]},
        {"resource_servers": [{**RESOURCE_SERVER, "id": "a b"}]},
        {"require_pkce": "none"},
        {"code_ttl_s": 601},
        {"refresh_grace_s": -1},
        {"login_failures": 30},
        {"access_ttl_s": 0},
    ],
)
def test_a_server_does_not_start_on_settings_that_make_no_sense(changes: dict[str, Any]) -> None:
    good = {**USUAL, "issuer": "https://auth.example", "store": "sqlite:///x.db"}
    AuthSettings(**good)
    with pytest.raises(ValidationError):
        AuthSettings(**{**good, **changes})


@pytest.mark.requirement("AS-23")
def test_under_doorward_up_the_brakes_leave_room_for_test_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ON_THIS_MACHINE.items():
        monkeypatch.setenv(name, value)
    # Good logins are not counted, and what is counted is failures, of which a test run has few.
    unchanged = {name: value for name, value in USUAL.items() if not name.endswith("_per_minute")}
    settings = AuthSettings(**{**unchanged, "issuer": "http://localhost:9000", "store": "sqlite:///x.db"})
    assert settings.registrations_per_minute >= 600
    assert settings.authorizations_per_minute >= 1_500
