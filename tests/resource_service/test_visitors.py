"""The URLs of the resource service in a browser: pages, where programs get JSON."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, unquote, urlsplit

import httpx2
import pytest

from shared.pages.connecting import Connecting
from tests.resource_service.authorization_server import AuthorizationServer, answer
from tests.resource_service.service import SECRET, Service, bearer, running, token_for
from tests.visiting import BROWSER, PROGRAMS, is_page

pytestmark = pytest.mark.requirement("RS-2")

NAME = "Ours & <b>theirs</b>"
UPSTREAMS = {
    "built in": {},
    "http": {"upstream": "http://127.0.0.1:1/mcp"},
    "stdio": {"upstream": "stdio:cat"},
    "at the root": {"path": ""},
    "below the root": {"path": "/tools/mcp"},
    "with a slash": {"path": "/mcp/"},
}


@pytest.fixture(scope="module", params=UPSTREAMS)
def visited(
    request: pytest.FixtureRequest,
    issuer_running: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """The service in front of each kind of MCP server, and at each kind of place."""
    settings = dict(UPSTREAMS[request.param])
    path = settings.pop("path", None)
    if path is not None:
        settings["resource"] = f"https://mcp.example{path}"
    with running(
        issuer_running, tmp_path_factory.mktemp("visited"), resource_name=NAME, **settings
    ) as service:
        yield service


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=30, trust_env=False) as http:
        yield http


def local(service: Service) -> str:
    """The MCP URL, as this machine reaches it."""
    return f"{service.origin}{urlsplit(service.resource).path}"


def links(page: httpx2.Response) -> list[str]:
    return [unescape(link) for link in re.findall('href="([^"]+)"', page.text)]


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_mcp_url_in_a_browser_says_how_to_connect(
    visited: Service, http: httpx2.Client, issuer: AuthorizationServer, slash: str
) -> None:
    url = local(visited).removesuffix("/") + slash
    response, page = http.get(url), http.get(url, headers=BROWSER)
    assert (response.status_code, page.status_code) == (401, 401)
    assert page.headers["www-authenticate"] == response.headers["www-authenticate"]
    assert "resource_metadata=" in page.headers["www-authenticate"]
    assert is_page(page)
    assert not is_page(response)
    assert f'<code id="url">{visited.resource}</code>' in page.text
    assert "Ours &amp; &lt;b&gt;theirs&lt;/b&gt;" in page.text
    assert NAME not in page.text
    for program in ("Claude", "Claude Code", "ChatGPT", "VS Code", "Cursor"):
        assert f"<dt>{program}</dt>" in page.text
    assert f"claude mcp add --transport http ours-b-theirs-b {visited.resource}" in page.text
    assert {f"{issuer.url}/account", f"{issuer.url}/device"} <= set(links(page))
    head = http.head(url, headers=BROWSER)
    assert (head.status_code, head.content) == (401, b"")
    assert head.headers["content-length"] == page.headers["content-length"]
    assert head.headers["www-authenticate"] == response.headers["www-authenticate"]
    for secret in (SECRET, "127.0.0.1:1", "stdio:"):
        assert secret not in page.text


@pytest.mark.parametrize("accept", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_mcp_client_is_never_given_a_page(
    service: Service, http: httpx2.Client, accept: str, method: str
) -> None:
    response = http.request(method, f"{service.origin}/mcp", headers={"Accept": accept})
    assert response.status_code == 401
    assert not is_page(response)
    assert response.json()["error"] == "unauthorized"


def test_a_client_that_shows_a_token_is_never_given_a_page(
    service: Service, client: httpx2.Client, issuer: AuthorizationServer
) -> None:
    assert not is_page(client.get("/mcp", headers=BROWSER | bearer("nobodys")))
    refused = client.get("/v1/contexts", headers=BROWSER | bearer(token_for(service, issuer, scope="")))
    assert refused.status_code == 403
    assert not is_page(refused)


def test_the_links_have_programs_add_the_very_url() -> None:
    server = Connecting('Notes "of" ours', "https://mcp.example/tools/mcp", hosted=True)
    scheme, _, config = server.vs_code_link.partition("?")
    assert scheme == "vscode:mcp/install"
    assert json.loads(unquote(config)) == {"name": "notes-of-ours", "type": "http", "url": server.url}
    parts = urlsplit(server.cursor_link)
    assert (parts.scheme, parts.netloc, parts.path) == ("cursor", "anysphere.cursor-deeplink", "/mcp/install")
    query = parse_qs(parts.query)
    assert query["name"] == ["notes-of-ours"]
    assert json.loads(base64.b64decode(query["config"][0])) == {"url": server.url}


def test_a_url_that_hosted_programs_cannot_reach_says_so(visited: Service, http: httpx2.Client) -> None:
    page = http.get(local(visited), headers=BROWSER)
    assert ("cannot reach this URL" in page.text) == visited.resource.startswith("http://127.0.0.1")


def test_the_root_says_who_this_is_and_leads_to_the_mcp_url(
    visited: Service, http: httpx2.Client, issuer: AuthorizationServer
) -> None:
    path = urlsplit(visited.resource).path.removesuffix("/")
    base = f"{visited.origin}{path.rpartition('/')[0]}"
    for url in {base, f"{base}/"}:
        page = http.get(url, headers=BROWSER)
        assert is_page(page)
        assert page.status_code == (200 if path else 401)  # with the MCP server at the root, it is its page
        assert visited.resource in page.text
        assert f"{issuer.url}/account" in links(page)
        assert SECRET not in page.text
        response = http.get(url)
        assert response.status_code == (404 if path else 401)
        assert not is_page(response)


@pytest.mark.parametrize(
    ("path", "status"), [("/nothing", 404), ("/nothing/below", 404), ("/token", 405), ("/hello", 401)]
)
def test_an_error_is_a_page_for_a_person_and_the_same_error(
    service: Service, http: httpx2.Client, path: str, status: int
) -> None:
    response, page = http.get(f"{service.origin}{path}"), http.get(f"{service.origin}{path}", headers=BROWSER)
    assert (response.status_code, page.status_code) == (status, status)
    assert not is_page(response)
    assert is_page(page)
    for name in ("www-authenticate", "allow"):
        assert page.headers.get(name) == response.headers.get(name)
    assert response.json()["error"] in page.text
    assert page.headers["x-request-id"] in page.text


def test_a_foreign_origin_and_an_outage_are_shown_to_a_person_as_they_are(
    service: Service, client: httpx2.Client, issuer: AuthorizationServer
) -> None:
    foreign = client.get("/mcp", headers={**BROWSER, "Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert is_page(foreign)
    issuer.replies["*"] = answer(502, b"")
    metadata = "/.well-known/oauth-authorization-server"
    away, response = client.get(metadata, headers=BROWSER), client.get(metadata)
    assert (away.status_code, response.status_code) == (503, 503)
    assert is_page(away)
    assert away.headers["retry-after"] == response.headers["retry-after"]


def test_each_mount_has_a_page_of_its_own(
    issuer_running: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory, http: httpx2.Client
) -> None:
    mounts = '{"/one": "http://127.0.0.1:1/x", "/two": {"upstream": "stdio:cat", "name": "Number two"}}'
    with running(issuer_running, tmp_path_factory.mktemp("mounts"), mounts=mounts) as service:
        page = http.get(f"{service.origin}/two", headers=BROWSER)
        assert page.status_code == 401
        assert f'<code id="url">{service.origin}/two</code>' in page.text
        assert "Number two" in page.text
        assert page.headers["www-authenticate"].endswith('/two"')
        home = http.get(f"{service.origin}/", headers=BROWSER)
        assert {f"{service.origin}/one", f"{service.origin}/two"} <= set(links(home))
        assert "127.0.0.1:1/" not in home.text
        assert http.get(f"{service.origin}/mcp", headers=BROWSER).status_code == 404
