"""An identity provider tells of a logout: sessions and grants end here."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.auth_service.federation.provider import CLIENT_ID, FakeProvider, FederatedPerson
from tests.auth_service.keypair import KeyPair
from tests.auth_service.service import AuthorizationServer
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-1", "SEC-16")

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def other_browser(provider: FakeProvider) -> Iterator[FederatedPerson]:
    person = FederatedPerson(provider)
    yield person
    person.close()


def logout_token(
    provider: FakeProvider, *, pair: KeyPair | None = None, typ: str | None = "logout+jwt", **changes: Any
) -> str:
    now = int(provider.clock())
    claims = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_urlsafe(8),
        "events": {EVENT: {}},
        "sub": provider.claims["sub"],
        **changes,
    }
    members = {name: value for name, value in claims.items() if value is not None}
    return (pair or provider.pair).sign(members, typ)


def tell(server: AuthorizationServer, token: str) -> int:
    return server.post("/backchannel-logout/fake", logout_token=token).status_code


def is_logged_in(person: Person, server: AuthorizationServer) -> bool:
    return person.open(f"{server.origin}/account").url.path == "/account"


def connected(server: AuthorizationServer, person: FederatedPerson, sid: str | None = None) -> str:
    """An access token of a client that `person` connects in a session of that name at the provider."""
    person.provider.changes = {"sid": sid}
    token: str = server.register().connect(person)["access_token"]
    return token


def test_a_logout_of_a_person_ends_every_session_and_grant(
    server: AuthorizationServer,
    provider: FakeProvider,
    person: FederatedPerson,
    other_browser: FederatedPerson,
) -> None:
    tokens = [connected(server, person, "one"), connected(server, other_browser, "two")]
    with capture_logs() as logs:
        assert tell(server, logout_token(provider)) == 200
    assert not any(map(server.is_active, tokens))
    assert not is_logged_in(person, server)
    assert not is_logged_in(other_browser, server)
    assert [log["provider"] for log in logs if log["event"] == "logout by provider"] == ["fake"]


@pytest.mark.parametrize("names_the_person", [True, False])
def test_a_logout_ends_a_login_that_is_still_under_way(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson, *, names_the_person: bool
) -> None:
    sid = secrets.token_urlsafe(8)
    provider.changes = {"sid": sid}
    callback = provider.approve(person.leave(person.open(f"{server.origin}/login")))
    named = {} if names_the_person else {"sub": None}
    assert tell(server, logout_token(provider, sid=sid, **named)) == 200
    assert person.open(callback).status_code == 400
    assert not is_logged_in(person, server)


@pytest.mark.parametrize("names_the_person", [True, False])
def test_a_logout_of_a_session_leaves_the_others(
    server: AuthorizationServer,
    provider: FakeProvider,
    person: FederatedPerson,
    other_browser: FederatedPerson,
    names_the_person: bool,
) -> None:
    sid = secrets.token_urlsafe(8)
    ended, left = connected(server, person, sid), connected(server, other_browser, f"{sid}-other")
    sub = provider.claims["sub"] if names_the_person else None
    assert tell(server, logout_token(provider, sub=sub, sid=sid)) == 200
    assert not server.is_active(ended)
    assert server.is_active(left)
    assert not is_logged_in(person, server)
    assert is_logged_in(other_browser, server)


def test_a_logout_of_an_unknown_person_succeeds(server: AuthorizationServer, provider: FakeProvider) -> None:
    assert tell(server, logout_token(provider, sub="nobody here")) == 200
    assert tell(server, logout_token(provider, sub=None, sid="no session here")) == 200


def test_a_logout_token_that_is_sent_again_does_not_end_later_sessions(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    connected(server, person)
    token = logout_token(provider)
    assert tell(server, token) == 200
    since = connected(server, person)
    assert tell(server, token) == 200
    assert server.is_active(since)
    assert is_logged_in(person, server)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"exp": 1},
        {"iat": 1, "exp": None},
        {"iat": None},
        {"jti": None},
        {"events": None},
        {"events": {}},
        {"events": [EVENT]},
        {"events": {EVENT: True}},
        {"nonce": "n"},
        {"sub": None},
        {"sub": 1},
        pytest.param({"sub": "x" * 300}, id="a long sub"),
        pytest.param({"pair": KeyPair("RS256")}, id="another key"),
        {"typ": "at+jwt"},
    ],
    ids=str,
)
def test_any_other_token_ends_nothing(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson, changes: dict[str, Any]
) -> None:
    token = connected(server, person)
    assert tell(server, logout_token(provider, **changes)) == 400
    assert server.is_active(token)
    assert is_logged_in(person, server)


def test_an_id_token_is_not_a_logout_token(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    seen: list[str] = []
    provider.tamper = lambda token: seen.append(token) or token  # type: ignore[func-returns-value]
    token = connected(server, person)
    assert tell(server, seen[0]) == 400
    assert tell(server, "x") == 400
    assert server.post("/backchannel-logout/fake").status_code == 400
    assert server.post("/backchannel-logout/other", logout_token=seen[0]).status_code == 404
    assert server.is_active(token)


def test_a_session_that_began_with_a_password_is_not_the_providers_to_end(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    person.log_in(person.open(f"{server.origin}/login"))
    server.set_password(provider.claims["preferred_username"], "correct horse battery")
    local = Person(provider.claims["preferred_username"], "correct horse battery", trust_env=False)
    local.log_in(local.open(f"{server.origin}/login"))
    token = server.register().connect(local)["access_token"]
    assert tell(server, logout_token(provider)) == 200
    assert is_logged_in(local, server)
    assert server.is_active(token)
    local.close()


def test_a_grant_outlives_its_session_but_not_the_logout_of_the_person(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    token = connected(server, person)
    person.submit(person.open(f"{server.origin}/logout"), {})
    assert server.is_active(token)
    assert tell(server, logout_token(provider)) == 200
    assert not server.is_active(token)


@pytest.mark.parametrize("names_the_session", [True, False])
def test_what_was_connected_with_a_password_stays_when_a_login_by_the_provider_continued_the_session(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson, *, names_the_session: bool
) -> None:
    sid = secrets.token_urlsafe(8)
    person.log_in(person.open(f"{server.origin}/login"))
    server.set_password(provider.claims["preferred_username"], "correct horse battery")
    person.username, person.password = provider.claims["preferred_username"], "correct horse battery"
    Person.log_in(person, person.open(f"{server.origin}/login"))
    access_token = server.register().connect(person)["access_token"]
    provider.changes = {"sid": sid}
    person.log_in(person.open(f"{server.origin}/login"))
    ended = server.register().connect(person)["access_token"]
    assert tell(server, logout_token(provider, sid=sid if names_the_session else None)) == 200
    assert [server.is_active(token) for token in (access_token, ended)] == [True, False]


def test_a_logout_offers_the_logout_of_the_provider_the_person_came_from(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    server.clock.advance(3_601)  # the discovery document is read again
    provider.metadata = {"end_session_endpoint": f"{provider.issuer}/end"}
    person.log_in(person.open(f"{server.origin}/login"))
    done = person.submit(person.open(f"{server.origin}/logout"), {})
    assert f'href="{provider.issuer}/end?client_id={CLIENT_ID}"' in done.text
    local = Person(trust_env=False)
    local.log_in(local.open(f"{server.origin}/login"))
    done = local.submit(local.open(f"{server.origin}/logout"), {})
    assert "Logged out" in done.text
    assert provider.issuer not in done.text
    local.close()
