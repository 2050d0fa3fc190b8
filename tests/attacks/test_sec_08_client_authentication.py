"""SEC-8: a client that does not prove who it is gets nothing, by any way of not proving it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.attacks.raw import request_bytes, send
from tests.auth_service.service import RESOURCE_SECRET, AuthorizationServer
from tests.flow import Client, Pkce

pytestmark = pytest.mark.requirement("SEC-8", "AS-11")

Form = dict[str, str]
Headers = dict[str, str]
Attempt = Callable[[Client, Client], tuple[Form, Headers]]


def basic(client_id: str, secret: str) -> Headers:
    pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def secret_of(client: Client) -> str:
    return str(client.information["client_secret"])


# The victim's name without the victim's secret; the attacker is a confidential client, too.
ATTEMPTS: dict[str, Attempt] = {
    "nothing": lambda victim, _: ({}, {}),
    "the name alone": lambda victim, _: ({"client_id": victim.client_id}, {}),
    "an empty secret": lambda victim, _: ({"client_id": victim.client_id, "client_secret": ""}, {}),
    "a blank secret": lambda victim, _: ({"client_id": victim.client_id, "client_secret": " "}, {}),
    "a wrong secret": lambda victim, _: ({"client_id": victim.client_id, "client_secret": "wrong"}, {}),
    "nearly the secret": lambda victim, _: (
        {"client_id": victim.client_id, "client_secret": secret_of(victim)[:-1]},
        {},
    ),
    "the secret in other letters": lambda victim, _: (
        {"client_id": victim.client_id, "client_secret": secret_of(victim).swapcase()},
        {},
    ),
    "the secret with NUL": lambda victim, _: (
        {"client_id": victim.client_id, "client_secret": secret_of(victim) + "\0"},
        {},
    ),
    "the attacker's secret": lambda victim, attacker: (
        {"client_id": victim.client_id, "client_secret": secret_of(attacker)},
        {},
    ),
    "the registration access token": lambda victim, _: (
        {
            "client_id": victim.client_id,
            "client_secret": victim.information["registration_access_token"],
        },
        {},
    ),
    "an empty secret, Basic": lambda victim, _: ({}, basic(victim.client_id, "")),
    "a wrong secret, Basic": lambda victim, _: ({}, basic(victim.client_id, "wrong")),
    "the attacker's secret, Basic": lambda victim, attacker: (
        {},
        basic(victim.client_id, secret_of(attacker)),
    ),
    "the secret as a bearer token": lambda victim, _: (
        {"client_id": victim.client_id},
        {"Authorization": f"Bearer {secret_of(victim)}"},
    ),
    "an unknown scheme": lambda victim, _: (
        {"client_id": victim.client_id},
        {"Authorization": f"Digest {secret_of(victim)}"},
    ),
    "the scheme alone": lambda victim, _: ({"client_id": victim.client_id}, {"Authorization": "Basic"}),
    "junk for credentials": lambda victim, _: (
        {"client_id": victim.client_id},
        {"Authorization": "Basic ????"},
    ),
    "another name in the body": lambda victim, attacker: (
        {"client_id": victim.client_id},
        basic(attacker.client_id, secret_of(attacker)),
    ),
    "both ways, both good": lambda victim, _: (
        {"client_id": victim.client_id, "client_secret": secret_of(victim)},
        basic(victim.client_id, secret_of(victim)),
    ),
    "both ways, one wrong": lambda victim, _: (
        {"client_id": victim.client_id, "client_secret": "wrong"},
        basic(victim.client_id, secret_of(victim)),
    ),
    "an assertion of an unknown kind": lambda victim, _: (
        {"client_id": victim.client_id, "client_assertion_type": "x", "client_assertion": "x"},
        {},
    ),
    "an assertion that is none": lambda victim, _: (
        {
            "client_id": victim.client_id,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": "x",
        },
        {},
    ),
    "an unsigned assertion": lambda victim, _: (
        {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": unsigned({"iss": victim.client_id, "sub": victim.client_id}),
        },
        {},
    ),
}


def unsigned(claims: dict[str, Any]) -> str:
    """A JWT that says of itself that it needs no signature."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return ".".join([*encoded, ""])


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_confidential_client_gets_nothing_without_its_secret(
    server: AuthorizationServer, attempt: str
) -> None:
    method = {"token_endpoint_auth_method": "client_secret_post", "grant_types": GRANTS}
    victim, attacker, pkce = server.register(**method), server.register(**method), Pkce()
    code = server.person.authorize(victim.authorization_url(pkce))["code"]
    tokens = server.connect(victim)
    form, headers = ATTEMPTS[attempt](victim, attacker)
    requests: list[tuple[str, Form]] = [
        ("/token", {"grant_type": "authorization_code", "code": code, "code_verifier": pkce.verifier}),
        ("/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}),
        ("/token", {"grant_type": "client_credentials"}),
        ("/introspect", {"token": tokens["access_token"]}),
        ("/revoke", {"token": tokens["access_token"]}),
    ]
    for path, request_form in requests:
        response = server.http.post(f"{server.origin}{path}", data={**request_form, **form}, headers=headers)
        assert response.status_code in (400, 401)
        assert response.json()["error"] in ("invalid_client", "invalid_request")
        assert secret_of(victim) not in response.text
    assert server.is_active(tokens["access_token"])
    assert victim.redeem(code, pkce).status_code == 200


GRANTS = ["authorization_code", "refresh_token", "client_credentials"]


def test_a_public_client_with_a_secret_is_refused(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    code = server.person.authorize(client.authorization_url(pkce))["code"]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": pkce.verifier}
    for secret in ("x", "None", "null"):
        for more, headers in (
            ({"client_id": client.client_id, "client_secret": secret}, {}),
            ({}, basic(client.client_id, secret)),
        ):
            response = server.http.post(f"{server.origin}/token", data={**form, **more}, headers=headers)
            assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert client.redeem(code, pkce).status_code == 200


def test_resource_servers_and_clients_cannot_act_as_each_other(server: AuthorizationServer) -> None:
    as_server = httpx2.BasicAuth("resource", RESOURCE_SECRET)
    for path in ("/token", "/revoke"):
        form = {"grant_type": "client_credentials", "token": "x"}
        response = server.http.post(f"{server.origin}{path}", data=form, auth=as_server)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    named = {"token": "x", "client_id": "resource"}
    for secret in ("", "x", RESOURCE_SECRET[:-1], RESOURCE_SECRET + "x", RESOURCE_SECRET.upper()):
        response = server.post("/introspect", **named, client_secret=secret)
        assert response.status_code == 401


@pytest.mark.parametrize("name", ["resource", "Resource", "../resource", "resource\x00", "resource ", "*"])
def test_a_name_alone_opens_nothing(server: AuthorizationServer, name: str) -> None:
    for path in ("/introspect", "/revoke", "/token"):
        response = server.post(path, token="x", grant_type="client_credentials", client_id=name)
        assert response.status_code in (400, 401)


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize(
    "value", [b"Basic \xff\xfe", b"\xff", b"Basic " + b"A" * 60_000, b"Basic dXNlcjpwYXNz\x01"]
)
def test_credentials_of_odd_bytes_are_refused(server: AuthorizationServer, value: bytes) -> None:
    headers = [("Content-Type", b"application/x-www-form-urlencoded"), ("Authorization", value)]
    answer = send(server, request_bytes("POST", "/introspect", headers, b"token=x"))
    assert answer.status in (400, 401, 431)
