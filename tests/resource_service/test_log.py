"""RS-11: every refusal can be found in the log by the id that its answer carries."""

from __future__ import annotations

import re

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer, answer
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for

pytestmark = pytest.mark.requirement("RS-11")


def only_line(service: Service, response: httpx2.Response) -> dict[str, object]:
    lines = [line for line in service.log(response.headers["x-request-id"]) if line["event"] == "refused"]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "token_missing"),
        ({"Authorization": "Bearer"}, 400, "credentials_malformed"),
        ({"Authorization": "Bearer nobody-knows-it"}, 401, "token_inactive"),
        ({"Origin": "https://evil.example"}, 403, "origin_not_allowed"),
    ],
)
def test_a_refusal_is_one_line_with_its_reason(
    headers: dict[str, str], status: int, code: str, client: httpx2.Client, service: Service
) -> None:
    response = client.post("/mcp", headers=headers)
    assert response.status_code == status
    line = only_line(service, response)
    assert line["reason"]
    assert line["reason_code"] == code
    assert (line["status"], line["method"], line["path"]) == (status, "POST", "/mcp")
    assert response.json()["request_id"] == line["request_id"]


@pytest.mark.parametrize(
    ("members", "status", "reason"),
    [
        ({"aud": "https://other.example"}, 401, "https://other.example"),
        ({"iss": "https://other.example"}, 401, "https://other.example"),
        ({"exp": 1}, 401, "expired"),
        ({"scope": "notes:write"}, 403, "lacks ['notes:read']"),
    ],
)
def test_the_log_says_what_the_answer_does_not(
    members: dict[str, object],
    status: int,
    reason: str,
    client: httpx2.Client,
    service: Service,
    issuer: AuthorizationServer,
) -> None:
    headers = bearer(token_for(service, issuer, **members)) | modern_headers("list_notes")
    response = client.post("/mcp", headers=headers, json=call("list_notes"))
    assert response.status_code == status
    assert reason in str(only_line(service, response)["reason"])
    assert "other.example" not in response.text


def test_an_outage_is_a_warning_that_says_which(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    issuer.replies["/introspect"] = answer(502, b"")
    line = only_line(service, client.get("/hello", headers=bearer("x")))
    assert (line["level"], line["reason_code"]) == ("warning", "authorization_server_failing")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Accept": "text/html"}, 406),
        ({"Accept": "application/xml"}, 406),
    ],
)
def test_what_the_mcp_server_itself_refuses_is_in_the_log_too(
    change: dict[str, str], status: int, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    headers = bearer(token_for(service, issuer)) | modern_headers("whoami") | change
    response = client.post("/mcp", headers=headers, json=call("whoami"))
    assert response.status_code == status
    line = only_line(service, response)
    assert (line["status"], line["client_id"]) == (status, "client-1")


def test_the_request_id_is_ours_and_new_each_time(client: httpx2.Client) -> None:
    ids = [client.get("/health", headers={"X-Request-Id": "mine"}).headers["x-request-id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{16}", request_id) for request_id in ids)


def test_no_token_is_ever_in_the_log(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    token = "dw_at_" + "Secret0123456789" * 4
    client.get("/hello", headers=bearer(token))
    client.get(f"/hello?access_token={token}")
    client.get(f"/{token}")
    client.post("/mcp", headers={"Origin": f"https://{token}"})
    assert "Secret0123456789" not in service.log_file.read_text()
