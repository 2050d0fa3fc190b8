"""SEC-4: nothing that anybody sends becomes script in a page that somebody else sees."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx2
import pytest

from tests.attacks.payloads import PAYLOADS, harmless
from tests.auth_service.service import AuthorizationServer, elsewhere
from tests.flow import Person, Pkce
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("SEC-4")


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody who is logged in, at a browser of their own."""
    person = Person(trust_env=False)
    if server.person.open(f"{server.origin}/account").url.path == "/login":
        server.person.log_in(server.person.open(f"{server.origin}/login"))
    person.browser.cookies.update(dict(server.person.browser.cookies))
    yield person
    person.close()


@pytest.mark.parametrize("payload", PAYLOADS)
@ON_ONE_STORE
def test_what_a_client_says_of_itself_is_text_on_every_page(
    server: AuthorizationServer, person: Person, payload: str
) -> None:
    client = server.register(
        client_name=payload, software_id=payload, contacts=[payload], **{"client_name#de": payload}
    )
    consent = person.open(client.authorization_url(Pkce()))
    assert consent.url.path == "/consent"
    assert harmless(consent)
    assert harmless(person.open(f"{server.origin}/login?pending={_pending(consent)}"))
    client.connect(person)
    assert harmless(person.open(f"{server.origin}/account"))


def _pending(page: httpx2.Response) -> str:
    return page.url.params["pending"]


@pytest.mark.parametrize("payload", PAYLOADS)
@ON_ONE_STORE
def test_what_stands_in_a_request_is_text_on_every_page(
    server: AuthorizationServer, person: Person, payload: str
) -> None:
    client = server.register(redirect_uris=["https://client.example/cb"])
    hinted = {"login_hint": payload, "state": payload, "nonce": payload, "prompt": "login"}
    assert harmless(person.open(client.authorization_url(Pkce(), **hinted)))
    form_post = {"response_mode": "form_post", "state": payload, "scope": payload}
    assert harmless(person.open(client.authorization_url(Pkce(), prompt="create", **form_post)))
    name = quote(payload)
    for query in (
        f"client_id={name}",
        f"{name}=1&{name}=2",
        f"client_id={client.client_id}&redirect_uri={name}",
        f"pending={name}",
        f"error={name}&error_description={name}",
    ):
        assert harmless(person.browser.get(f"{server.origin}/authorize?{query}"))
    for path in ("consent", "login"):
        assert harmless(person.browser.get(f"{server.origin}/{path}?pending={name}"))


@pytest.mark.parametrize("payload", PAYLOADS)
@ON_ONE_STORE
def test_what_is_posted_to_a_form_is_text_on_the_page_that_comes_back(
    server: AuthorizationServer, payload: str
) -> None:
    person = Person(trust_env=False, transport=elsewhere())
    page = person.open(f"{server.origin}/login")
    # Without a password nothing is hashed and the page still shows what was typed.
    assert harmless(person.submit(page, {"username": payload, "password": "", "pending": payload}))
    assert harmless(person.submit(page, {"csrf": payload}))
    person.close()


@pytest.mark.parametrize("payload", PAYLOADS)
@ON_ONE_STORE
def test_errors_are_json_and_never_taken_for_a_page(server: AuthorizationServer, payload: str) -> None:
    responses = [
        server.post("/token", grant_type=payload, client_id=payload),
        server.http.get(f"{server.origin}/{quote(payload)}"),
        server.http.get(f"{server.origin}/register/{quote(payload, safe='')}"),
        server.http.post(f"{server.origin}/register", json={"redirect_uris": [payload]}),
    ]
    for response in responses:
        assert response.headers["content-type"] == "application/json"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "<" not in response.json()["error_description"]


def test_a_username_is_text_wherever_it_is_shown(server: AuthorizationServer) -> None:
    person = server.add_user('"><script>alert(1)</script>', "password", "<b>Name</b>")
    page = person.log_in(person.open(server.register().authorization_url(Pkce())))
    assert page.url.path == "/consent"
    assert harmless(page)
    assert harmless(person.open(f"{server.origin}/account"))
    person.close()
