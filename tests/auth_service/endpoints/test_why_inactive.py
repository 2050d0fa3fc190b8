"""Introspection answers no with no word more; the log has the reason (RS-11)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.auth_service.service import (
    OTHER_RESOURCE_SECRET,
    OTHER_RESOURCE_SERVER,
    RESOURCE,
    RESOURCE_SERVER,
    AuthorizationServer,
    running,
)

pytestmark = pytest.mark.requirement("RS-11", "AS-15")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    store_url = f"sqlite:///{tmp_path_factory.mktemp('why')}/auth.sqlite3"
    with running(store_url, resource_servers=[RESOURCE_SERVER, OTHER_RESOURCE_SERVER]) as server:
        yield server


def reasons(authorization_server: AuthorizationServer, token: str, **caller: str) -> list[str]:
    """Why `token` is inactive, as the log has it."""
    with structlog.testing.capture_logs() as lines:
        assert authorization_server.introspect(token, **caller) == {"active": False}
    return [line["reason_code"] for line in lines if line["event"] == "introspected as inactive"]


def test_an_active_token_has_no_line(server: AuthorizationServer) -> None:
    token = server.connect(resource=RESOURCE)["access_token"]
    with structlog.testing.capture_logs() as lines:
        assert server.introspect(token)["active"] is True
    assert [line["event"] for line in lines if "introspected" in line["event"]] == []


@pytest.mark.parametrize("token", ["junk", "dw_at_" + "A" * 64, "a.b.c"])
def test_a_made_up_token_is_reported_as_unknown(server: AuthorizationServer, token: str) -> None:
    assert reasons(server, token) == ["token_not_of_this_installation"]


def test_a_revoked_one_is_distinguished_from_one_of_the_wrong_kind_and_one_for_somebody_else(
    server: AuthorizationServer,
) -> None:
    client = server.register()
    tokens = server.connect(client, resource=RESOURCE)
    assert reasons(server, tokens["refresh_token"]) == ["token_not_access_token"]
    other = {"server": "other", "secret": OTHER_RESOURCE_SECRET}
    assert reasons(server, tokens["access_token"], **other) == ["token_of_other_resource"]
    client.revoke(tokens["refresh_token"])
    assert reasons(server, tokens["access_token"]) == ["token_grant_revoked"]


def test_an_expired_one_is_called_expired(tmp_path: Path) -> None:
    with running(f"sqlite:///{tmp_path}/auth.sqlite3", access_ttl_s=60) as server:
        token = server.connect()["access_token"]
        server.clock.advance(61)
        assert reasons(server, token) == ["token_expired"]
