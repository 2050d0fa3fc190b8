"""The complete flow of clients whose client_id is the URL of their metadata document, over real sockets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from auth_service.clients.repository import ClientRepository
from auth_service.fetching import Fetcher, Limits
from tests.auth_service.service import AuthorizationServer, running
from tests.auth_service.signer import ASSERTION_TYPE, Signer
from tests.certificates import Authority
from tests.flow import Client, Person, Pkce, asks_for_nothing
from tests.sites import HERE, HOST, Names, Site, answer, document, site

pytestmark = pytest.mark.requirement("AS-8")

CALLBACK = f"https://{HOST}/callback"
LOOPBACK = ("http://localhost/callback", "http://127.0.0.1/callback")
_NUMBERS = itertools.count()
UNKNOWN_DOMAIN = "list of known domains"


@dataclass
class World:
    """An authorization server, and a stranger's site that it can reach."""

    server: AuthorizationServer
    stranger: Site

    @property
    def host(self) -> str:
        return f"{HOST}:{self.stranger.port}"

    def client(self, path: str | None = None, **members: Any) -> Client:
        """A client whose document says this, as the client itself sees it; another one at each call."""
        path = path or f"/client-{next(_NUMBERS)}.json"
        client_id = f"https://{self.host}{path}"
        usual = {
            "client_id": client_id,
            "client_name": "A client",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
        }
        document_members = {name: value for name, value in {**usual, **members}.items() if value is not None}
        self.stranger.answers[path] = document(document_members)
        own = {**usual, "token_endpoint_auth_method": "none", **document_members, "client_id": client_id}
        return Client(self.server.origin, self.server.http, own)


@pytest.fixture
def fetcher(authority: Authority) -> Fetcher:
    return fetcher_of(authority)


def fetcher_of(authority: Authority) -> Fetcher:
    return Fetcher(
        loopback=True,
        limits=Limits(total_s=10),
        ssl_context=authority.trusting(),
        resolve=Names({HOST: [HERE]}),
    )


@pytest.fixture(scope="module")
def stranger(authority: Authority) -> Iterator[Site]:
    with site(authority.certifying(HOST)) as running_site:
        yield running_site


@pytest.fixture
def world(store_url: str, fetcher: Fetcher, stranger: Site) -> Iterator[World]:
    """A server of the test's own, on each store in turn."""
    with running(store_url, fetcher=fetcher, fetch_loopback=True) as server:
        yield World(server, stranger)
        assert server.failures == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, authority: Authority, stranger: Site) -> Iterator[World]:
    """One server for all tests that do not mind each other."""
    store_url = f"sqlite:///{tmp_path_factory.mktemp('shared')}/doorward.db"
    with running(store_url, fetcher=fetcher_of(authority), fetch_loopback=True) as server:
        yield World(server, stranger)
        assert server.failures == []


@pytest.fixture
def person() -> Iterator[Person]:
    person = Person(trust_env=False)
    yield person
    person.close()


def reads(stranger: Site, client: Client) -> int:
    """How often the document of `client` was asked for."""
    request_line = f"GET {urlsplit(client.client_id).path} HTTP/1.1"
    return sum(contact.request == request_line for contact in stranger.contacts())


def refused(person: Person, client: Client) -> httpx2.Response:
    """The page that tells the person that nothing came of it; the client is told nothing."""
    page = person.open(client.authorization_url(Pkce(), redirect_uri=CALLBACK))
    assert "location" not in page.headers
    heading = "Try again in a moment" if page.status_code == 503 else "This did not work"
    assert heading in page.text
    return page


def test_it_is_announced(shared: World) -> None:
    for place in ("oauth-authorization-server", "openid-configuration"):
        metadata = shared.server.get(f"/.well-known/{place}").json()
        assert metadata["client_id_metadata_document_supported"] is True
        assert "none" in metadata["token_endpoint_auth_methods_supported"]


def test_a_client_with_a_document_goes_the_whole_way(world: World, person: Person) -> None:
    client = world.client()
    tokens = client.connect(person)
    introspection = world.server.introspect(tokens["access_token"])
    assert (introspection["active"], introspection["client_id"]) == (True, client.client_id)
    refreshed = client.refresh(tokens["refresh_token"]).json()
    assert client.revoke(refreshed["refresh_token"]).status_code == 200
    assert not world.server.is_active(refreshed["access_token"])
    assert client.refresh(refreshed["refresh_token"]).json()["error"] == "invalid_grant"
    assert reads(world.stranger, client) == 1


def test_a_person_sees_it_among_the_connections_and_can_end_it(world: World, person: Person) -> None:
    client = world.client()
    tokens = client.connect(person)
    account = person.open(f"{world.server.origin}/account")
    assert world.host in account.text
    person.submit(person.open_disconnect(world.server.origin), {})
    assert not world.server.is_active(tokens["access_token"])


@pytest.mark.requirement("AS-9")
def test_the_consent_page_shows_whose_program_it_is(shared: World, person: Person) -> None:
    client = shared.client(client_name="Well-Known Product")
    page = person.log_in(person.open(client.authorization_url(Pkce())))
    assert f'<strong>{shared.host}</strong> <span class="badge good">verified</span>' in page.text
    assert "Well-Known Product" in page.text
    assert "unverified" in page.text
    assert UNKNOWN_DOMAIN in page.text


@pytest.mark.requirement("AS-10")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_loopback_redirect_may_come_back_to_any_port(shared: World, person: Person, host: str) -> None:
    client, pkce = shared.client(redirect_uris=list(LOOPBACK)), Pkce()
    redirect_uri = f"http://{host}:53682/callback"
    code = person.authorize(client.authorization_url(pkce, redirect_uri=redirect_uri))
    assert client.redeem(code["code"], pkce, redirect_uri=redirect_uri).status_code == 200


def test_what_was_agreed_to_is_asked_again_for_an_unknown_domain(shared: World, person: Person) -> None:
    client = shared.client()
    client.connect(person)
    page = person.open(client.authorization_url(Pkce()))
    assert UNKNOWN_DOMAIN in page.text
    silent = person.authorize(client.authorization_url(Pkce(), prompt="none"))
    assert silent["error"] == "consent_required"


@pytest.mark.parametrize("settings", [{"cimd": "allow"}, {"cimd": "deny", "cimd_allow": HOST}])
def test_a_known_domain_is_treated_like_a_registered_client(
    store_url: str, fetcher: Fetcher, stranger: Site, person: Person, settings: dict[str, Any]
) -> None:
    with running(store_url, fetcher=fetcher, fetch_loopback=True, **settings) as server:
        client = World(server, stranger).client()
        page = person.log_in(person.open(client.authorization_url(Pkce())))
        assert UNKNOWN_DOMAIN not in page.text
        person.submit(page, {"decision": "allow"})
        again = person.open(client.authorization_url(Pkce()))
        assert "code" in dict(parse_qsl(urlsplit(again.headers["location"]).query))


def test_a_client_that_was_removed_and_comes_back_is_asked_about_again(
    store_url: str, fetcher: Fetcher, stranger: Site, person: Person
) -> None:
    with running(store_url, fetcher=fetcher, fetch_loopback=True, cimd="allow") as server:
        client = World(server, stranger).client()
        client.connect(person)
        assert "code" in person.authorize(client.authorization_url(Pkce(), prompt="none"))
        # Another reading of the document leaves the consent as it is; a removal, by any way, withdraws it.
        server.clock.advance(86_401)
        assert "code" in person.authorize(client.authorization_url(Pkce(), prompt="none"))
        server.with_store(lambda store: ClientRepository(store, server.clock).delete(client.client_id))
        again = person.authorize(client.authorization_url(Pkce(), prompt="none"))
        assert again["error"] == "consent_required"
        client.connect(person)
        assert "code" in person.authorize(client.authorization_url(Pkce(), prompt="none"))


@pytest.mark.parametrize(
    "settings", [{"cimd": "deny", "cimd_allow": "other.example"}, {"cimd_deny": "*.example"}]
)
def test_a_denied_domain_gets_a_page_that_says_so(
    store_url: str, fetcher: Fetcher, stranger: Site, person: Person, settings: dict[str, Any]
) -> None:
    with running(store_url, fetcher=fetcher, fetch_loopback=True, **settings) as server:
        client = World(server, stranger).client()
        page = refused(person, client)
        assert page.status_code == 400
        assert "does not accept clients of this domain" in page.text
        assert client.redeem("dw_ac_x", Pkce()).json()["error"] == "invalid_client"
        assert reads(stranger, client) == 0


def test_it_is_not_announced_where_every_domain_is_denied(store_url: str) -> None:
    with running(store_url, cimd="deny") as server:
        metadata = server.get("/.well-known/oauth-authorization-server").json()
        assert metadata["client_id_metadata_document_supported"] is False


@pytest.mark.parametrize(
    ("members", "introspection"),
    [
        ({"client_id": f"https://{HOST}/other.json"}, "its client_id is not its URL"),
        ({"client_id": None}, "its client_id is not its URL"),
        ({"client_secret": "x"}, "client secret"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "shared secret"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
        ({"redirect_uris": None}, "redirect_uris"),
        (
            {"subject_type": "pairwise", "redirect_uris": [CALLBACK, "https://other.example/"]},
            "sector_identifier_uri",
        ),
        ({"client_name": "x" * 6_000}, "larger than 5120 bytes"),
    ],
)
def test_a_document_that_is_not_valid_gets_a_page_that_says_why(
    shared: World, person: Person, members: dict[str, Any], introspection: str
) -> None:
    page = refused(person, shared.client(**members))
    assert page.status_code == 400
    assert introspection in page.text


@pytest.mark.requirement("AS-17")
def test_a_sector_that_a_document_names_has_to_list_its_redirect_uris(shared: World, person: Person) -> None:
    named = {"subject_type": "pairwise", "sector_identifier_uri": f"https://{shared.host}/uris"}
    shared.stranger.answers["/uris"] = document(["https://other.example/"])
    assert "lacks a redirect URI" in refused(person, shared.client(**named)).text
    shared.stranger.answers["/uris"] = document([CALLBACK])
    assert "id_token" in shared.client(**named).connect(person, scope="openid")


@pytest.mark.requirement("AS-17")
def test_a_client_whose_list_of_its_sector_is_down_stays_connected(world: World, person: Person) -> None:
    world.stranger.answers["/uris"] = document([CALLBACK])
    uri = f"https://{world.host}/uris"
    client = world.client(subject_type="pairwise", sector_identifier_uri=uri)
    tokens = client.connect(person, scope="openid offline_access")
    world.stranger.answers["/uris"] = answer(b"{}", status="503 Busy")
    world.server.clock.advance(2 * 86_400)
    assert client.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize("status", ["404 Not Found", "301 Moved", "503 Busy"])
def test_a_document_that_cannot_be_fetched_is_reported_on_a_page(
    world: World, person: Person, status: str
) -> None:
    client = world.client()
    path = urlsplit(client.client_id).path
    world.stranger.answers[path] = answer(b"{}", status=status, headers={"Location": "/other"})
    page = refused(person, client)
    passing = status.startswith("503")
    assert page.status_code == (503 if passing else 400)
    assert ("try again later" in page.text) == passing
    assert f"responded with status {status[:3]}" in page.text
    world.server.failures.clear()


@pytest.mark.requirement("SEC-17", "BOUND-5")
@pytest.mark.parametrize("path", ["/token", "/par", "/device_authorization"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [("503 Busy", (503, "temporarily_unavailable")), ("404 Not Found", (401, "invalid_client"))],
)
def test_a_document_that_is_temporarily_unavailable_does_not_invalidate_the_client(
    world: World, path: str, status: str, expected: tuple[int, str]
) -> None:
    client = world.client()
    world.stranger.answers[urlsplit(client.client_id).path] = answer(b"{}", status=status)
    response = world.server.post(path, client_id=client.client_id, grant_type="refresh_token", token="x")
    assert (response.status_code, response.json()["error"]) == expected
    assert ("retry-after" in response.headers) == (expected[0] == 503)
    world.server.failures.clear()


def test_a_redirect_uri_that_is_not_in_the_document_gets_a_page(shared: World, person: Person) -> None:
    client = shared.client()
    page = person.open(client.authorization_url(Pkce(), redirect_uri=f"https://{HOST}/other"))
    assert (page.status_code, "location" in page.headers) == (400, False)


def test_a_client_stays_connected_while_its_own_site_is_down(world: World, person: Person) -> None:
    client = world.client()
    tokens = client.connect(person)
    del world.stranger.answers[urlsplit(client.client_id).path]
    world.server.clock.advance(2 * 86_400)
    refreshed = client.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200
    assert refused(person, client).status_code == 400


def test_a_client_is_held_to_its_document_as_it_is_now(world: World, person: Person) -> None:
    client = world.client()
    tokens = client.connect(person)
    signer = Signer()
    path = urlsplit(client.client_id).path
    world.client(path, token_endpoint_auth_method="private_key_jwt", jwks=signer.jwks)
    world.server.clock.advance(3_600)
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"
    assertion = signer.assertion(client.client_id, world.server.issuer, now=world.server.clock())
    signed = client.refresh(
        tokens["refresh_token"], client_assertion=assertion, client_assertion_type=ASSERTION_TYPE
    )
    assert signed.status_code == 200


@pytest.mark.requirement("AS-11")
@pytest.mark.parametrize("published", ["jwks", "jwks_uri"])
def test_a_client_that_declares_to_sign_must_sign(world: World, person: Person, published: str) -> None:
    signer, pkce = Signer(), Pkce()
    world.stranger.answers["/jwks.json"] = document(signer.jwks)
    keys: dict[str, Any] = {"jwks": signer.jwks, "jwks_uri": f"https://{world.host}/jwks.json"}
    members: dict[str, Any] = {
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        published: keys[published],
    }
    client = world.client(**members)
    code = person.authorize(client.authorization_url(pkce))["code"]
    assert client.redeem(code, pkce).json()["error"] == "invalid_client"
    forged = Signer().assertion(client.client_id, world.server.issuer)
    unsigned = client.redeem(code, pkce, client_assertion=forged, client_assertion_type=ASSERTION_TYPE)
    assert unsigned.json()["error"] == "invalid_client"
    assertion = signer.assertion(client.client_id, world.server.issuer)
    signed = client.redeem(code, pkce, client_assertion=assertion, client_assertion_type=ASSERTION_TYPE)
    assert signed.status_code == 200, signed.text


def test_a_new_client_may_begin_by_pushing_its_request(shared: World, person: Person) -> None:
    client, pkce = shared.client(), Pkce()
    parameters = dict(parse_qsl(urlsplit(client.authorization_url(pkce)).query))
    pushed = shared.server.post("/par", **parameters)
    assert pushed.status_code == 201, pushed.text
    request_uri = pushed.json()["request_uri"]
    code = person.authorize(
        f"{shared.server.origin}/authorize?client_id={client.client_id}&request_uri={request_uri}"
    )
    assert client.redeem(code["code"], pkce).status_code == 200


def test_a_token_of_another_client_is_not_revoked(shared: World, person: Person) -> None:
    tokens = shared.client().connect(person)
    assert shared.client().revoke(tokens["refresh_token"]).status_code in (200, 401)
    assert shared.server.is_active(tokens["access_token"])


def test_nobody_reads_or_changes_such_a_client_as_a_registration(shared: World, person: Person) -> None:
    client = shared.client()
    client.connect(person)
    for token in ("None", "dw_cr_x"):
        response = shared.server.get(f"/register/{client.client_id}", Authorization=f"Bearer {token}")
        assert response.status_code in (401, 404)


def test_plain_http_on_this_machine_is_for_development_only(store_url: str, person: Person) -> None:
    with site() as plain:
        client_id = f"http://localhost:{plain.port}/client.json"
        plain.answers["/client.json"] = document({"client_id": client_id, "redirect_uris": [CALLBACK]})
        information = {
            "client_id": client_id,
            "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "none",
        }
        with running(store_url) as server:
            refused(person, Client(server.origin, server.http, information))
            assert plain.contacts() == []
        with running(store_url, fetch_loopback=True) as server:
            tokens = Client(server.origin, server.http, information).connect(person)
            assert server.is_active(tokens["access_token"])


def test_an_unknown_registration_is_still_told_what_to_do(shared: World, person: Person) -> None:
    page = person.open(f"{shared.server.origin}/authorize?client_id=gone&response_type=code")
    assert "not registered here" in page.text
    assert asks_for_nothing(page.text)
