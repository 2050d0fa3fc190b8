"""The link to connect an account is for one person, and nobody else's click stores anything (GW-2)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.connected_accounts.upstream import CLIENT_ID
from tests.auth_service.service import RESOURCE, AuthorizationServer, nobodys
from tests.flow import Person, asks_for_nothing, forms_of

pytestmark = pytest.mark.requirement("GW-2")


@pytest.fixture
def other(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody else, who is logged in."""
    person = server.add_user(nobodys("bob"), "a password of bob")
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


def test_the_page_names_provider_scopes_and_the_client_that_asked(connecting: Connecting) -> None:
    page = connecting.person.open(connecting.ask()["connect_url"])
    for text in ("Connect Upstream?", "repo", "read:user", "An agent", RESOURCE):
        assert text in page.text


def test_the_way_to_the_provider_has_pkce_and_a_state(connecting: Connecting) -> None:
    query = dict(parse_qsl(urlsplit(connecting.leave()).query))
    assert query.pop("state")
    assert len(query.pop("code_challenge")) == 43
    assert query == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": f"{connecting.server.origin}/connect/callback",
        "scope": "repo read:user",
        "code_challenge_method": "S256",
    }


def test_a_link_needs_a_login_and_leads_back_to_the_page(connecting: Connecting) -> None:
    url = connecting.ask()["connect_url"]
    browser = Person(connecting.person.username, connecting.person.password, trust_env=False)
    login = browser.open(url)
    assert login.url.path == "/login"
    assert str(browser.log_in(login).url) == url
    browser.close()


def test_a_link_is_the_same_until_it_is_used(connecting: Connecting) -> None:
    first, second = connecting.ask(), connecting.ask()
    assert first["connect_url"] == second["connect_url"]
    assert first["connect_url"].endswith(f"/connect/{first['elicitation_id']}")
    assert first["provider"] == "Upstream"
    assert 590 <= first["expires_in"] <= 600


def test_another_person_gets_a_page_and_stores_nothing(connecting: Connecting, other: Person) -> None:
    url = connecting.ask()["connect_url"]
    page = other.open(url)
    assert page.status_code == 403
    assert "This link is for another person" in page.text
    assert asks_for_nothing(page.text)
    assert connecting.stored() == []
    # Not even with a form of their own, or that of the person.
    own = {"csrf": forms_of(other.open(f"{connecting.server.origin}/account").text)[0].fields["csrf"]}
    assert other.browser.post(url, data=own).status_code == 403
    assert other.submit(connecting.person.open(url), {}).status_code == 400
    assert connecting.stored() == []


def test_another_person_who_comes_back_from_the_provider_stores_nothing(
    connecting: Connecting, other: Person
) -> None:
    callback = connecting.upstream.approve(connecting.leave())
    assert other.open(callback).status_code == 400
    assert connecting.stored() == []
    # In the same browser, in which the other one has logged in meanwhile.
    connecting.person.username, connecting.person.password = other.username, other.password
    connecting.person.log_in(connecting.person.open(f"{connecting.server.origin}/login"))
    assert connecting.person.open(callback).status_code == 403
    assert [path for path, _ in connecting.upstream.requests] == []


def test_the_response_needs_the_browser_and_the_state_of_the_attempt(connecting: Connecting) -> None:
    callback = connecting.upstream.approve(connecting.leave())
    browser = Person(connecting.person.username, connecting.person.password, trust_env=False)
    browser.log_in(browser.open(f"{connecting.server.origin}/login"))
    assert browser.open(callback).status_code == 400
    browser.close()
    wrong = {**dict(parse_qsl(urlsplit(callback).query)), "state": "x" * 43}
    assert connecting.person.open(f"{callback.partition('?')[0]}?{urlencode(wrong)}").status_code == 400
    assert connecting.ask()["status"] == "not_connected"


def test_a_cancelled_attempt_leaves_the_link_usable(connecting: Connecting) -> None:
    page = connecting.person.open(connecting.upstream.deny(connecting.leave()))
    assert page.status_code == 400
    assert "Upstream was not connected" in page.text
    again = connecting.ask()
    assert f'href="{again["elicitation_id"]}"' in page.text
    assert connecting.connect().status_code == 200


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((400, {"error": "invalid_grant"}), 400),
        ((401, {"error": {"code": 401}}), 503),
        ((503, {}), 503),
        ((200, {}), 503),
    ],
)
def test_a_provider_that_gives_no_token_leaves_the_link_usable(
    connecting: Connecting, answer: tuple[int, dict[str, str]], status: int
) -> None:
    connecting.upstream.answers["/token"] = answer
    assert connecting.connect().status_code == status
    connecting.server.failures.clear()
    assert connecting.stored() == []
    del connecting.upstream.answers["/token"]
    assert connecting.connect().status_code == 200


def test_pressing_twice_and_coming_back_twice_connects_once(connecting: Connecting) -> None:
    callbacks = [connecting.upstream.approve(connecting.leave()) for _ in range(2)]
    pages = [connecting.person.open(callback) for callback in (*callbacks, *callbacks)]
    assert [page.status_code for page in pages] == [200] * 4
    assert all("You can return to your application" in page.text for page in pages)
    assert [path for path, _ in connecting.upstream.requests] == ["/token"]


def test_a_used_or_expired_link_connects_nothing(connecting: Connecting) -> None:
    url = connecting.ask()["connect_url"]
    connecting.connected()
    assert "You can return to your application" in connecting.person.open(url).text
    connecting.server.clock.advance(601)
    page = connecting.person.open(url)
    assert (page.status_code, "no longer valid" in page.text) == (400, True)
    assert connecting.person.open(f"{connecting.server.origin}/connect/{'x' * 22}").status_code == 400
