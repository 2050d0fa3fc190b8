"""Behind each proxy configuration of `deploy/`: everything a client does, over TLS, by the public URLs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.certificates import Authority
from tests.e2e.services import deployed
from tests.flow import Client, Pkce
from tests.machine import require
from tests.proxies.proxy import caddy_command, nginx_command, serving
from tests.proxies.site import HOSTS, Site
from tests.servers import free_port, wait_until

pytestmark = pytest.mark.xdist_group("proxies")

PROXIES: dict[str, Callable[[str, Path, int, Path, tuple[int, int]], list[str]]] = {
    "nginx": nginx_command,
    "caddy": caddy_command,
}
LOGIN_FAILURES = 3


@pytest.fixture(
    scope="module", params=[(p, n) for p in PROXIES for n in ("one-origin", "two-origins")], ids="-".join
)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Site]:
    proxy, name = request.param
    require(proxy)
    directory, port = tmp_path_factory.mktemp(f"{proxy}-{name}"), free_port()
    issuer, mcp_url = {
        "one-origin": (f"https://example.com:{port}/auth", f"https://example.com:{port}/tools/mcp"),
        "two-origins": (f"https://auth.example.com:{port}", f"https://mcp.example.com:{port}/mcp"),
    }[name]
    certificate = authority.certify(*HOSTS)
    store = f"sqlite:///{directory}/store.db"
    settings = {
        "DOORWARD_TRUSTED_PROXIES": "127.0.0.1/32",
        "DOORWARD_LOGIN_FAILURES": str(LOGIN_FAILURES),
    }
    with deployed(store, directory, issuer=issuer, mcp_url=mcp_url, settings=settings) as deployment:
        ports = deployment.auth[0].port, deployment.resource.port
        command = PROXIES[proxy](name, directory, port, certificate, ports)
        with serving(command, directory, port):
            yield Site(issuer, mcp_url, authority.trusting(), port)


@pytest.mark.requirement("AS-2", "AS-3", "RS-1", "RS-2")
def test_a_client_finds_its_way_from_the_mcp_url_alone(site: Site) -> None:
    with site.client() as http:
        refused = http.post(site.mcp_url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert refused.status_code == 401
        metadata_url = refused.headers["www-authenticate"].split('resource_metadata="')[1].split('"')[0]
        resource = http.get(metadata_url).json()
        assert resource["resource"] == site.mcp_url
        assert resource["authorization_servers"] == [site.issuer]
        for place in _metadata_places(site.issuer):
            assert http.get(place).json()["issuer"] == site.issuer, place


@pytest.mark.requirement("AS-23", "RS-1")
def test_the_whole_flow_works_by_the_public_urls(site: Site) -> None:
    with site.client() as http:
        client, person = Client.register(site.issuer, http), site.person()
        tokens = client.connect(person, resource=site.mcp_url)
        assert _tools(http, site, tokens["access_token"]).status_code == 200
        refreshed = client.refresh(tokens["refresh_token"]).json()
        client.revoke(refreshed["refresh_token"])
        wait_until(lambda: _tools(http, site, refreshed["access_token"]).status_code == 401)
        cookies = {cookie.name: cookie for cookie in person.browser.cookies.jar}
        assert all(name.startswith("__Host-") and cookie.secure for name, cookie in cookies.items())
        person.close()


@pytest.mark.requirement("RS-10")
def test_a_client_of_2025_03_26_finds_everything_at_the_origin_of_the_mcp_server(site: Site) -> None:
    origin = str(httpx2.URL(site.mcp_url).join("/")).removesuffix("/")
    with site.client() as http:
        announced = http.get(f"{origin}/.well-known/oauth-authorization-server").json()
        assert announced["issuer"] == site.issuer
        client, person, pkce = Client.register(origin, http), site.person(), Pkce()
        redirect = http.get(client.authorization_url(pkce))
        answer = person.authorize(redirect.headers["location"])
        tokens = client.redeem(answer["code"], pkce).json()
        renewed = client.refresh(tokens["refresh_token"]).json()
        assert _tools(http, site, renewed["access_token"]).status_code == 200
        person.close()


def test_both_docs_pages_load_under_their_prefixes(site: Site) -> None:
    with site.client() as http:
        for base in (site.issuer, site.mcp_url.rpartition("/")[0]):
            assert "swagger" in http.get(f"{base}/docs").text
            assert http.get(f"{base}/openapi.json").json()["openapi"].startswith("3.")


@pytest.mark.requirement("AS-23", "SEC-14")
def test_what_a_client_says_of_its_own_address_is_not_believed(site: Site) -> None:
    person = site.person()
    page = person.open(f"{site.issuer}/login")
    statuses = []
    for number in range(LOGIN_FAILURES + 1):
        person.browser.headers["X-Forwarded-For"] = f"192.0.2.{number}"
        statuses.append(person.submit(page, {"username": "wesen", "password": "wrong"}).status_code)
    person.close()
    assert statuses == [401] * LOGIN_FAILURES + [429]


def _metadata_places(issuer: str) -> list[str]:
    scheme, _, rest = issuer.partition("://")
    host, slash, path = rest.partition("/")
    inserted = [
        f"{scheme}://{host}/.well-known/{name}{slash}{path}"
        for name in ("oauth-authorization-server", "openid-configuration")
    ]
    return [*inserted, f"{issuer}/.well-known/openid-configuration"]


def _tools(http: httpx2.Client, site: Site, access_token: str) -> httpx2.Response:
    headers = {
        "Authorization": f"Bearer {access_token}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    return http.post(site.mcp_url, json=message, headers=headers)
