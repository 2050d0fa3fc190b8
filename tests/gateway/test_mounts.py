"""Several upstreams by path, each a resource of its own."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.gateway.exchange import MESSAGE, PING, results
from tests.gateway.upstreams import PATIENCE, called, connected, forked_stdio
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.proving import Prover, refused
from tests.resource_service.service import Service, bearer, running, token_for

WELL_KNOWN = "/.well-known/oauth-protected-resource"


@pytest.fixture(scope="module")
def service(
    issuer: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """Three mounts, and nothing at the resource itself."""
    mounts = f"""{{
        "/one": "{scripted_upstream.url}/one",
        "/two": {{"upstream": "{scripted_upstream.url}/two", "name": "Number two", "authorization": "Key 2"}},
        "/tools": "{forked_stdio("tests.gateway.servers.plain")}"
    }}"""
    with running(issuer, tmp_path_factory.mktemp("mounts"), mounts=mounts, **PATIENCE) as service:
        yield service


@pytest.fixture
def client(service: Service, upstream: AuthorizationServer) -> Iterator[httpx2.Client]:
    upstream.replies["*"] = results()
    with httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client:
        yield client


@pytest.mark.requirement("RS-1")
@pytest.mark.parametrize(("mount", "name"), [("one", "one"), ("two", "Number two"), ("tools", "tools")])
def test_each_mount_announces_itself(
    mount: str, name: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    document = client.get(f"{WELL_KNOWN}/{mount}").json()
    assert document["resource"] == f"{service.origin}/{mount}"
    assert document["resource_name"] == name
    assert document["authorization_servers"] == [issuer.url]
    assert "scopes_supported" not in document  # RFC 9728 §3.2: nothing that has no value
    challenge = client.post(f"/{mount}").headers["www-authenticate"]
    assert challenge == f'Bearer resource_metadata="{service.origin}{WELL_KNOWN}/{mount}"'


@pytest.mark.requirement("RS-3")
def test_a_token_is_good_at_its_own_mount_only(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer, upstream: AuthorizationServer
) -> None:
    token = token_for(service, issuer, aud=f"{service.origin}/one")
    assert client.post("/one", headers=bearer(token) | MESSAGE, json=PING).status_code == 200
    for other in ("/two", "/tools"):
        refused = client.post(other, headers=bearer(token) | MESSAGE, json=PING)
        assert refused.status_code == 401
        assert refused.json()["reason_code"] == "token_of_other_resource"
    assert [question.target for question in upstream.questions] == ["/one"]


@pytest.mark.requirement("EXT-3", "SEC-11")
def test_a_proof_is_good_at_its_own_mount_only(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer, upstream: AuthorizationServer
) -> None:
    audience = [f"{service.origin}/{mount}" for mount in ("one", "two")]
    prover = Prover.known(service, issuer, client, aud=audience)
    for mount, other in (("/one", "/two"), ("/two", "/one")):
        assert prover.send("POST", mount, headers=MESSAGE, json=PING).status_code == 200
        wrong = prover.send("POST", mount, prover.proof("POST", other), headers=MESSAGE, json=PING)
        assert refused(wrong, "invalid_dpop_proof")
    assert [question.target for question in upstream.questions] == ["/one", "/two"]


@pytest.mark.requirement("RS-5")
def test_an_upstream_gets_its_own_credential_and_no_other(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer, upstream: AuthorizationServer
) -> None:
    for mount in ("/one", "/two"):
        token = token_for(service, issuer, aud=f"{service.origin}{mount}")
        client.post(mount, headers=bearer(token) | MESSAGE, json=PING)
    one, two = upstream.questions
    assert "authorization" not in one.headers
    assert two.headers["authorization"] == "Key 2"


@pytest.mark.anyio
async def test_a_command_can_be_mounted_too(service: Service, issuer: AuthorizationServer) -> None:
    token = token_for(service, issuer, aud=f"{service.origin}/tools")
    async with connected(f"{service.origin}/tools", token, "legacy") as mcp_client:
        assert await called(mcp_client, "add", a=1, b=1) == "2"


def test_pages_may_call_a_mount_as_they_may_call_the_resource(client: httpx2.Client) -> None:
    allowed = client.options("/one", headers={"Origin": "http://localhost:6274"})
    assert allowed.headers["access-control-allow-origin"] == "http://localhost:6274"
    refused = client.post("/one", headers=MESSAGE | {"Origin": "https://evil.example"}, json=PING)
    assert refused.status_code == 403


def test_nothing_is_served_at_the_resource_itself(client: httpx2.Client) -> None:
    assert client.post("/mcp", headers=MESSAGE, json=PING).status_code == 404
    assert client.get(WELL_KNOWN).status_code == 404
    assert client.get("/hello").status_code == 404
    assert client.get("/health").status_code == 200


def test_the_docs_page_describes_every_mount(client: httpx2.Client) -> None:
    document = client.get("/openapi.json").json()
    assert {"/one", "/two", "/tools", "/.well-known/jwks.json"} <= set(document["paths"])
    assert "/mcp" not in document["paths"]
    assert "Problem" in document["components"]["schemas"]
