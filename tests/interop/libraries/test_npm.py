"""openid-client and oauth4webapi, which check every answer they get, walk every flow."""

from __future__ import annotations

import pytest

from tests.auth_service.service import RESOURCE, AuthorizationServer
from tests.interop.libraries.npm import run


@pytest.mark.requirement("AS-2", "AS-5", "AS-17")
@pytest.mark.parametrize("flow", ["secret", "public"])
def test_openid_client_discovers_registers_logs_in_refreshes_and_asks_who_it_is(
    server: AuthorizationServer, flow: str
) -> None:
    result = run("openid_client.mjs", server.issuer, RESOURCE, flow, person=server.person)
    assert result["type"] == "bearer"
    assert result["userinfo"]["preferred_username"] == "wesen"
    if flow == "secret":
        assert (result["before"], result["after"]) == (True, False)


@pytest.mark.requirement("AS-11", "AS-18")
@pytest.mark.parametrize("flow", ["pushed", "signed"])
def test_openid_client_pushes_and_signs_its_requests(server: AuthorizationServer, flow: str) -> None:
    result = run("openid_client.mjs", server.issuer, RESOURCE, flow, person=server.person)
    assert server.is_active(result["access_token"])


@pytest.mark.requirement("AS-18", "EXT-3")
def test_openid_client_binds_its_tokens_to_a_key(server: AuthorizationServer) -> None:
    result = run("openid_client.mjs", server.issuer, RESOURCE, "bound", person=server.person)
    assert result["type"] == "dpop"
    assert server.introspect(result["access_token"])["cnf"]["jkt"]


@pytest.mark.requirement("AS-12", "EXT-1")
def test_openid_client_gets_tokens_for_itself_with_a_signature(server: AuthorizationServer) -> None:
    result = run("openid_client.mjs", server.issuer, RESOURCE, "credentials", person=server.person)
    assert server.is_active(result["access_token"])


@pytest.mark.requirement("AS-12")
def test_openid_client_works_on_a_device(server: AuthorizationServer) -> None:
    result = run("openid_client.mjs", server.issuer, RESOURCE, "device", person=server.person)
    assert result["sub"]


@pytest.mark.requirement("AS-4", "AS-15", "AS-18", "EXT-3")
def test_oauth4webapi_finds_what_fapi_2_asks_for(server: AuthorizationServer) -> None:
    result = run("fapi.mjs", server.issuer, RESOURCE, person=server.person)
    assert (result["type"], result["bound"], result["challenges"]) == ("dpop", True, 1)
