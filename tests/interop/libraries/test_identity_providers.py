"""Login through providers that are not made for these tests: npm's oidc-provider, and another Doorward."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.auth_service.service import RESOURCE, AuthorizationServer, running
from tests.interop.libraries.npm import run
from tests.interop.libraries.providers import NpmProvider, Traveller

pytestmark = pytest.mark.requirement("ID-1", "ID-2")


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    """A Doorward that people log in at with a password."""
    with running(f"sqlite:///{tmp_path_factory.mktemp('upstream')}/d.db") as server:
        server.add_user("grace", "password of grace", "Grace Hopper").close()
        yield server


@pytest.fixture(scope="module")
def npm() -> NpmProvider:
    return NpmProvider(ada=["ops"])


@pytest.fixture(scope="module")
def shared_server(
    upstream: AuthorizationServer, npm: NpmProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthorizationServer]:
    registered = upstream.register(redirect_uris=["http://127.0.0.1:1/callback/doorward"]).information
    doorward = {
        "id": "doorward",
        "issuer": upstream.issuer,
        "client_id": registered["client_id"],
        "scopes": ["openid", "profile"],
        "allow": {"everyone": True},
    }
    with (
        running(
            f"sqlite:///{tmp_path_factory.mktemp('downstream')}/d.db",
            identity_providers=[npm.configuration(allow={"groups": ["ops"]}), doorward],
            fetch_loopback=True,
        ) as server,
        npm.running(server.issuer),
    ):
        yield server


def test_openid_client_connects_for_somebody_from_npms_provider(
    server: AuthorizationServer, npm: NpmProvider
) -> None:
    ada = Traveller("ada", "npm", (server.issuer, npm.issuer))
    result = run("openid_client.mjs", server.issuer, RESOURCE, "public", person=ada)
    ada.close()
    assert result["userinfo"]["preferred_username"] == "ada"
    assert result["userinfo"]["name"] == "The ada"
    assert server.is_active(result["access_token"])


def test_somebody_who_is_in_no_group_there_is_refused_here(
    server: AuthorizationServer, npm: NpmProvider
) -> None:
    eve = Traveller("eve", "npm", (server.issuer, npm.issuer))
    page = eve.log_in_through(eve.open(f"{server.origin}/login"))
    eve.close()
    assert page.status_code == 403
    assert "eve" in page.text


def test_openid_client_connects_for_somebody_from_another_doorward(
    server: AuthorizationServer, upstream: AuthorizationServer
) -> None:
    grace = Traveller("grace", "doorward", (server.issuer, upstream.issuer), "password of grace")
    result = run("openid_client.mjs", server.issuer, RESOURCE, "public", person=grace)
    grace.close()
    assert result["userinfo"]["preferred_username"] == "grace"
    assert not upstream.is_active(result["access_token"])
