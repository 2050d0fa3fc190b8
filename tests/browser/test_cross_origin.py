"""Clients that are pages of another origin: what a real browser lets them send and read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Error, Page

from tests.browser.chromium import OTHER_HOST, Desk
from tests.browser.pair import Pair
from tests.browser.site import Site
from tests.flow import Client, Person, Pkce

pytestmark = pytest.mark.xdist_group("browser pages")

_FETCH = """
async ([url, options]) => {
    const answer = await fetch(url, options);
    return [answer.status, Object.fromEntries(answer.headers), await answer.text()];
}
"""
FORM = "application/x-www-form-urlencoded"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "a page", "version": "1"},
    },
}


@dataclass(frozen=True)
class BrowserClient:
    """A script on a page of an origin of its own."""

    page: Page

    def fetch(self, url: str, **options: Any) -> httpx2.Response:
        """As the script sees the answer: with no more headers than the browser shows it.

        Raises:
            playwright.sync_api.Error: the browser shows it nothing.
        """
        status, headers, text = self.page.evaluate(_FETCH, [url, options])
        return httpx2.Response(status, headers=headers, text=text)

    def post(self, url: str, form: dict[str, str]) -> httpx2.Response:
        body = str(httpx2.QueryParams(form))
        return self.fetch(url, method="POST", headers={"Content-Type": FORM}, body=body)


@pytest.fixture
def script(page: Page, elsewhere: Site) -> BrowserClient:
    """A client on another loopback origin, as developers' tools are."""
    page.goto(elsewhere.origin)
    return BrowserClient(page)


@pytest.fixture
def stranger(desk: Desk, elsewhere: Site) -> BrowserClient:
    """A page of a site that is not on loopback."""
    page = desk.page()
    page.goto(elsewhere.origin_at(OTHER_HOST))
    return BrowserClient(page)


@pytest.fixture
def access_token(at_the_root: Pair, http: httpx2.Client) -> str:
    person = Person(trust_env=False)
    tokens = Client.register(at_the_root.issuer, http).connect(person, scope="openid profile notes:read")
    person.close()
    return str(tokens["access_token"])


@pytest.mark.requirement("AS-22")
@pytest.mark.parametrize("who", ["script", "stranger"])
def test_a_page_can_be_a_client_of_the_authorization_server(
    request: pytest.FixtureRequest, at_the_root: Pair, who: str
) -> None:
    client: BrowserClient = request.getfixturevalue(who)
    issuer, pkce, person = at_the_root.issuer, Pkce(), Person(trust_env=False)

    metadata = client.fetch(f"{issuer}/.well-known/oauth-authorization-server").json()
    assert client.fetch(f"{issuer}/.well-known/openid-configuration").json() == metadata
    assert client.fetch(metadata["jwks_uri"]).json()["keys"]

    body = '{"redirect_uris": ["http://127.0.0.1/callback"], "token_endpoint_auth_method": "none"}'
    json_type = {"Content-Type": "application/json"}
    registration = client.fetch(
        metadata["registration_endpoint"], method="POST", headers=json_type, body=body
    )
    assert registration.status_code == 201
    registered = registration.json()
    managed = client.fetch(
        registered["registration_client_uri"],
        headers={"Authorization": f"Bearer {registered['registration_access_token']}"},
    )
    assert managed.json()["client_id"] == registered["client_id"]

    client_id = registered["client_id"]
    with httpx2.Client(trust_env=False) as http:
        answer = person.authorize(
            Client(issuer, http, registered).authorization_url(pkce, scope="openid profile")
        )
    person.close()
    tokens = client.post(
        metadata["token_endpoint"],
        {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": "http://127.0.0.1/callback",
            "client_id": client_id,
            "code_verifier": pkce.verifier,
        },
    ).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert client.fetch(metadata["userinfo_endpoint"], headers=bearer).json()["preferred_username"] == "wesen"

    revoked = {"token": tokens["access_token"], "client_id": client_id}
    assert client.post(metadata["revocation_endpoint"], revoked).status_code == 200
    refused = client.fetch(metadata["userinfo_endpoint"], headers=bearer)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


@pytest.mark.requirement("AS-22")
def test_a_page_reads_why_it_was_refused(stranger: BrowserClient, at_the_root: Pair) -> None:
    refusal = stranger.post(f"{at_the_root.issuer}/token", {"grant_type": "refresh_token", "client_id": "x"})
    assert (refusal.status_code, refusal.json()["error"]) == (401, "invalid_client")


@pytest.mark.requirement("AS-23", "AS-22")
@pytest.mark.parametrize("path", ["authorize", "login", "consent", "account", "introspect"])
def test_a_page_reads_nothing_of_what_people_and_resource_servers_use(
    stranger: BrowserClient, desk: Desk, at_the_root: Pair, path: str
) -> None:
    with pytest.raises(Error, match="Failed to fetch"):
        stranger.fetch(f"{at_the_root.issuer}/{path}")
    assert "CORS policy" in desk.complaints.pop(0)
    desk.complaints.clear()


@pytest.mark.requirement("RS-6")
def test_a_page_reads_the_challenge_of_the_resource_server(script: BrowserClient, at_the_root: Pair) -> None:
    challenged = script.fetch(at_the_root.mcp_url, method="POST", headers={"Mcp-Method": "ping"}, body="{}")
    assert challenged.status_code == 401
    place = challenged.headers["WWW-Authenticate"].partition('resource_metadata="')[2].partition('"')[0]
    assert script.fetch(place).json()["resource"] == at_the_root.mcp_url


@pytest.mark.requirement("RS-6")
def test_a_page_speaks_mcp(script: BrowserClient, at_the_root: Pair, access_token: str) -> None:
    headers = {
        "Authorization": f"Bearer {access_token}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "Mcp-Protocol-Version": "2025-11-25",
    }
    of_no_argument = {**headers, "Mcp-Param-Anything": "1"}
    refused = script.fetch(
        at_the_root.mcp_url, method="POST", headers=of_no_argument, body=json.dumps(INITIALIZE)
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32020)
    begun = script.fetch(at_the_root.mcp_url, method="POST", headers=headers, body=json.dumps(INITIALIZE))
    assert begun.status_code == 200
    session = {**headers, "Mcp-Session-Id": begun.headers["Mcp-Session-Id"]}
    assert script.fetch(at_the_root.mcp_url, method="DELETE", headers=session).status_code == 200


@pytest.mark.requirement("RS-6")
def test_a_page_of_a_foreign_origin_is_kept_out_of_the_resource_server(
    stranger: BrowserClient, desk: Desk, at_the_root: Pair, access_token: str
) -> None:
    headers = {"Authorization": f"Bearer {access_token}"}
    with pytest.raises(Error, match="Failed to fetch"):
        stranger.fetch(f"{at_the_root.resource_service}/hello", headers=headers)
    assert "CORS policy" in desk.complaints.pop(0)
    desk.complaints.clear()
    metadata = f"{at_the_root.resource_service}/.well-known/oauth-protected-resource"
    assert stranger.fetch(metadata).json()["resource"] == at_the_root.mcp_url
