"""The second-factor policy, and what clients learn about it (RFC 9470, RFC 8176)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest
from pydantic import ValidationError

from auth_service.settings import AuthSettings
from tests.auth_service.console import AtTheConsole
from tests.auth_service.endpoints.second_factors import (
    App,
    at_another_browser,
    codes_on,
    is_logged_in,
    key_on,
    log_in,
    second_step,
    somebody,
    with_app,
)
from tests.auth_service.service import RESOURCE, USUAL, AuthorizationServer, running
from tests.flow import Client, Person, Pkce, forms_of

pytestmark = pytest.mark.requirement("ID-5")


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = somebody(server)
    yield person
    person.close()


@contextmanager
def requiring(store_url: str, **policy: Any) -> Iterator[AuthorizationServer]:
    with running(store_url, second_factor=policy) as server:
        yield server


def tokens(client: Client, person: Person, page: Any, pkce: Pkce) -> dict[str, Any]:
    """The tokens after the consent page."""
    assert page.url.path == "/consent", page.text
    form = forms_of(page.text)[0]
    answer = person.follow(
        person.browser.post(str(page.url.join(form.action)), data={**form.fields, "decision": "allow"})
    )
    code = answer.headers["location"].partition("code=")[2].partition("&")[0]
    redeemed = client.redeem(code, pkce)
    assert redeemed.status_code == 200, redeemed.text
    response: dict[str, Any] = redeemed.json()
    return response


def claims(tokens: dict[str, Any]) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    return decoded


def test_a_client_that_asks_for_a_second_factor_gets_one_and_is_told(
    server: AuthorizationServer, person: Person
) -> None:
    app, _ = with_app(server, person)
    stranger, client, pkce = at_another_browser(person.username), server.register(), Pkce()
    url = client.authorization_url(pkce, scope="openid notes:read", acr_values="mfa")
    page = second_step(stranger, stranger.log_in(stranger.open(url)), app.next_code())
    received = tokens(client, stranger, page, pkce)
    assert claims(received)["acr"] == "mfa"
    assert claims(received)["amr"] == ["pwd", "otp", "mfa"]
    answer = server.introspect(received["access_token"])
    assert (answer["acr"], answer["auth_time"]) == ("mfa", claims(received)["auth_time"])
    stranger.close()


def test_without_one_the_login_is_called_what_it_is(server: AuthorizationServer, person: Person) -> None:
    client, pkce = server.register(), Pkce()
    page = person.log_in(person.open(client.authorization_url(pkce, scope="openid")))
    received = claims(tokens(client, person, page, pkce))
    assert (received["acr"], received["amr"]) == ("password", ["pwd"])


def test_somebody_who_is_logged_in_without_one_steps_up_and_stays_who_they_are(
    server: AuthorizationServer, person: Person
) -> None:
    log_in(server, person)
    before = dict(person.browser.cookies)
    client, pkce = server.register(), Pkce()
    url = client.authorization_url(pkce, scope="openid", acr_values="mfa")
    page = person.open(url)
    assert page.url.path == "/second-factor"
    assert "Set up a second factor" in page.text
    adding = person.open(f"{server.origin}/add-authenticator?{page.url.query.decode()}")
    app = App(server, key_on(adding))
    done = person.submit(adding, {"code": app.code()})
    assert len(codes_on(done)) == 10
    assert dict(person.browser.cookies) != before  # the session has a new secret
    pending = page.url.params["pending"]
    received = claims(
        tokens(client, person, person.open(f"{server.origin}/authorize?pending={pending}"), pkce)
    )
    assert (received["acr"], received["amr"]) == ("mfa", ["pwd", "otp", "mfa"])


def test_a_client_that_would_accept_a_password_as_well_is_not_held_up(
    server: AuthorizationServer, person: Person
) -> None:
    page = person.log_in(person.open(server.register().authorization_url(Pkce(), acr_values="mfa password")))
    assert page.url.path == "/consent"


def test_an_essential_acr_is_met_and_a_stronger_login_is_called_as_asked(
    server: AuthorizationServer, person: Person
) -> None:
    with_app(server, person)
    client, pkce = server.register(), Pkce()
    essential = {"id_token": {"acr": {"essential": True, "value": "password"}}}
    page = person.open(client.authorization_url(pkce, scope="openid", claims=json.dumps(essential)))
    assert claims(tokens(client, person, page, pkce))["acr"] == "password"


def test_silently_the_client_is_told_that_a_login_is_needed(
    server: AuthorizationServer, person: Person
) -> None:
    log_in(server, person)
    client = server.register(redirect_uris=["http://127.0.0.1/cb"])
    answer = person.authorize(client.authorization_url(Pkce(), prompt="none", acr_values="mfa"))
    assert answer["error"] == "login_required"


@pytest.mark.parametrize(
    ("policy", "scope", "needed"),
    [
        ({"people": "everyone"}, "openid", True),
        ({"people": "administrators"}, "openid notes:read", False),
        ({"resources": [RESOURCE]}, "notes:read", True),
        ({"resources": [RESOURCE]}, "openid", False),
        ({"scopes": ["notes:write"]}, "notes:write", True),
        ({"scopes": ["notes:write"]}, "notes:read", False),
    ],
)
def test_the_policy_says_who_needs_one_and_for_what(
    new_store: Callable[[], str], policy: dict[str, Any], scope: str, needed: bool
) -> None:
    with requiring(new_store(), **policy) as server:
        person = somebody(server)
        page = person.log_in(person.open(server.register().authorization_url(Pkce(), scope=scope)))
        assert (page.url.path == "/second-factor") is needed
        person.close()


def test_the_console_needs_one_where_administrators_do(new_store: Callable[[], str]) -> None:
    with running(new_store(), second_factor={"people": "administrators"}, demo_user=True) as server:
        person = Person(trust_env=False)
        page = AtTheConsole(server, person).open("people")
        assert page.url.path == "/second-factor"
        adding = person.open(f"{server.origin}/add-authenticator?to=admin")
        done = person.submit(adding, {"code": App(server, key_on(adding)).code()})
        assert 'href="admin/software"' in done.text
        assert person.open(f"{server.origin}/admin/people").url.path == "/admin/people"
        # The last one stays, and another administrator sees what can be done.
        page = person.open(f"{server.origin}/login-methods")
        form = next(form for form in forms_of(page.text) if ("action", "remove-app") in form.buttons)
        response = person.browser.post(
            f"{server.origin}/login-methods", data={**form.fields, "action": "remove-app"}
        )
        assert response.status_code == 409
        assert "This is your last second factor" in response.text
        person.close()


def test_a_misspelled_policy_is_refused() -> None:
    for policy in (
        {"peple": "everyone"},
        {"scopes": ["notes:raed"]},
        {"resources": ["https://mcp.example/"]},
    ):
        settings: dict[str, Any] = {"issuer": "http://127.0.0.1:1", "store": "sqlite:///x"}
        with pytest.raises(ValidationError):
            AuthSettings(**{**USUAL, **settings, "second_factor": policy})


def test_an_old_login_or_one_without_the_factor_changes_nothing(
    server: AuthorizationServer, person: Person
) -> None:
    before = at_another_browser(person.username)
    log_in(server, before)
    app, _ = with_app(server, person)
    # A session from before the factor was added lasts, but cannot remove it.
    assert is_logged_in(server, before)
    page = before.open(f"{server.origin}/login-methods")
    form = next(form for form in forms_of(page.text) if ("action", "remove-app") in form.buttons)
    response = before.follow(
        before.browser.post(f"{server.origin}/login-methods", data={**form.fields, "action": "remove-app"})
    )
    assert response.url.path == "/second-factor"
    assert second_step(before, response, app.next_code()).url.path == "/login-methods"
    server.clock.advance(601)
    for path in ("add-authenticator", "add-passkey", "recovery-codes"):
        assert person.open(f"{server.origin}/{path}").url.path == "/login", path
    assert is_logged_in(server, person)
    before.close()


def test_an_administrator_removes_lost_factors_and_the_person_is_told(
    server: AuthorizationServer, person: Person
) -> None:
    with_app(server, person)
    admin = Person(trust_env=False)
    console = AtTheConsole(server, admin)
    page = console.open(f"person?name={person.username}")
    assert "Remove second factors (1)" in page.text
    confirm = console.open(f"person?name={person.username}&confirm=reset-factors")
    assert "Remove second factors" not in console.press(confirm, "reset-factors").text
    stranger = at_another_browser(person.username)
    answer = log_in(server, stranger)
    assert answer.url.path == "/login-methods"
    assert "Your second factors were removed by an administrator on" in answer.text
    stranger.close()
    admin.close()
