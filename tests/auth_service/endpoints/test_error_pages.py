"""Pages for what cannot be answered: whose fault it is, and the ways on from there, on both stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2
import pytest

from shared.storage import Store, StoreUnavailableError
from tests.auth_service.service import AuthorizationServer, running
from tests.flow import Client, Form, Person, Pkce, forms_of, offers_to_go_back
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("ID-10")

WEB = "https://client.example/callback"
Show = Callable[[Person, AuthorizationServer], httpx2.Response]


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = Person(trust_env=False)
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


def posted(person: Person, server: AuthorizationServer, **headers: str) -> httpx2.Response:
    form = forms_of(person.open(f"{server.origin}/logout").text)[0]
    if not headers:
        person.browser.post(f"{server.origin}/logout", data=form.fields)
        person.log_in(person.open(f"{server.origin}/login"))
    return person.browser.post(f"{server.origin}/account", data=form.fields, headers=headers)


PAGES: dict[str, Show] = {
    "This did not work": lambda person, server: person.open(
        server.register(redirect_uris=[WEB]).authorization_url(Pkce(), redirect_uri="https://evil.example/")
    ),
    "Go back to the application": lambda person, server: person.open(
        server.register(redirect_uris=[WEB]).authorization_url(Pkce(), scope='"')
    ),
    "not registered here": lambda person, server: person.open(
        f"{server.origin}/authorize?client_id=forgotten"
    ),
    "no longer valid": lambda person, server: person.open(f"{server.origin}/consent?pending=of-nobody"),
    "You were not logged out": lambda person, server: person.open(f"{server.origin}/logout?id_token_hint=no"),
    "out of date": posted,
    "Another site sent this form": lambda person, server: posted(
        person, server, Origin="https://evil.example"
    ),
}


def logout_form(page: httpx2.Response) -> Form | None:
    return next((form for form in forms_of(page.text) if form.action.endswith("logout")), None)


@pytest.mark.parametrize("words", PAGES)
def test_every_error_page_offers_to_log_out_to_somebody_logged_in(
    words: str, person: Person, server: AuthorizationServer
) -> None:
    page = PAGES[words](person, server)
    assert page.status_code in (400, 403)
    assert words in page.text
    assert "wesen" in page.text
    form = logout_form(page)
    assert form is not None
    url = urljoin(str(page.url), form.action)
    assert "Log out?" in person.browser.post(url, data={**form.fields, "csrf": "made up"}).text
    assert "Logged out" in person.browser.post(url, data=form.fields).text
    assert logout_form(PAGES["no longer valid"](person, server)) is None


def test_a_session_that_is_over_is_not_a_login(person: Person, server: AuthorizationServer) -> None:
    held = dict(person.browser.cookies)
    person.submit(person.open(f"{server.origin}/logout"), {})
    person.browser.cookies.update(held)  # the cookie alone says nothing
    assert logout_form(PAGES["This did not work"](person, server)) is None


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[tuple[AuthorizationServer, set[str]]]:
    """A server, and the operations that its store refuses."""
    down: set[str] = set()

    class Failing:
        def __init__(self, store: Store) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            if name in down:
                raise StoreUnavailableError("away")
            return getattr(self._store, name)

    with running(f"sqlite:///{tmp_path}/x.db", around=lambda store: cast("Store", Failing(store))) as server:
        yield server, down
        server.failures.clear()


def test_an_outage_of_ours_is_not_blamed_on_the_application(
    failing: tuple[AuthorizationServer, set[str]],
) -> None:
    server, down = failing
    url = server.register(redirect_uris=[WEB]).authorization_url(Pkce())
    with httpx2.Client(follow_redirects=True, trust_env=False) as browser:
        login = browser.get(url)
        form = forms_of(login.text)[0]
        down |= {"get", "create", "replace", "count"}
        opened = browser.get(url)
        sent = browser.post(urljoin(str(login.url), form.action), data={**form.fields, "username": "wesen"})
    for page in (opened, sent):
        assert page.status_code == 503
        assert int(page.headers["retry-after"]) > 0
        assert "This server has a temporary problem" in page.text
        assert "made a request" not in page.text
    assert "Nothing was changed" in opened.text
    assert "may not have been saved" in sent.text  # an answer of the store may have been lost


def test_too_many_requests_are_not_blamed_on_the_application(tmp_path: Path) -> None:
    with running(f"sqlite:///{tmp_path}/x.db", authorizations_per_minute=1) as server:
        url = server.register(redirect_uris=[WEB]).authorization_url(Pkce())
        pages = [server.http.get(url) for _ in range(3)]
    assert pages[-1].status_code == 429
    assert "retry-after" in pages[-1].headers
    assert "Try again in 1 minute." in pages[-1].text
    assert "made a request" not in pages[-1].text


def request_url(client: Client, **parameters: str) -> str:
    return f"{client.issuer}/authorize?{urlencode({'client_id': client.client_id, **parameters})}"


UNREADABLE = {
    "an unknown name": {"request_uri": "urn:ietf:params:oauth:request_uri:unknown"},
    "a request object that cannot be verified": {"request": "e30.e30.e30"},
    "both": {"request": "e30.e30.e30", "request_uri": "urn:ietf:params:oauth:request_uri:unknown"},
}


@pytest.mark.requirement("AS-18", "SEC-1")
@pytest.mark.parametrize("sent", UNREADABLE)
@pytest.mark.parametrize("redirect_uri", [WEB, "com.example.app:/callback", "http://127.0.0.1:4711/cb"])
@ON_ONE_STORE
def test_a_request_that_cannot_be_read_leads_back_to_the_only_place_it_can_be_from(
    sent: str, redirect_uri: str, person: Person, server: AuthorizationServer
) -> None:
    client = server.register(redirect_uris=[redirect_uri])
    evil = {"redirect_uri": "https://evil.example/", "state": "s"}
    page = person.open(request_url(client, **UNREADABLE[sent], **evil))
    assert offers_to_go_back(page)
    assert "evil.example" not in page.text
    back = person.submit(page, {})
    assert back.status_code == 303
    location, _, query = back.headers["location"].partition("?")
    assert location == redirect_uri
    members = dict(parse_qsl(query))
    assert members["error"].startswith("invalid_request")
    assert (members["state"], members["iss"]) == ("s", server.issuer)


@pytest.mark.requirement("AS-18")
def test_a_pushed_request_that_has_expired_leads_back_to_the_application(
    person: Person, server: AuthorizationServer
) -> None:
    client = server.register(redirect_uris=[WEB])
    pkce = Pkce()
    parameters = {"response_type": "code", "redirect_uri": WEB, "code_challenge": pkce.challenge}
    pushed = client._post("par", {**parameters, "code_challenge_method": "S256"})  # noqa: SLF001
    server.clock.advance(91)
    page = person.open(request_url(client, request_uri=pushed.json()["request_uri"]))
    assert offers_to_go_back(page)
    assert "expired" in page.text


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("redirect_uris", [[WEB, "https://client.example/other"], ["http://127.0.0.1/cb"]])
def test_where_it_came_from_is_not_guessed(
    redirect_uris: list[str], person: Person, server: AuthorizationServer
) -> None:
    client = server.register(redirect_uris=redirect_uris)
    page = person.open(request_url(client, **UNREADABLE["an unknown name"]))
    assert page.status_code == 400
    assert not offers_to_go_back(page)
    assert "Start again in the application" in page.text


@pytest.mark.requirement("AS-18")
def test_an_approved_client_is_not_redirected_to_without_the_button(
    person: Person, server: AuthorizationServer
) -> None:
    client = server.register(redirect_uris=[WEB])
    client.connect(person)
    # Its other errors are redirected; this may be a request that was answered, opened a second time.
    refused = person.open(client.authorization_url(Pkce(), scope='"'))
    assert urlsplit(refused.headers["location"]).netloc == "client.example"
    assert offers_to_go_back(person.open(request_url(client, **UNREADABLE["an unknown name"])))
