"""Logins through a provider of people who have a second factor here."""

from __future__ import annotations

import pytest

from auth_service.federation.identities import IdentityRepository
from auth_service.federation.provider_logout import ProviderSessions
from shared.storage import Store
from tests.auth_service.console import AtTheConsole
from tests.auth_service.endpoints.second_factors import App, key_on, second_step
from tests.auth_service.federation.provider import FakeProvider, FederatedPerson
from tests.auth_service.service import AuthorizationServer
from tests.cookies import cookie_name
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-5")


def with_app(server: AuthorizationServer, person: FederatedPerson) -> App:
    person.log_in(person.open(f"{server.origin}/login"))
    page = person.open(f"{server.origin}/add-authenticator")
    app = App(server, key_on(page))
    assert person.submit(page, {"code": app.code()}).status_code == 200
    return app


def test_the_login_waits_for_the_second_factor_and_comes_back_twice_to_the_same_place(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    app = with_app(server, person)
    again = FederatedPerson(provider)
    callback = provider.approve(again.leave(again.open(f"{server.origin}/login")))
    page = again.open(callback)
    assert page.url.path == "/second-factor"
    assert cookie_name(server.issuer, "session") not in again.browser.cookies
    assert again.open(callback).url == page.url
    assert second_step(again, page, app.next_code()).url.path == "/account"
    again.close()


@pytest.mark.requirement("ID-1")
def test_a_logout_at_the_provider_meanwhile_ends_the_login(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    app = with_app(server, person)
    provider.claims["sid"] = "a session there"
    again = FederatedPerson(provider)
    page = again.log_in(again.open(f"{server.origin}/login"))
    sid = provider.claims["sid"]
    server.with_store(lambda store: ProviderSessions(store, 60).end(provider.issuer, sid))
    assert second_step(again, page, app.next_code()).status_code == 400
    assert again.open(f"{server.origin}/account").url.path == "/login"
    again.close()


@pytest.mark.requirement("ID-2")
def test_an_identity_disconnected_meanwhile_ends_the_login(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    app = with_app(server, person)
    again = FederatedPerson(provider)
    page = again.log_in(again.open(f"{server.origin}/login"))

    async def disconnect(store: Store) -> None:
        identities = IdentityRepository(store, server.clock)
        identity = await identities.get(provider.issuer, provider.claims["sub"])
        assert identity
        await identities.disconnect(identity)

    server.with_store(disconnect)
    assert second_step(again, page, app.next_code()).status_code == 400
    assert again.open(f"{server.origin}/account").url.path == "/login"
    again.close()


def test_a_local_administrator_gets_in_while_the_provider_is_down(
    server: AuthorizationServer, provider: FakeProvider
) -> None:
    provider.answers = dict.fromkeys(("/.well-known/openid-configuration", "/jwks", "/token"), (503, {}))
    admin = Person(trust_env=False)
    assert AtTheConsole(server, admin).open("people").url.path == "/admin/people"
    admin.close()
