"""Authentication: the same for every protected path and every method."""

from __future__ import annotations

import re
import time

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for

PROTECTED = [
    *((method, "/mcp") for method in ("GET", "HEAD", "POST", "DELETE", "PUT")),
    ("GET", "/hello"),
    ("GET", "/v1/contexts"),
]


def challenge_of(service: Service) -> str:
    metadata = f"{service.origin}/.well-known/oauth-protected-resource/mcp"
    return f'resource_metadata="{metadata}", scope="notes:read notes:write"'


@pytest.mark.requirement("RS-2")
@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_without_a_token_there_is_a_challenge_without_an_error(
    method: str, path: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    response = client.request(method, path)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == f"Bearer {challenge_of(service)}"
    assert issuer.questions == []


@pytest.mark.requirement("RS-2")
@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_a_token_that_is_not_active_is_named_invalid(
    method: str, path: str, client: httpx2.Client, service: Service
) -> None:
    response = client.request(method, path, headers=bearer("nobody-knows-it"))
    assert response.status_code == 401
    description = "The access token is expired, revoked or unknown."
    expected = f'Bearer error="invalid_token", error_description="{description}", {challenge_of(service)}'
    assert response.headers["www-authenticate"] == expected


@pytest.mark.requirement("RS-2", "RS-11")
def test_a_refusal_explains_itself_as_json_with_the_request_id(client: httpx2.Client) -> None:
    response = client.post("/mcp", headers=bearer("nobody-knows-it"))
    assert response.json() == {
        "error": "invalid_token",
        "error_description": "The access token is expired, revoked or unknown.",
        "reason_code": "token_inactive",
        "request_id": response.headers["x-request-id"],
    }


@pytest.mark.requirement("RS-2")
@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_malformed_credentials_are_a_bad_request(method: str, path: str, client: httpx2.Client) -> None:
    response = client.request(method, path, headers={"Authorization": "Bearer two tokens"})
    assert response.status_code == 400
    assert 'error="invalid_request"' in response.headers["www-authenticate"]


@pytest.mark.requirement("RS-3")
@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_a_good_token_in_the_query_or_twice_is_refused(
    method: str, path: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer)
    in_query = client.request(method, f"{path}?access_token={token}", headers=bearer(token))
    twice = [("Authorization", f"Bearer {token}")] * 2
    assert (in_query.status_code, client.request(method, path, headers=twice).status_code) == (400, 400)
    assert issuer.questions == []


@pytest.mark.requirement("RS-3")
def test_a_token_in_a_form_body_is_not_a_token(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    response = client.post("/mcp", data={"access_token": token_for(service, issuer)})
    assert response.status_code == 401
    assert issuer.questions == []


@pytest.mark.requirement("RS-3")
@pytest.mark.parametrize(
    "audience",
    [
        None,
        [],
        "",
        "https://other.example/mcp",
        "{resource}/other",
        "{resource}//",
        "{resource}?x",
        "{origin}",
        "not a url",
        "http://127.0.0.1:1/mcp",
    ],
)
def test_a_token_for_another_resource_is_not_good_here(
    audience: object, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    if isinstance(audience, str):
        audience = audience.format(resource=service.resource, origin=service.origin)
    token = token_for(service, issuer, aud=audience)
    for method, path in PROTECTED:
        response = client.request(method, path, headers=bearer(token))
        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["www-authenticate"]


@pytest.mark.requirement("RS-3")
def test_the_audience_may_be_spelled_with_a_slash_or_be_one_of_several(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    for audience in (
        f"{service.resource}/",
        ["https://other.example/", service.resource.replace("http", "HTTP")],
    ):
        token = token_for(service, issuer, aud=audience)
        assert client.get("/hello", headers=bearer(token)).status_code == 200


@pytest.mark.requirement("RS-3")
@pytest.mark.parametrize("issued_by", ["https://evil.example", "{issuer}/", "HTTP{issuer}"])
def test_a_token_of_another_issuer_is_not_good_here(
    issued_by: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer, iss=issued_by.format(issuer=issuer.url))
    assert client.get("/hello", headers=bearer(token)).status_code == 401


@pytest.mark.requirement("RS-3")
def test_a_token_that_has_expired_meanwhile_is_not_good_here(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer, exp=int(time.time()))
    response = client.get("/hello", headers=bearer(token))
    assert response.status_code == 401
    assert response.json()["reason_code"] == "token_expired"


@pytest.mark.requirement("RS-3", "RS-7")
def test_every_request_introspects_so_that_a_revoked_token_is_refused_at_once(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer)
    headers = bearer(token) | modern_headers("whoami")
    assert client.post("/mcp", headers=headers, json=call("whoami")).status_code == 200
    issuer.tokens.clear()
    assert client.post("/mcp", headers=headers, json=call("whoami")).status_code == 401
    assert len(issuer.requests_to()) == 2


def test_the_authorization_server_is_asked_as_rfc_7662_wants_it(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    client.get("/hello", headers=bearer("dw_at_anything"))
    (question,) = issuer.requests_to()
    assert question.method == "POST"
    assert question.headers["authorization"].startswith("Basic ")
    assert question.headers["content-type"] == "application/x-www-form-urlencoded"
    form = dict(question.form)
    assert re.fullmatch(r"[0-9a-f]{16}", form.pop("request_id"))
    assert form == {"token": "dw_at_anything", "token_type_hint": "access_token"}
