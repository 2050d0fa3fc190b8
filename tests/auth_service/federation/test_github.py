"""Login through GitHub, which is not an OpenID provider: its API identifies the person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.users.repository import User
from tests.auth_service.endpoints.second_factors import App, key_on
from tests.auth_service.federation.provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeProvider,
    FederatedPerson,
)
from tests.auth_service.service import AuthorizationServer

pytestmark = pytest.mark.requirement("ID-1", "ID-2")

API = "/api/v3"


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    return {"preset": "github", "allow": {"groups": ["acme", "other/platform"]}}


@pytest.fixture
def github(provider: FakeProvider) -> FakeProvider:
    number = int(provider.claims["sub"].partition("-")[2])
    provider.answers = {
        f"{API}/user": (200, {"id": 4_000 + number, "login": f"octo{number}", "name": "Mona"}),
        f"{API}/user/emails": (200, emails(f"octo{number}@corp.example")),
        f"{API}/user/orgs": (200, [{"login": "acme"}]),
        f"{API}/user/teams": (200, []),
    }
    return provider


def emails(primary: str, *, verified: bool = True) -> list[dict[str, Any]]:
    return [
        {"email": "other@corp.example", "primary": False, "verified": True},
        {"email": primary, "primary": True, "verified": verified},
    ]


@pytest.fixture
def member(github: FakeProvider) -> Iterator[FederatedPerson]:
    person = FederatedPerson(github)
    yield person
    person.close()


def test_a_member_of_an_organization_connects_a_client(
    server: AuthorizationServer, github: FakeProvider, member: FederatedPerson
) -> None:
    introspection = server.introspect(server.register().connect(member)["access_token"])
    assert introspection["username"] == github.answers[f"{API}/user"][1]["login"]  # type: ignore[index]
    sent = {path: (form, headers) for path, form, headers in github.requests}
    form, headers = sent["/login/oauth/access_token"]
    assert (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
    assert form["code_verifier"]
    assert headers["accept"] == "application/json"
    assert sent[f"{API}/user"][1]["authorization"].startswith("Bearer ")


def test_the_request_has_a_state_and_a_challenge_and_what_github_knows_no_more(
    server: AuthorizationServer, github: FakeProvider, member: FederatedPerson
) -> None:
    location = member.leave(member.open(f"{server.origin}/login"))
    assert location.startswith(f"{github.issuer}/login/oauth/authorize?")
    query = dict(parse_qsl(urlsplit(location).query))
    assert query.pop("state")
    assert query.pop("code_challenge")
    assert query == {
        "client_id": CLIENT_ID,
        "redirect_uri": f"{server.issuer}/callback/fake",
        "scope": "user:email read:org",
        "code_challenge_method": "S256",
    }


def test_the_number_of_an_account_counts_not_its_name_which_others_can_take(
    server: AuthorizationServer, github: FakeProvider, member: FederatedPerson
) -> None:
    first = server.introspect(server.register().connect(member)["access_token"])
    user = github.answers[f"{API}/user"][1]  # type: ignore[index]
    github.answers[f"{API}/user"] = (200, {**user, "id": user["id"] + 500_000})
    github.answers[f"{API}/user/emails"] = (200, [])
    squatter = FederatedPerson(github)
    second = server.introspect(server.register().connect(squatter)["access_token"])
    squatter.close()
    assert first["sub"] != second["sub"]
    assert second["username"] == f"{first['username']}-2"


def test_teams_are_read_page_by_page(
    server: AuthorizationServer, github: FakeProvider, member: FederatedPerson
) -> None:
    teams = [{"slug": f"team{n}", "organization": {"login": "other"}} for n in range(50)]
    pages = iter([(200, teams), (200, [{"slug": "platform", "organization": {"login": "other"}}])])
    github.answers |= {f"{API}/user/orgs": (200, []), f"{API}/user/teams": lambda: next(pages)}
    assert member.log_in(member.open(f"{server.origin}/login")).url.path == "/account"


def test_somebody_in_no_such_organization_or_team_is_refused(
    server: AuthorizationServer, github: FakeProvider, member: FederatedPerson
) -> None:
    github.answers |= {
        f"{API}/user/orgs": (200, [{"login": "other"}, {"login": "acme-fans"}]),
        f"{API}/user/teams": (200, [{"slug": "acme", "organization": {"login": "other"}}]),
    }
    assert member.log_in(member.open(f"{server.origin}/login")).status_code == 403


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({"/login/oauth/access_token": (200, {"error": "bad_verification_code"})}, 400),
        ({f"{API}/user": (200, {"login": "no number"})}, 400),
        ({f"{API}/user": (200, {"id": True})}, 400),
        ({f"{API}/user": (200, [])}, 400),
        ({f"{API}/user": (403, {})}, 503),
        ({f"{API}/user/orgs": (500, {})}, 503),
    ],
)
def test_whatever_else_github_answers_logs_nobody_in(
    server: AuthorizationServer,
    github: FakeProvider,
    member: FederatedPerson,
    answers: dict[str, Any],
    status: int,
) -> None:
    github.answers |= answers
    assert member.log_in(member.open(f"{server.origin}/login")).status_code == status
    assert member.open(f"{server.origin}/account").url.path == "/login"
    server.failures.clear()


def test_only_a_verified_primary_address_is_one(
    server: AuthorizationServer, github: FakeProvider, member: FederatedPerson
) -> None:
    from auth_service.crypto.passwords import Passwords
    from auth_service.users.repository import UserRepository

    login = github.answers[f"{API}/user"][1]["login"]  # type: ignore[index]
    github.answers[f"{API}/user/emails"] = (200, emails(f"{login}@corp.example", verified=False))
    member.log_in(member.open(f"{server.origin}/login"))
    user = server.with_store(lambda store: UserRepository(store, Passwords(), server.clock).get(login))
    assert user is not None
    assert user.email is None


@pytest.mark.requirement("SEC-16")
def test_a_fresh_login_that_github_cannot_prove_is_refused_before_anybody_is_sent_there(
    server: AuthorizationServer, member: FederatedPerson
) -> None:
    page = member.open(f"{server.origin}/login?to=delete-account")
    form = member.button(page)
    refused = member.browser.post(f"{server.origin}/login/fake", data=form.fields)
    assert (refused.status_code, "You must log in again" in refused.text) == (403, True)


@pytest.mark.requirement("ID-5", "SEC-16")
def test_a_second_factor_of_somebody_without_a_password_is_added_but_makes_the_login_no_fresh_one(
    server: AuthorizationServer, member: FederatedPerson
) -> None:
    member.log_in(member.open(f"{server.origin}/login"))
    page = member.open(f"{server.origin}/add-authenticator")
    assert member.submit(page, {"code": App(server, key_on(page)).code()}).status_code == 200
    refused = member.submit(member.open(f"{server.origin}/delete-account"), {})
    assert (refused.status_code, "Log in again, then try again" in refused.text) == (401, True)


@pytest.mark.requirement("ID-5", "SEC-16")
def test_where_there_is_a_password_a_login_that_github_cannot_prove_adds_no_factor(
    server: AuthorizationServer, github: FakeProvider, member: FederatedPerson
) -> None:
    member.log_in(member.open(f"{server.origin}/login"))
    login = github.answers[f"{API}/user"][1]["login"]  # type: ignore[index]

    async def set_password(accounts: AccountLifecycle, user: User) -> None:
        await accounts.users.set_password(user, "seven moss harbours")

    server.with_account(login, set_password)
    member.log_in(member.open(f"{server.origin}/login"))
    for page in ("add-authenticator", "add-passkey"):
        sent_on = member.open(f"{server.origin}/{page}")
        assert sent_on.url.path == "/login"
    done = member.submit(sent_on, {"username": login, "password": "seven moss harbours"})
    assert done.url.path == "/login-methods"
    assert member.open(f"{server.origin}/add-authenticator").url.path == "/add-authenticator"
