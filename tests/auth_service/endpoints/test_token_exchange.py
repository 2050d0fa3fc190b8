"""Token exchange under rules, on both stores (RFC 8693)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.auth_service.service import (
    OTHER_RESOURCE,
    OTHER_RESOURCE_SECRET,
    OTHER_RESOURCE_SERVER,
    RESOURCE,
    RESOURCE_SERVER,
    AuthorizationServer,
    running,
)
from tests.flow import Client
from tests.servers import wait_until
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("AS-12")

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
TARGET_SERVER = {
    **OTHER_RESOURCE_SERVER,
    "resources": [
        {"resource": OTHER_RESOURCE, "name": "Other", "scopes": {"notes:read": "Read", "other": "Else"}}
    ],
}
CLIENT_IDS = {"delegation": "delegate", "impersonation": "impersonate"}


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    store_url, instances = new_store(), {}
    # The rules name the client, so it is made before the server that has them.
    with running(store_url) as first:
        for mode in CLIENT_IDS:
            instances[mode] = first.operator_registers(
                client_name=mode, grant_types=[GRANT], token_endpoint_auth_method="client_secret_basic"
            ).information
    rules = [
        {"client_id": instance["client_id"], "sources": [RESOURCE], "targets": [OTHER_RESOURCE], "mode": mode}
        for mode, instance in instances.items()
    ]
    servers = [RESOURCE_SERVER, TARGET_SERVER]
    with running(store_url, resource_servers=servers, token_exchange=rules) as server:
        server.made = instances  # type: ignore[attr-defined]
        yield server


def exchanger(server: AuthorizationServer, mode: str = "delegation") -> Client:
    return Client(server.origin, server.http, server.made[mode])  # type: ignore[attr-defined]


@pytest.fixture
def subject_token(server: AuthorizationServer) -> str:
    return str(server.connect(resource=RESOURCE, scope="notes:read notes:write")["access_token"])


def exchange(client: Client, subject_token: str, /, **changes: str | None) -> httpx2.Response:
    form = {
        "grant_type": GRANT,
        "subject_token": subject_token,
        "subject_token_type": ACCESS_TOKEN,
        "resource": OTHER_RESOURCE,
        **changes,
    }
    return client.token(**{name: value for name, value in form.items() if value is not None})


def about(server: AuthorizationServer, token: str) -> dict[str, Any]:
    return server.introspect(token, server="other", secret=OTHER_RESOURCE_SECRET)


def refused(response: httpx2.Response, error: str) -> None:
    assert (response.status_code, response.json()["error"]) == (400, error), response.text


def test_a_token_is_exchanged_for_a_narrower_one_elsewhere(
    server: AuthorizationServer, subject_token: str
) -> None:
    response = exchange(exchanger(server), subject_token)
    body = response.json()
    assert response.status_code == 200, body
    assert (body["issued_token_type"], body["token_type"]) == (ACCESS_TOKEN, "Bearer")
    assert "refresh_token" not in body
    assert "id_token" not in body
    answer, source = about(server, body["access_token"]), server.introspect(subject_token)
    assert (answer["sub"], answer["aud"], answer["scope"]) == (source["sub"], OTHER_RESOURCE, "notes:read")
    assert answer["act"] == {"sub": exchanger(server).client_id}
    assert answer["exp"] <= source["exp"]
    assert not server.is_active(body["access_token"]), "it is for the other resource alone"


def test_impersonation_does_not_say_who_acts(server: AuthorizationServer, subject_token: str) -> None:
    token = exchange(exchanger(server, "impersonation"), subject_token).json()["access_token"]
    answer = about(server, token)
    assert "act" not in answer
    assert answer["sub"] == server.introspect(subject_token)["sub"]


def test_the_target_may_be_called_audience(server: AuthorizationServer, subject_token: str) -> None:
    response = exchange(exchanger(server), subject_token, resource=None, audience=OTHER_RESOURCE)
    assert response.status_code == 200, response.text


def test_it_ends_with_what_it_was_made_from(server: AuthorizationServer) -> None:
    client = server.register()
    source = server.connect(client, resource=RESOURCE, scope="notes:read")
    token = exchange(exchanger(server), source["access_token"]).json()["access_token"]
    assert about(server, token)["active"] is True
    assert about(server, token)["ancestors"] == [server.introspect(source["access_token"])["grant_id"]]
    assert client.revoke(source["refresh_token"]).status_code == 200
    assert about(server, token) == {"active": False}


def test_revoking_it_leaves_what_it_was_made_from(server: AuthorizationServer, subject_token: str) -> None:
    token = exchange(exchanger(server), subject_token).json()["access_token"]
    assert exchanger(server).revoke(token).status_code == 200
    assert about(server, token) == {"active": False}
    assert server.is_active(subject_token)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token": "x"}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"actor_token": "x", "actor_token_type": ACCESS_TOKEN}, "invalid_request"),
        ({"actor_token_type": ACCESS_TOKEN}, "invalid_request"),
        ({"resource": None}, "invalid_target"),
        ({"resource": RESOURCE}, "invalid_target"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"resource": None, "audience": "elsewhere"}, "invalid_target"),
        ({"audience": OTHER_RESOURCE}, "invalid_target"),
        ({"scope": "other"}, "invalid_scope"),
        ({"scope": "notes:write"}, "invalid_scope"),
    ],
)
@ON_ONE_STORE
def test_a_bad_request_is_refused(
    server: AuthorizationServer, subject_token: str, changes: dict[str, str | None], error: str
) -> None:
    refused(exchange(exchanger(server), subject_token, **changes), error)


def test_a_refresh_token_is_not_a_subject_token(server: AuthorizationServer) -> None:
    refused(
        exchange(exchanger(server), server.connect(resource=RESOURCE)["refresh_token"]), "invalid_request"
    )


def test_an_expired_token_is_not_a_subject_token(server: AuthorizationServer, subject_token: str) -> None:
    server.clock.advance(601)
    refused(exchange(exchanger(server), subject_token), "invalid_request")


def test_a_token_of_another_resource_is_not_exchanged(server: AuthorizationServer) -> None:
    token = server.connect(resource=OTHER_RESOURCE)["access_token"]
    refused(exchange(exchanger(server), token), "unauthorized_client")


def test_somebody_elses_token_does_not_say_who_acts(server: AuthorizationServer, subject_token: str) -> None:
    actor = {"actor_token": subject_token, "actor_token_type": ACCESS_TOKEN}
    refused(exchange(exchanger(server), subject_token, **actor), "invalid_request")


def test_a_client_without_a_rule_exchanges_nothing(server: AuthorizationServer, subject_token: str) -> None:
    client = server.operator_registers(
        client_name="x", grant_types=[GRANT], token_endpoint_auth_method="client_secret_post"
    )
    refused(exchange(client, subject_token), "unauthorized_client")


def test_a_client_cannot_register_itself_for_it(server: AuthorizationServer, subject_token: str) -> None:
    client = server.register(grant_types=["authorization_code", GRANT])
    assert client.information["grant_types"] == ["authorization_code"]
    refused(exchange(client, subject_token), "unauthorized_client")


def test_it_is_announced_only_where_there_are_rules(server: AuthorizationServer, store_url: str) -> None:
    where = "/.well-known/oauth-authorization-server"
    assert GRANT in server.get(where).json()["grant_types_supported"]
    with running(store_url) as plain:
        assert GRANT not in plain.get(where).json()["grant_types_supported"]
        client = plain.operator_registers(
            client_name="x", grant_types=[GRANT], token_endpoint_auth_method="client_secret_post"
        )
        refused(exchange(client, "x"), "unsupported_grant_type")


@pytest.mark.requirement("AS-13", "SEC-7")
def test_an_exchange_confirms_that_the_answer_to_a_refresh_arrived(server: AuthorizationServer) -> None:
    client = server.register()
    first = server.connect(client, resource=RESOURCE, scope="notes:read")
    grant_id = server.introspect(first["access_token"])["grant_id"]
    second = client.refresh(first["refresh_token"]).json()
    assert server.grant(grant_id).unconfirmed_since > 0
    assert exchange(exchanger(server), second["access_token"]).status_code == 200
    wait_until(lambda: server.grant(grant_id).unconfirmed_since == 0)
