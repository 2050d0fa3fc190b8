"""Where a fresh login is demanded through a provider, its `auth_time` must prove one (ID-1, SEC-16)."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from auth_service.crypto.passwords import Passwords
from auth_service.users.repository import UserRepository
from shared.storage.interface import Store
from tests.auth_service.federation.people import logged_in_as, open_login
from tests.auth_service.federation.provider import FakeProvider, FederatedPerson
from tests.auth_service.service import AuthorizationServer
from tests.flow import Pkce

pytestmark = pytest.mark.requirement("ID-1", "ID-2", "ID-7", "SEC-16")

MISSING, OLD = None, -3_600


def login_page(server: AuthorizationServer, person: FederatedPerson, purpose: str) -> httpx2.Response:
    """The page from which somebody goes to the provider for something that needs a fresh login."""
    if purpose == "connect":
        open_login(person, server)
        return person.open(f"{server.origin}/account")
    if purpose == "delete-account":
        return person.open(f"{server.origin}/login?to=delete-account")
    parameters: dict[str, Any] = {"prompt": "login"} if purpose == "prompt" else {"max_age": "60"}
    return person.open(server.register().authorization_url(Pkce(), **parameters))


def come_back(provider: FakeProvider, person: FederatedPerson, location: str, auth_time: int | None) -> Any:
    shifted = None if auth_time is None else int(provider.clock()) + auth_time
    provider.changes = {"auth_time": shifted}
    return person.open(provider.approve(location))


@pytest.mark.parametrize("purpose", ["prompt", "max_age", "connect", "delete-account"])
@pytest.mark.parametrize("auth_time", [MISSING, OLD, 0])
def test_the_provider_must_send_a_recent_authentication_time(
    server: AuthorizationServer,
    provider: FakeProvider,
    person: FederatedPerson,
    purpose: str,
    auth_time: int | None,
) -> None:
    location = person.leave(login_page(server, person, purpose))
    query = dict(parse_qsl(urlsplit(location).query))
    assert (query["prompt"], query["max_age"]) == ("login", "0")
    page = come_back(provider, person, location, auth_time)
    refused = (page.status_code, "You must log in again" in page.text)
    assert refused == ((403, True) if auth_time != 0 else (200, False))


def test_another_login_may_be_as_old_as_the_session_there_and_says_so(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    provider.changes = {"auth_time": int(provider.clock()) + OLD}
    tokens = server.register().connect(person, scope="openid")
    claims = json.loads(base64.urlsafe_b64decode(tokens["id_token"].split(".")[1] + "=="))
    assert claims["auth_time"] == provider.changes["auth_time"]


@pytest.mark.requirement("AS-17", "AS-19")
def test_a_session_of_unknown_age_does_not_meet_a_maximum_age_and_tokens_state_no_time(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    provider.changes = {"auth_time": MISSING}
    client = server.register()
    tokens = client.connect(person, scope="notes:read openid")
    claims = json.loads(base64.urlsafe_b64decode(tokens["id_token"].split(".")[1] + "=="))
    assert "auth_time" not in claims
    assert "auth_time" not in server.introspect(tokens["access_token"])
    page = person.open(client.authorization_url(Pkce(), max_age="3600"))
    assert page.url.path == "/login"
    location = person.leave(page)
    assert dict(parse_qsl(urlsplit(location).query))["max_age"] == "0"
    assert come_back(provider, person, location, 0).url.path == "/consent"


@pytest.mark.parametrize("auth_time", [MISSING, OLD])
def test_a_login_that_is_not_known_to_be_fresh_deletes_and_connects_nothing(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson, auth_time: int | None
) -> None:
    provider.changes = {"auth_time": None if auth_time is None else int(provider.clock()) + auth_time}
    open_login(person, server)
    refused = person.submit(person.open(f"{server.origin}/delete-account"), {})
    assert (refused.status_code, "Log in again, then try again" in refused.text) == (401, True)
    assert person.leave(person.open(f"{server.origin}/account")) == "../login?to=account"
    assert logged_in_as(person, server) is not None


def set_password(server: AuthorizationServer, person: FederatedPerson) -> None:
    """Give the account of a person a password, beside the identity."""
    subject = logged_in_as(person, server)

    async def change(store: Store) -> None:
        users = UserRepository(store, Passwords(), server.clock)
        user = await users.by_subject(subject or "")
        assert user
        await users.set_password(user, "seven moss harbours")

    server.with_store(change)


@pytest.mark.requirement("ID-5")
@pytest.mark.parametrize("page", ["add-authenticator", "add-passkey"])
def test_a_login_of_unknown_age_adds_no_factor(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson, page: str
) -> None:
    provider.changes = {"auth_time": MISSING}
    open_login(person, server)
    sent_on = person.open(f"{server.origin}/{page}")
    assert sent_on.url.path == "/login"
    assert "Log in again to change your login methods" in sent_on.text
    location = person.leave(sent_on)
    query = dict(parse_qsl(urlsplit(location).query))
    assert (query["prompt"], query["max_age"]) == ("login", "0")
    assert come_back(provider, person, location, MISSING).status_code == 403
    location = person.leave(person.open(f"{server.origin}/{page}"))
    assert come_back(provider, person, location, 0).url.path == "/login-methods"
    assert person.open(f"{server.origin}/{page}").url.path == f"/{page}"


@pytest.mark.requirement("ID-5")
def test_a_fresh_login_at_the_provider_suffices_beside_a_password(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    provider.changes = {"auth_time": int(provider.clock())}
    open_login(person, server)
    set_password(server, person)
    provider.changes = {"auth_time": int(provider.clock())}
    open_login(person, server)
    assert person.open(f"{server.origin}/add-authenticator").url.path == "/add-authenticator"
