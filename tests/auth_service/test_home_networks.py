"""Plain http on a private network: refused, unless the operator says on which; both services alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from auth_service.protocol.redirect_uris import RedirectUriType, check_registrable, redirect_uri_type
from auth_service.settings import AuthSettings
from resource_service.main import create_app
from resource_service.settings import ResourceSettings
from shared.home_networks import WARNING
from tests.auth_service.service import RESOURCE_SECRET, RESOURCE_SERVER, USUAL, AuthorizationServer, running
from tests.flow import Pkce

pytestmark = pytest.mark.requirement("AS-3", "AS-10", "OP-2")

ISSUER, RESOURCE = "http://192.168.1.5:9000", "http://192.168.1.5:9001/mcp"
CALLBACK = "http://192.168.1.7:8123/callback"
SERVER = {**RESOURCE_SERVER, "resources": [{"resource": RESOURCE, "name": "Notes"}]}


def authorization_server(**settings: Any) -> AuthSettings:
    return AuthSettings(
        **{**USUAL, "issuer": ISSUER, "store": "sqlite:///x.db", "resource_servers": [SERVER], **settings}
    )


def resource_server(**settings: Any) -> ResourceSettings:
    members = {"issuer": ISSUER, "resource": RESOURCE, "resource_secret": RESOURCE_SECRET}
    return ResourceSettings(**{**members, **settings})


@pytest.mark.parametrize("service", [authorization_server, resource_server])
def test_plain_http_on_a_private_address_needs_a_setting(service: Callable[..., Any]) -> None:
    with pytest.raises(ValidationError, match="DOORWARD_ALLOW_HTTP_NETWORKS"):
        service()
    with pytest.raises(ValidationError, match="DOORWARD_ALLOW_HTTP_NETWORKS"):
        service(allow_http_networks="10.0.0.0/8")
    assert service(allow_http_networks="10.0.0.0/8, 192.168.1.0/24").issuer == ISSUER


@pytest.mark.parametrize("service", [authorization_server, resource_server])
@pytest.mark.parametrize(
    "network",
    ["0.0.0.0/0", "8.8.8.0/24", "172.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "::/0", "fe80::/10"],
)
def test_no_network_but_a_private_one_can_be_allowed(service: Callable[..., Any], network: str) -> None:
    with pytest.raises(ValidationError, match="is not a private network"):
        service(allow_http_networks=network)


@pytest.mark.parametrize("service", [authorization_server, resource_server])
@pytest.mark.parametrize("host", ["nas.local", "8.8.8.8", "192.168.1.5.example", "169.254.169.254"])
def test_plain_http_is_for_addresses_in_those_networks_alone(service: Callable[..., Any], host: str) -> None:
    with pytest.raises(ValidationError):
        service(issuer=f"http://{host}:9000", allow_http_networks="192.168.0.0/16")


def test_each_resource_is_held_to_it() -> None:
    elsewhere = {**SERVER, "resources": [{"resource": "http://10.0.0.5/mcp", "name": "Notes"}]}
    with pytest.raises(ValidationError, match="DOORWARD_ALLOW_HTTP_NETWORKS"):
        authorization_server(allow_http_networks="192.168.0.0/16", resource_servers=[elsewhere])


def test_a_redirect_uri_on_plain_http_is_registrable_in_those_networks_alone() -> None:
    networks = authorization_server(allow_http_networks="192.168.0.0/16").allow_http_networks
    check_registrable(CALLBACK, networks)
    for uri in (CALLBACK, "http://10.0.0.1/callback"):
        with pytest.raises(ValueError, match="plain http"):
            check_registrable(uri, () if uri == CALLBACK else networks)
    assert redirect_uri_type(CALLBACK) is RedirectUriType.PRIVATE_NETWORK


@pytest.fixture(scope="module")
def at_home(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store(), allow_http_networks="192.168.0.0/16") as server:
        yield server


def test_a_client_at_home_registers_connects_and_is_always_asked_about(at_home: AuthorizationServer) -> None:
    client = at_home.register(redirect_uris=[CALLBACK])
    assert "access_token" in at_home.connect(client)
    changed = at_home.http.put(
        client.information["registration_client_uri"],
        json={"client_id": client.client_id, "redirect_uris": ["http://8.8.8.8/callback"]},
        headers={"Authorization": f"Bearer {client.information['registration_access_token']}"},
    )
    assert changed.json()["error"] == "invalid_redirect_uri"
    # Others on the network could read the code, so a consent given before is not enough.
    page = at_home.person.open(client.authorization_url(Pkce()))
    assert page.url.path == "/consent"
    assert "without encryption" in page.text


def test_without_the_setting_the_same_client_is_refused(server: AuthorizationServer) -> None:
    response = server.http.post(f"{server.origin}/register", json={"redirect_uris": [CALLBACK]})
    assert response.json()["error"] == "invalid_redirect_uri"
    assert WARNING not in server.get("/login").text


@pytest.mark.parametrize(
    "path", ["/login", "/logout", "/authorize", "/device", "/account", "/admin", "/docs"]
)
def test_every_page_says_so(at_home: AuthorizationServer, path: str) -> None:
    assert WARNING in at_home.person.open(f"{at_home.origin}{path}").text


def test_the_documentation_of_the_resource_service_says_so_too() -> None:
    from starlette.testclient import TestClient

    app = create_app(resource_server(allow_http_networks="192.168.0.0/16"))
    assert WARNING in TestClient(app).get("/docs").text
