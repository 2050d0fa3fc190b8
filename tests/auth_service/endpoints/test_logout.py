"""RP-initiated and back-channel logout, on both stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import jwt
import pytest

from auth_service.fetching import Fetcher
from tests.auth_service.service import AuthorizationServer, running
from tests.flow import REDIRECT_URI, Client, Person, Pkce, forms_of
from tests.servers import wait_until
from tests.sites import Site, answer, site

pytestmark = pytest.mark.requirement("AS-17")

AFTER = "https://client.example/after"


@pytest.fixture
def listener() -> Iterator[Site]:
    with site() as running_site:
        yield running_site


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store(), fetcher=Fetcher(loopback=True), fetch_loopback=True) as server:
        yield server


@pytest.fixture
def person() -> Iterator[Person]:
    person = Person(trust_env=False)
    yield person
    person.close()


def client_of(server: AuthorizationServer, listener: Site | None = None, **metadata: Any) -> Client:
    logout_tokens: dict[str, Any] = {}
    if listener:
        listener.answers["/logout"] = answer(b"", status="200 OK")
        logout_tokens = {"backchannel_logout_uri": f"http://127.0.0.1:{listener.port}/logout"}
    return server.register(post_logout_redirect_uris=[AFTER], **logout_tokens, **metadata)


def logout(person: Person, server: AuthorizationServer, **parameters: str) -> httpx2.Response:
    return person.open(f"{server.origin}/logout?{urlencode(parameters)}")


def is_logged_in(person: Person, client: Client) -> bool:
    answer_ = person.open(client.authorization_url(Pkce(), scope="openid", prompt="none"))
    return dict(parse_qsl(urlsplit(answer_.headers["location"]).query))["error"] != "login_required"


class TestByTheClient:
    def test_an_id_token_logs_its_user_out_and_sends_them_back_with_state(
        self, server: AuthorizationServer, person: Person
    ) -> None:
        client = client_of(server)
        id_token = client.connect(person, scope="openid")["id_token"]
        assert is_logged_in(person, client)
        response = logout(person, server, id_token_hint=id_token, post_logout_redirect_uri=AFTER, state="a b")
        assert (response.status_code, response.headers["location"]) == (303, f"{AFTER}?state=a+b")
        assert not is_logged_in(person, client)

    def test_an_expired_id_token_is_a_hint_still(self, server: AuthorizationServer, person: Person) -> None:
        client = client_of(server)
        id_token = client.connect(person, scope="openid")["id_token"]
        server.clock.advance(86_400)
        response = logout(person, server, id_token_hint=id_token, post_logout_redirect_uri=AFTER)
        assert response.headers["location"] == AFTER
        assert not is_logged_in(person, client)

    def test_a_form_of_the_clients_page_logs_out_too(
        self, server: AuthorizationServer, person: Person
    ) -> None:
        client = client_of(server)
        id_token = client.connect(person, scope="openid")["id_token"]
        form = {"id_token_hint": id_token, "post_logout_redirect_uri": AFTER, "state": "s"}
        # SameSite=Lax: a form that another site posts brings no cookies, the redirect after it does.
        posted = server.http.post(f"{server.origin}/logout", data=form)
        assert posted.status_code == 303
        response = person.follow(person.browser.get(f"{server.origin}/{posted.headers['location']}"))
        assert response.headers["location"] == f"{AFTER}?state=s"
        assert not is_logged_in(person, client)

    def test_without_an_id_token_the_person_is_asked(
        self, server: AuthorizationServer, person: Person
    ) -> None:
        client = client_of(server)
        client.connect(person)
        page = logout(person, server, client_id=client.client_id, post_logout_redirect_uri=AFTER, state="s")
        assert "Log out?" in page.text
        assert is_logged_in(person, client)
        done = person.submit(page, {})
        assert done.headers["location"] == f"{AFTER}?state=s"
        assert not is_logged_in(person, client)

    def test_another_users_id_token_logs_nobody_out_unasked(
        self, server: AuthorizationServer, person: Person
    ) -> None:
        client = client_of(server)
        other = server.add_user("other", "a long password of theirs")
        id_token = client.connect(other, scope="openid")["id_token"]
        other.close()
        client.connect(person)
        assert "Log out?" in logout(person, server, id_token_hint=id_token).text
        assert is_logged_in(person, client)

    @pytest.mark.parametrize(
        "parameters",
        [
            {"post_logout_redirect_uri": "https://evil.example/"},
            {"post_logout_redirect_uri": f"{AFTER}/"},
            {"client_id": "another"},
            {"id_token_hint": "x"},
            {"id_token_hint": "eyJhbGciOiJub25lIn0.e30.AA"},
        ],
    )
    def test_a_bad_request_is_a_page_and_never_a_redirect(
        self, server: AuthorizationServer, person: Person, parameters: dict[str, str]
    ) -> None:
        client = client_of(server)
        hint = {"id_token_hint": client.connect(person, scope="openid")["id_token"]}
        response = logout(person, server, **{**hint, **parameters})
        assert response.status_code == 400
        assert "location" not in response.headers
        assert "You were not logged out" in response.text
        assert "logout" in [form.action for form in forms_of(response.text)]
        assert is_logged_in(person, client)

    def test_a_place_without_its_client_is_refused(self, server: AuthorizationServer, person: Person) -> None:
        assert logout(person, server, post_logout_redirect_uri=AFTER).status_code == 400

    def test_without_a_place_the_person_is_told(self, server: AuthorizationServer, person: Person) -> None:
        id_token = client_of(server).connect(person, scope="openid")["id_token"]
        response = logout(person, server, id_token_hint=id_token)
        assert response.status_code == 200
        assert "location" not in response.headers

    def test_a_visitor_without_a_login_is_sent_where_their_id_token_says(
        self, server: AuthorizationServer, person: Person
    ) -> None:
        client = client_of(server)
        id_token = client.connect(server.person, scope="openid")["id_token"]
        response = logout(person, server, id_token_hint=id_token, post_logout_redirect_uri=AFTER)
        assert response.headers["location"] == AFTER

    @pytest.mark.requirement("SEC-1")
    def test_the_name_of_a_client_alone_redirects_nobody(
        self, server: AuthorizationServer, person: Person
    ) -> None:
        client = client_of(server)
        response = logout(person, server, client_id=client.client_id, post_logout_redirect_uri=AFTER)
        assert response.status_code == 200
        assert "location" not in response.headers

    def test_a_form_without_its_token_is_only_a_question(
        self, server: AuthorizationServer, person: Person
    ) -> None:
        client = client_of(server)
        client.connect(person)
        page = person.submit(logout(person, server), {"csrf": "x"})
        assert "Log out?" in page.text
        assert is_logged_in(person, client)

    def test_what_was_granted_for_longer_stays(self, server: AuthorizationServer, person: Person) -> None:
        stays = client_of(server)
        ends = client_of(server, grant_types=["authorization_code"])
        tokens = stays.connect(person, scope="openid notes:read")
        ended = ends.connect(person, scope="notes:read")
        logout(person, server, id_token_hint=tokens["id_token"])
        assert server.is_active(tokens["access_token"])
        assert not server.is_active(ended["access_token"])


class TestBackChannel:
    def test_every_client_of_the_session_is_told(
        self, server: AuthorizationServer, person: Person, listener: Site
    ) -> None:
        client = client_of(server, listener)
        other = client_of(server)
        id_token = client.connect(person, scope="openid")["id_token"]
        hint = other.connect(person, scope="openid")["id_token"]
        logout(person, server, id_token_hint=hint)
        wait_until(lambda: any(contact.body for contact in listener.contacts()))
        (contact,) = listener.contacts()
        assert contact.request == "POST /logout HTTP/1.1"
        assert contact.headers["content-type"] == "application/x-www-form-urlencoded"
        token = dict(parse_qsl(contact.body.decode()))["logout_token"]
        key = jwt.PyJWKSet.from_dict(server.get("/jwks").json())[jwt.get_unverified_header(token)["kid"]]
        times: Any = {"verify_iat": False, "verify_exp": False}  # the server's clock was moved
        claims = jwt.decode(
            token, key, ["RS256"], audience=client.client_id, issuer=server.issuer, options=times
        )
        assert claims["exp"] - claims["iat"] == 120
        logged_in = jwt.decode(id_token, options={"verify_signature": False})
        assert (claims["sub"], claims["sid"]) == (logged_in["sub"], logged_in["sid"])
        assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
        assert "nonce" not in claims
        assert jwt.get_unverified_header(token)["typ"] == "logout+jwt"

    def test_a_client_that_does_not_listen_holds_up_nobody(
        self, server: AuthorizationServer, person: Person, listener: Site
    ) -> None:
        client = client_of(server, listener)
        listener.answers["/logout"] = answer(b"", status="500 No")
        hint = client.connect(person, scope="openid")["id_token"]
        response = logout(person, server, id_token_hint=hint, post_logout_redirect_uri=AFTER)
        assert response.headers["location"] == AFTER
        wait_until(lambda: any(contact.body for contact in listener.contacts()))

    def test_a_client_of_another_session_is_not_told(
        self, server: AuthorizationServer, person: Person, listener: Site
    ) -> None:
        logout_tokens = client_of(server, listener)
        elsewhere = Person(trust_env=False)
        logout_tokens.connect(elsewhere, scope="openid")
        hint = client_of(server).connect(person, scope="openid")["id_token"]
        logout(person, server, id_token_hint=hint)
        told_of_own = logout_tokens.connect(elsewhere, scope="openid")["id_token"]
        assert listener.contacts() == []
        logout(elsewhere, server, id_token_hint=told_of_own)
        wait_until(lambda: len(listener.contacts()) == 1)
        elsewhere.close()


def test_it_is_announced(server: AuthorizationServer) -> None:
    metadata = server.get("/.well-known/openid-configuration").json()
    assert metadata["end_session_endpoint"] == f"{server.issuer}/logout"
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True


@pytest.mark.parametrize("member", ["post_logout_redirect_uris", "backchannel_logout_uri"])
@pytest.mark.parametrize("uri", ["javascript:alert(1)", "data:text/html,x", "not a url"])
def test_an_invalid_logout_redirect_cannot_be_registered(
    server: AuthorizationServer, member: str, uri: str
) -> None:
    value: object = [uri] if member.endswith("s") else uri
    body = {"redirect_uris": [REDIRECT_URI], member: value}
    assert server.http.post(f"{server.origin}/register", json=body).status_code == 400
