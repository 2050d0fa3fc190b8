"""Login through providers that are not made for these tests: npm's oidc-provider, and another Doorward."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from auth_service.storage import keys
from tests.auth_service.access.rules import set_rules
from tests.auth_service.service import RESOURCE, AuthorizationServer, nobodys, running
from tests.flow import Client, forms_of
from tests.interop.libraries.npm import run
from tests.interop.libraries.providers import DoorwardProvider, NpmProvider, Provider, Traveller
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("ID-1", "ID-2")

READ, WRITE = "notes:read", "notes:write"
GROUPS = {"readers": READ, "ops": WRITE}
MAX_AGE_S = 1
WITHIN_S = 1.0


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    """A Doorward that people log in at with a password."""
    with running(f"sqlite:///{tmp_path_factory.mktemp('upstream')}/d.db", fetch_loopback=True) as server:
        yield server


@pytest.fixture(scope="module")
def npm() -> NpmProvider:
    return NpmProvider(ada=["ops", "readers"])


@pytest.fixture(scope="module")
def another(upstream: AuthorizationServer) -> DoorwardProvider:
    return DoorwardProvider(upstream)


@pytest.fixture(scope="module")
def shared_server(
    another: DoorwardProvider, npm: NpmProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthorizationServer]:
    doorward = another.configuration(allow={"everyone": True}, logout=True, reads_groups=True)
    npm_configuration = npm.configuration(
        allow={"groups": ["ops"]},
        scopes=["openid", "profile", "email", "offline_access"],
        reads_groups=True,
        logout=True,
        link="verified_email",
    )
    with (
        running(
            f"sqlite:///{tmp_path_factory.mktemp('downstream')}/d.db",
            identity_providers=[npm_configuration, doorward],
            fetch_loopback=True,
            groups_max_age_s=MAX_AGE_S,
        ) as server,
        npm.running(server.issuer),
        another.running(server.issuer),
    ):
        yield server


def open_to_all(server: AuthorizationServer) -> None:
    """No access rules."""
    server.with_store(lambda store: store.delete(keys.access()))


@pytest.fixture
def ada(server: AuthorizationServer, npm: NpmProvider) -> Iterator[Traveller]:
    """Somebody at npm's provider, in two groups."""
    npm.set_people()
    open_to_all(server)
    ada = Traveller("ada", "npm", (server.issuer, npm.issuer))
    yield ada
    ada.close()


@pytest.fixture
def grace(server: AuthorizationServer, upstream: AuthorizationServer) -> Iterator[Traveller]:
    """Somebody at the other Doorward."""
    open_to_all(server)
    name = nobodys("grace")
    upstream.add_user(name, DoorwardProvider.PASSWORD, "Grace Hopper").close()
    grace = Traveller(name, "doorward", (server.issuer, upstream.issuer), DoorwardProvider.PASSWORD)
    yield grace
    grace.close()


def is_logged_in(person: Traveller, server: AuthorizationServer) -> bool:
    return person.open(f"{server.origin}/account").url.path == "/account"


def test_openid_client_connects_for_somebody_from_npms_provider(
    server: AuthorizationServer, ada: Traveller
) -> None:
    result = run("openid_client.mjs", server.issuer, RESOURCE, "public", person=ada)
    assert result["userinfo"]["preferred_username"] == "ada"
    assert result["userinfo"]["name"] == "The ada"
    assert server.is_active(result["access_token"])


def test_somebody_who_is_in_no_group_there_is_refused_here(
    server: AuthorizationServer, npm: NpmProvider
) -> None:
    eve = Traveller("eve", "npm", (server.issuer, npm.issuer))
    page = eve.log_in_through(eve.open(f"{server.origin}/login"))
    eve.close()
    assert page.status_code == 403
    assert "eve" in page.text


def test_openid_client_connects_for_somebody_from_another_doorward(
    server: AuthorizationServer, upstream: AuthorizationServer, grace: Traveller
) -> None:
    result = run("openid_client.mjs", server.issuer, RESOURCE, "public", person=grace)
    assert result["userinfo"]["preferred_username"] == grace.username
    assert not upstream.is_active(result["access_token"])


def person_and_provider(request: pytest.FixtureRequest, provider_id: str) -> tuple[Traveller, Provider]:
    """Somebody, and the provider that they log in through."""
    person, provider = {"npm": ("ada", "npm"), "doorward": ("grace", "another")}[provider_id]
    return request.getfixturevalue(person), request.getfixturevalue(provider)


class TestRenewal:
    """Both providers rotate their refresh tokens; npm's issues them for offline_access with consent only."""

    pytestmark = pytest.mark.requirement("ID-4")

    @staticmethod
    def connected(server: AuthorizationServer, person: Traveller) -> tuple[Client, dict[str, str]]:
        rules = {f"{person.provider_id}:{group}": {RESOURCE: [scope]} for group, scope in GROUPS.items()}
        set_rules(server, {"groups": rules})
        client = server.register()
        return client, client.connect(person)

    @pytest.mark.parametrize("provider_id", ["npm", "doorward"])
    def test_a_member_removed_there_loses_the_scope_here_at_the_next_refresh(
        self, server: AuthorizationServer, request: pytest.FixtureRequest, provider_id: str
    ) -> None:
        person, provider = person_and_provider(request, provider_id)
        provider.set_people(groups={person.username: ["ops", "readers"]})
        client, tokens = self.connected(server, person)
        assert tokens["scope"] == f"{READ} {WRITE}"
        for groups, scope in ((["ops", "readers"], f"{READ} {WRITE}"), (["readers"], READ)):
            provider.set_people(groups={person.username: groups})
            server.clock.advance(MAX_AGE_S)
            server.introspect(tokens["access_token"])
            tokens = client.refresh(tokens["refresh_token"]).json()
            assert tokens["scope"] == scope

    def test_somebody_who_is_deleted_there_loses_everything_here(
        self, server: AuthorizationServer, npm: NpmProvider, ada: Traveller
    ) -> None:
        client, tokens = self.connected(server, ada)
        npm.set_people(missing=("ada",))
        server.clock.advance(MAX_AGE_S)
        assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
        assert not is_logged_in(ada, server)

    def test_somebody_who_is_disabled_at_another_doorward_loses_everything_here(
        self, server: AuthorizationServer, upstream: AuthorizationServer, grace: Traveller
    ) -> None:
        client = server.register()
        tokens = client.connect(grace)
        server.clock.advance(MAX_AGE_S)
        server.introspect(tokens["access_token"])
        tokens = client.refresh(tokens["refresh_token"]).json()
        upstream.disable_user(grace.username)
        server.clock.advance(MAX_AGE_S)
        assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
        assert not is_logged_in(grace, server)


class TestLogout:
    def test_a_logout_here_is_one_at_npms_provider_too(
        self, server: AuthorizationServer, npm: NpmProvider, ada: Traveller
    ) -> None:
        ada.log_in_through(ada.open(f"{server.origin}/login"))
        page = ada.log_out()
        assert str(page.url).startswith(f"{server.issuer}/logged-out?state=")
        assert "You are logged out" in page.text
        assert asks_to_log_in(ada, server)

    def test_a_logout_here_is_one_at_another_doorward_too_without_a_question(
        self, server: AuthorizationServer, upstream: AuthorizationServer, grace: Traveller
    ) -> None:
        grace.log_in_through(grace.open(f"{server.origin}/login"))
        form_page = grace.open(f"{server.origin}/logout")
        # The ID token is the proof, so there is no page of the provider in between.
        page = grace.follow(grace.submit(form_page, {}))
        assert str(page.url).startswith(f"{server.issuer}/logged-out?state=")
        assert asks_to_log_in(grace, server)

    def test_a_client_that_began_it_gets_the_person_back_in_the_end(
        self, server: AuthorizationServer, grace: Traveller
    ) -> None:
        after = "https://client.example/after"
        client = server.register(post_logout_redirect_uris=[after])
        hint = client.connect(grace, scope="openid")["id_token"]
        url = f"{server.origin}/logout?id_token_hint={hint}&post_logout_redirect_uri={after}&state=s"
        assert grace.follow(grace.browser.get(url)).headers["location"] == f"{after}?state=s"

    @pytest.mark.parametrize("provider_id", ["npm", "doorward"])
    def test_a_logout_there_ends_the_session_and_its_grants_here_within_a_second(
        self, server: AuthorizationServer, request: pytest.FixtureRequest, provider_id: str
    ) -> None:
        person, provider = person_and_provider(request, provider_id)
        token = server.register().connect(person)["access_token"]
        assert server.is_active(token)
        person.confirm_logout(person.follow(person.browser.get(f"{provider.issuer}/{provider.logout_path}")))
        wait_until(lambda: not server.is_active(token), timeout_s=WITHIN_S)
        assert not is_logged_in(person, server)


def asks_to_log_in(person: Traveller, server: AuthorizationServer) -> bool:
    """Whether the provider asks who it is."""
    there = person.leave(person.open(f"{server.origin}/login"))
    return bool({"login", "username"} & set(forms_of(there.text)[0].fields))


class TestAttacks:
    """Attacks with the responses of a real provider."""

    pytestmark = pytest.mark.requirement("SEC-16")

    def test_a_stolen_state_logs_nobody_in(self, server: AuthorizationServer, ada: Traveller) -> None:
        callback = ada.callback()
        thief = Traveller("thief", "npm", ada.issuers)
        thief.open(f"{server.origin}/login")
        assert thief.browser.get(callback).status_code == 400
        assert not is_logged_in(thief, server)
        thief.close()
        # The thief has not used it up either.
        assert ada.follow(ada.browser.get(callback)).url.path == "/account"

    def test_the_answer_of_another_provider_is_refused(
        self, server: AuthorizationServer, ada: Traveller, grace: Traveller
    ) -> None:
        callback = ada.callback()
        mixed_up = callback.replace("/callback/npm", "/callback/doorward")
        assert mixed_up != callback
        assert ada.browser.get(mixed_up).status_code == 400
        issuer = dict(parse_qsl(urlsplit(callback).query))["iss"]
        assert issuer == ada.issuers[1]
        other = str(httpx2.URL(callback).copy_merge_params({"iss": grace.issuers[1]}))
        assert ada.browser.get(other).status_code == 400
        assert not is_logged_in(ada, server)

    @pytest.mark.parametrize("proven", [True, False])
    def test_an_account_is_taken_over_neither_by_an_unverified_address_nor_if_it_is_an_administrators(
        self, server: AuthorizationServer, npm: NpmProvider, ada: Traveller, *, proven: bool
    ) -> None:
        name = nobodys("verified" if proven else "unverified")
        npm.set_people(groups={name: ["ops"]})
        server.add_user("the-owner" if proven else "another-owner", "seven moss harbours").close()
        owner = server.with_account(
            "the-owner" if proven else "another-owner",
            lambda accounts, user: accounts.set_email(user, f"{name}@corp.example"),
        )
        if proven:
            server.with_account("the-owner", lambda accounts, user: accounts.connected.promote(user))
        attacker = Traveller(name, "npm", ada.issuers)
        page = attacker.log_in_through(attacker.open(f"{server.origin}/login"))
        if proven:
            assert page.status_code == 403
        assert owner.subject not in attacker.open(f"{server.origin}/account").text
        attacker.close()

    def test_a_verified_address_connects_to_the_account_of_somebody_who_is_not_an_administrator(
        self, server: AuthorizationServer, npm: NpmProvider, ada: Traveller
    ) -> None:
        name = nobodys("verified")
        npm.set_people(groups={name: ["ops"]})
        server.add_user("third-owner", "seven moss harbours").close()
        owner = server.with_account(
            "third-owner", lambda accounts, user: accounts.set_email(user, f"{name}@corp.example")
        )
        person = Traveller(name, "npm", ada.issuers)
        person.log_in_through(person.open(f"{server.origin}/login"))
        assert owner.subject in person.open(f"{server.origin}/account").text
        person.close()
