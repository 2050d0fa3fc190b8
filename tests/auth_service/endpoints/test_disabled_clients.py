"""A client that an administrator has disabled, over HTTP, on both stores."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.administration.clients import ClientAdministration
from auth_service.clients.repository import ClientRepository
from auth_service.protocol.client import UNUSED_TTL_S, Client
from auth_service.storage import keys
from tests.auth_service.receiver import Receiver
from tests.auth_service.service import AuthorizationServer
from tests.flow import Person, Pkce, offers_to_go_back

pytestmark = pytest.mark.requirement("ID-8")

CLIENT = Client(
    client_id="c", created_at=0, metadata={"grant_types": []}, expires_at=UNUSED_TTL_S, registered_from="n"
)


def disable(server: AuthorizationServer, client_id: str) -> None:
    server.with_store(lambda store: ClientAdministration.of_store(store, server.clock).disable(client_id))


def enable(server: AuthorizationServer, client_id: str) -> None:
    server.with_store(lambda store: ClientAdministration.of_store(store, server.clock).enable(client_id))


def error_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


def test_its_tokens_end_and_resource_servers_are_told(server: AuthorizationServer) -> None:
    receiver = Receiver(server.origin, server.issuer)
    receiver.begin()
    client = server.register()
    tokens = server.connect(client)
    grant_id = server.introspect(tokens["access_token"])["grant_id"]
    disable(server, client.client_id)
    assert receiver.reason_for(grant_id)
    assert not server.is_active(tokens["access_token"])
    receiver.close()


def test_it_gets_no_tokens_by_any_grant_and_is_not_told_to_register_again(
    server: AuthorizationServer,
) -> None:
    client = server.register(
        grant_types=["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
    )
    tokens, pkce = server.connect(client), Pkce()
    code = server.person.authorize(client.authorization_url(pkce))["code"]
    acting = server.register(
        grant_types=["client_credentials"], token_endpoint_auth_method="client_secret_post"
    )
    secret = {"client_id": acting.client_id, "client_secret": acting.information["client_secret"]}
    assert server.post("/token", grant_type="client_credentials", **secret).status_code == 200
    for each in (client, acting):
        disable(server, each.client_id)
    refused = (400, "unauthorized_client")
    assert error_of(client.refresh(tokens["refresh_token"])) == refused
    assert error_of(client.redeem(code, pkce)) == refused
    assert error_of(server.post("/token", grant_type="client_credentials", **secret)) == refused
    assert error_of(server.post("/device_authorization", client_id=client.client_id)) == refused
    assert error_of(server.post("/introspect", token=tokens["access_token"], **secret)) == refused
    assert client.revoke(tokens["refresh_token"]).status_code == 200, "giving back is always possible"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_it_cannot_manage_its_registration_until_it_is_enabled(
    server: AuthorizationServer, method: str
) -> None:
    client = server.register()
    uri, token = (client.information[f"registration_{name}"] for name in ("client_uri", "access_token"))

    def manage(kind: str) -> Any:
        body = {"client_id": client.client_id, "redirect_uris": ["https://client.example/cb"]}
        bearer = {"Authorization": f"Bearer {token}"}
        return server.http.request(kind, uri, headers=bearer, json=body if kind == "PUT" else None)

    disable(server, client.client_id)
    refused = manage(method)
    assert (refused.status_code, refused.json()["reason_code"]) == (403, "client_disabled")
    enable(server, client.client_id)
    assert manage("GET").json()["redirect_uris"] == client.information["redirect_uris"]
    assert manage(method).status_code == (204 if method == "DELETE" else 200)


def test_people_see_why_it_cannot_connect(server: AuthorizationServer) -> None:
    client = server.register()
    consent = server.person.open(client.authorization_url(Pkce()))
    assert consent.url.path == "/consent"
    disable(server, client.client_id)
    for page in (
        server.person.open(client.authorization_url(Pkce())),
        server.person.submit(consent, {"decision": "allow"}),
    ):
        assert page.status_code == 400
        assert "has disabled this client" in page.text


def test_nobody_is_sent_to_it_after_a_logout(server: AuthorizationServer) -> None:
    after = "https://client.example/after"
    client = server.register(post_logout_redirect_uris=[after])
    id_token = client.connect(server.person, scope="openid")["id_token"]
    disable(server, client.client_id)
    url = f"{server.origin}/logout?id_token_hint={id_token}&post_logout_redirect_uri={after}"
    stranger = Person(trust_env=False)
    for person in (server.person, stranger):
        page = person.open(url)
        assert (page.status_code, "location" in page.headers) == (200, False)
        assert "logged out" in page.text
    stranger.close()


def test_no_button_leads_to_it(server: AuthorizationServer) -> None:
    client = server.register()
    page = server.person.open(client.authorization_url(Pkce(), response_type="unknown"))
    assert offers_to_go_back(page)
    disable(server, client.client_id)
    pressed = server.person.submit(page, {})
    assert pressed.status_code == 400
    assert "has disabled this client" in pressed.text


def test_it_can_be_connected_again_once_it_is_enabled(server: AuthorizationServer) -> None:
    client = server.register()
    tokens = server.connect(client)
    for _ in range(2):
        disable(server, client.client_id)
    for _ in range(2):
        enable(server, client.client_id)
    assert not server.is_active(tokens["access_token"])
    assert server.is_active(server.connect(client)["access_token"])


def test_it_stays_disabled_although_its_registration_would_have_expired(server: AuthorizationServer) -> None:
    client = server.register()
    disable(server, client.client_id)
    server.clock.advance(UNUSED_TTL_S + 1)
    kept = server.with_store(lambda store: ClientRepository(store, server.clock).get(client.client_id))
    assert kept is not None
    assert kept.disabled
    assert not kept.is_operators, "it was not created by the operator"


def test_its_document_does_not_enable_it() -> None:
    described = CLIENT.with_disabled(True, 10)
    assert described.renewed_from(CLIENT).disabled


def test_it_is_not_removed_as_unused() -> None:
    assert CLIENT.unused
    assert not CLIENT.with_disabled(True, 10).unused
    assert CLIENT.with_disabled(True, 10).with_disabled(False, 20).expires_at == 20 + UNUSED_TTL_S


def test_no_newcomer_takes_its_place(server: AuthorizationServer) -> None:
    client = server.register()
    disable(server, client.client_id)

    listed = server.with_store(lambda store: store.index_list(keys.unused_clients()))
    assert not any(client.client_id in entry for entry in listed)
