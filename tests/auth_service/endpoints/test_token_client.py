"""POST /token: who may ask for what; and client_credentials."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.auth_service.service import OTHER_RESOURCE, RESOURCE, AuthorizationServer
from tests.flow import Client
from tests.stores import ON_ONE_STORE

MACHINE = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "token_endpoint_auth_method": "client_secret_basic",
}


def ask(server: AuthorizationServer, form: dict[str, str], **headers: str) -> httpx2.Response:
    return server.http.post(f"{server.origin}/token", data=form, headers=headers)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def refusal(response: httpx2.Response) -> tuple[int, str]:
    assert response.headers["cache-control"] == "no-store"
    return response.status_code, response.json()["error"]


def test_a_client_gets_a_token_of_its_own_without_user_and_refresh_token(server: AuthorizationServer) -> None:
    client = server.register(**MACHINE)
    tokens = client.token(grant_type="client_credentials", scope="notes:read").json()
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope"}
    answer = server.introspect(tokens["access_token"])
    assert (answer["scope"], answer["aud"], answer["client_id"]) == ("notes:read", RESOURCE, client.client_id)
    assert {"sub", "username"}.isdisjoint(answer)


@pytest.mark.parametrize(
    ("registered", "requested", "granted"),
    [
        (None, None, "notes:read notes:write"),
        (None, "notes:write unknown", "notes:write"),
        (None, "openid profile offline_access notes:read", "notes:read"),
        ("notes:read", None, "notes:read"),
        ("notes:read", "notes:read notes:write", "notes:read"),
        ("notes:read", "notes:write", ""),
        ("notes:read openid", "openid", ""),
    ],
)
@pytest.mark.requirement("SEC-13")
def test_a_client_gets_no_more_on_its_own_than_it_registered_for_and_nothing_about_users(
    server: AuthorizationServer, registered: str | None, requested: str | None, granted: str
) -> None:
    client = server.register(**MACHINE, **({"scope": registered} if registered else {}))
    form = {"grant_type": "client_credentials", **({"scope": requested} if requested else {})}
    response = client.token(**form)
    assert response.status_code == 200
    assert response.json()["scope"] == granted
    assert server.introspect(response.json()["access_token"])["scope"] == granted


@pytest.mark.requirement("AS-14")
def test_a_clients_own_token_is_for_a_resource_there_is(server: AuthorizationServer) -> None:
    client = server.register(**MACHINE)
    good = client.token(grant_type="client_credentials", resource=RESOURCE + "/")
    assert server.introspect(good.json()["access_token"])["aud"] == RESOURCE
    bad = client.token(grant_type="client_credentials", resource=OTHER_RESOURCE)
    assert refusal(bad) == (400, "invalid_target")
    assert refusal(client.token(grant_type="client_credentials", scope='"')) == (400, "invalid_scope")


def test_what_the_operator_registers_may_have_any_grant_forever(server: AuthorizationServer) -> None:
    client = server.operator_registers(
        grant_types=["client_credentials"], token_endpoint_auth_method="client_secret_basic"
    )
    assert client.token(grant_type="client_credentials").status_code == 200


@pytest.mark.requirement("AS-12", "SEC-8")
@pytest.mark.parametrize(
    ("metadata", "grant_type", "error"),
    [
        ({}, "client_credentials", "unauthorized_client"),
        (MACHINE, "authorization_code", "unauthorized_client"),
        (MACHINE, "refresh_token", "unauthorized_client"),
        ({}, "password", "unsupported_grant_type"),
        ({}, "implicit", "unsupported_grant_type"),
        ({}, "AUTHORIZATION_CODE", "unsupported_grant_type"),
        ({}, "ü" * 1_000, "unsupported_grant_type"),
        ({}, "", "invalid_request"),
    ],
)
@ON_ONE_STORE
def test_a_grant_type_must_exist_and_be_the_clients(
    server: AuthorizationServer, metadata: dict[str, Any], grant_type: str, error: str
) -> None:
    response = server.register(**metadata).token(grant_type=grant_type, code="x", refresh_token="x")
    assert refusal(response) == (400, error)


@pytest.fixture
def client(server: AuthorizationServer) -> Client:
    """A confidential client that may ask for tokens of its own."""
    return server.register(**MACHINE)


FORM = {"grant_type": "client_credentials"}


@pytest.mark.requirement("AS-11")
def test_basic_credentials_are_taken_in_every_spelling(server: AuthorizationServer, client: Client) -> None:
    client_id, secret = client.client_id, client.information["client_secret"]
    spellings = [
        (client_id, secret),
        (quote(client_id), quote(secret)),
        (client_id.replace("-", "%2D"), secret.replace("-", "%2D").replace("_", "%5F")),
        (client_id, "".join(f"%{ord(character):02x}" for character in secret)),
    ]
    for spelled in spellings:
        assert ask(server, FORM, Authorization=basic(*spelled)).status_code == 200
    repeated = ask(server, {**FORM, "client_id": client_id}, Authorization=basic(client_id, secret))
    assert repeated.status_code == 200
    lower = basic(client_id, secret).replace("Basic", "basic")
    assert ask(server, FORM, Authorization=lower).status_code == 200


@pytest.mark.requirement("AS-11")
def test_a_secret_may_come_in_the_body_whatever_was_registered(
    server: AuthorizationServer, client: Client
) -> None:
    body = {"client_id": client.client_id, "client_secret": client.information["client_secret"]}
    assert ask(server, {**FORM, **body}).status_code == 200


@pytest.mark.requirement("AS-20")
def test_an_unknown_client_is_told_to_register_again(server: AuthorizationServer) -> None:
    unknown = ask(server, {**FORM, "client_id": "unknown"})
    assert refusal(unknown) == (401, "invalid_client")
    assert unknown.json()["reason_code"] == "client_unknown"
    assert "www-authenticate" not in unknown.headers
    by_basic = ask(server, FORM, Authorization=basic("unknown", "secret"))
    assert refusal(by_basic) == (401, "invalid_client")
    assert by_basic.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.requirement("SEC-2", "SEC-17")
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"grant_type": "client_credentials"}'),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("text/plain", b"grant_type=client_credentials"),
        ("application/x-www-form-urlencoded", b"\xff"),
        ("application/x-www-form-urlencoded", b"a=%ff"),
        ("application/x-www-form-urlencoded", b"a=%00"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(101))),
    ],
)
def test_a_body_that_is_not_a_form_is_refused(
    server: AuthorizationServer, content_type: str, body: bytes
) -> None:
    for path in ("token", "revoke", "introspect"):
        headers = {"Content-Type": content_type}
        response = server.http.post(f"{server.origin}/{path}", content=body, headers=headers)
        assert refusal(response) == (400, "invalid_request")


def test_the_charset_of_a_form_does_not_matter(server: AuthorizationServer, client: Client) -> None:
    authorization = basic(client.client_id, client.information["client_secret"])
    headers = {
        "Content-Type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        "Authorization": authorization,
    }
    body = b"grant_type=client_credentials"
    response = server.http.post(f"{server.origin}/token", content=body, headers=headers)
    assert response.status_code == 200


@pytest.mark.requirement("SEC-8")
def test_what_is_in_the_query_does_not_count(server: AuthorizationServer, client: Client) -> None:
    query = {"client_id": client.client_id, "client_secret": client.information["client_secret"]}
    response = server.http.post(f"{server.origin}/token", params={**query, **FORM}, data=FORM)
    assert refusal(response) == (401, "invalid_client")
