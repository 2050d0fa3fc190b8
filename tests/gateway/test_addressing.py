"""An upstream at another path, or under another name, than it is configured: followed, set, or explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from resource_service.gateway.slash_redirect import slash_redirect
from resource_service.settings import ResourceSettings
from shared.host_refusals import refuses_host
from tests.gateway.exchange import LISTEN, MESSAGE, PING, check_remedy
from tests.gateway.upstreams import gateway
from tests.resource_service.authorization_server import AuthorizationServer, answer, answer_json
from tests.resource_service.service import SECRET, Service, bearer, token_for

pytestmark = pytest.mark.requirement("RS-15")

PONG = {"jsonrpc": "2.0", "id": 1, "result": {}}
NAME = "known.internal:3000"


@pytest.fixture(scope="module")
def renamed(
    issuer: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """The gateway to the scripted upstream under another name, and to a mount under a third."""
    url = f"{scripted_upstream.url}/mcp"
    mounts = f'{{"/other": {{"upstream": "{url}", "host": "other"}}}}'
    directory = tmp_path_factory.mktemp("renamed")
    with gateway(issuer, directory, url, upstream_host=NAME, mounts=mounts) as service:
        yield service


@pytest.fixture
def headers(scripted: Service, issuer: AuthorizationServer) -> dict[str, str]:
    return bearer(token_for(scripted, issuer)) | MESSAGE


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("location", ["/mcp/", "{url}/mcp/", "{url}/mcp/?a=1"])
def test_a_redirect_that_only_adds_a_slash_is_followed(
    status: int,
    location: str,
    client: httpx2.Client,
    upstream: AuthorizationServer,
    headers: dict[str, str],
) -> None:
    query = "?a=1" if "?" in location else ""
    upstream.replies["/mcp"] = answer(status, b"", f"Location: {location.format(url=upstream.url)}")
    upstream.replies["/mcp/"] = answer_json(PONG)
    response = client.post(f"/mcp{query}", headers=headers, json=PING)
    assert (response.status_code, response.json()) == (200, PONG)
    first, second = upstream.questions
    assert (second.method, second.target, second.body) == ("POST", f"/mcp/{query}", first.body)
    assert second.headers == first.headers


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_it_is_followed_for_every_method(
    method: str, client: httpx2.Client, upstream: AuthorizationServer, headers: dict[str, str]
) -> None:
    upstream.replies["/mcp"] = answer(307, b"", "Location: /mcp/")
    upstream.replies["/mcp/"] = answer(204, b"")
    assert client.request(method, "/mcp", headers=headers | LISTEN).status_code == 204
    assert [question.method for question in upstream.questions] == [method, method]


@pytest.mark.parametrize(
    ("status", "location"),
    [
        (303, "/mcp/"),
        (307, "/elsewhere"),
        (307, "/mcp"),
        (307, "/mcp//"),
        (307, "/MCP/"),
        (307, "/mcp/?a=1"),
        (307, "https://127.0.0.1:{port}/mcp/"),
        (307, "http://127.0.0.1/mcp/"),
        (307, "http://localhost:{port}/mcp/"),
        (307, "//evil.example/mcp/"),
        (308, "http://127.0.0.1:{port}@evil.example/mcp/"),
        (307, "http://[::1/mcp/"),
    ],
)
def test_no_other_redirect_is_followed_and_why_says_what_to_set(
    status: int,
    location: str,
    client: httpx2.Client,
    scripted: Service,
    upstream: AuthorizationServer,
    headers: dict[str, str],
) -> None:
    location = location.format(port=upstream.port)
    upstream.replies["*"] = answer(status, b"", f"Location: {location}")
    response = client.post("/mcp", headers=headers, json=PING)
    assert response.status_code == 502
    assert "location" not in response.headers
    assert len(upstream.questions) == 1
    assert "DOORWARD_UPSTREAM to that address" in response.text
    assert "DOORWARD_UPSTREAM," in check_remedy(scripted, response)


def test_a_redirect_is_followed_once(
    client: httpx2.Client, upstream: AuthorizationServer, headers: dict[str, str]
) -> None:
    upstream.replies["/mcp"] = answer(307, b"", "Location: /mcp/")
    upstream.replies["/mcp/"] = answer(307, b"", "Location: /mcp")
    assert client.post("/mcp", headers=headers, json=PING).status_code == 502
    assert len(upstream.questions) == 2


def test_a_slash_is_dropped_as_well_as_added_also_under_another_host() -> None:
    assert slash_redirect("http://a/x/", 308, "/x", "a") == "http://a/x"
    assert slash_redirect("http://a:3000/x", 307, "http://known/x/", "known") == "http://a:3000/x/"
    assert slash_redirect("http://a/x", 307, "http://a:80/x/", "a") == "http://a/x/"
    assert slash_redirect("http://a/x", 307, None, "a") is None


def test_the_upstream_gets_the_host_that_is_set_for_it(
    renamed: Service, issuer: AuthorizationServer, upstream: AuthorizationServer
) -> None:
    upstream.replies["/mcp"] = answer_json(PONG)
    with httpx2.Client(base_url=renamed.origin, timeout=30, trust_env=False) as client:
        for path, expected in (("/mcp", NAME), ("/other", "other")):
            token = token_for(renamed, issuer, aud=f"{renamed.origin}{path}")
            assert client.post(path, headers=bearer(token) | MESSAGE, json=PING).status_code == 200
            assert upstream.questions[-1].headers["host"] == expected


REFUSED = [
    (421, "Invalid Host header"),
    (421, ""),
    (403, '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Invalid Host: a:3000"},"id":null}'),
    (403, "Forbidden: Host header is not allowed"),
    (403, 'Blocked request. This host ("a") is not allowed.'),
    (403, "Blocked hosts: a:3000"),
    (400, "Invalid host header"),
    (400, "Invalid HTTP_HOST header: 'a'. You may need to add 'a' to ALLOWED_HOSTS."),
    (400, "<h2>Bad Request - Invalid Hostname</h2>"),
]


@pytest.mark.parametrize(("status", "body"), REFUSED)
def test_a_refused_host_is_reported_as_such_and_why_says_what_to_set(
    status: int,
    body: str,
    client: httpx2.Client,
    scripted: Service,
    upstream: AuthorizationServer,
    headers: dict[str, str],
) -> None:
    upstream.replies["/mcp"] = answer(status, body.encode())
    response = client.post("/mcp", headers=headers, json=PING)
    assert response.status_code == 502
    assert "DOORWARD_UPSTREAM_HOST" in response.text
    assert "DOORWARD_UPSTREAM_HOST" in check_remedy(scripted, response)
    refused = [line for line in scripted.log(response.headers["x-request-id"]) if line["event"] == "refused"]
    assert f"'127.0.0.1:{upstream.port}'" in refused[0]["reason"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"Invalid Host header"),
        (404, b"Invalid Host header"),
        (400, b"Bad Request: the session is missing"),
        (403, b"The tool may not be called on this machine."),
    ],
)
def test_other_refusals_are_about_the_request(status: int, body: bytes) -> None:
    assert not refuses_host(status, body)


@pytest.mark.parametrize("host", ["", "a b", "a\r\nX: y", "a/b", "u@a", "[::1", "http://a", "a:port"])
def test_what_is_not_a_host_stops_the_start(host: str) -> None:
    with pytest.raises(ValidationError, match="Host header"):
        settings("http://127.0.0.1:3000/mcp", upstream_host=host)


def test_a_command_has_no_host(tmp_path: Path) -> None:
    mount = {"upstream": f"stdio:{tmp_path}", "host": "a"}
    with pytest.raises(ValidationError, match="no Host header"):
        settings("http://127.0.0.1:3000/mcp", mounts={"/a": mount})


def settings(upstream: str, **more: object) -> ResourceSettings:
    usual = {"resource": "http://localhost/mcp", "issuer": "http://localhost:1", "resource_secret": SECRET}
    return ResourceSettings.model_validate({**usual, "upstream": upstream, **more})
