"""SEC-3 and SEC-16: attacks on a login through an identity provider."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from auth_service.fetching import Fetcher, Limits
from tests.auth_service.federation.provider import FakeProvider, FederatedPerson, fake_provider
from tests.auth_service.keypair import KeyPair
from tests.auth_service.service import AuthorizationServer, running
from tests.cookies import cookie_name
from tests.flow import Person, forms_of

pytestmark = pytest.mark.requirement("SEC-3", "SEC-16", "ID-1")


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One store: what each of them promises is shown where people log in without an attacker."""
    return f"sqlite:///{tmp_path_factory.mktemp('federated')}/d.db"


@pytest.fixture(scope="module")
def providers() -> Iterator[tuple[FakeProvider, FakeProvider]]:
    """An honest provider, and one that the operator trusts as well and that turned bad."""
    with fake_provider() as honest, fake_provider() as evil:
        yield honest, evil


@pytest.fixture(scope="module")
def shared_server(
    store_url: str, providers: tuple[FakeProvider, FakeProvider]
) -> Iterator[AuthorizationServer]:
    honest, evil = providers
    configured = [honest.configuration("honest"), evil.configuration("evil")]
    fetcher = Fetcher(loopback=True, limits=Limits(total_s=2))
    with running(store_url, identity_providers=configured, fetch_loopback=True, fetcher=fetcher) as server:
        honest.clock = evil.clock = server.clock
        yield server


@pytest.fixture
def honest(providers: tuple[FakeProvider, FakeProvider]) -> FakeProvider:
    provider, fresh = providers[0], FakeProvider()
    for name in ("claims", "changes", "tamper", "answers", "requests", "codes"):
        setattr(provider, name, getattr(fresh, name))
    provider.claims = {"sub": "victim", "preferred_username": "victim", "name": "V", "email": "v@x.example"}
    return provider


@pytest.fixture
def evil(providers: tuple[FakeProvider, FakeProvider]) -> FakeProvider:
    return providers[1]


@pytest.fixture
def victim(honest: FakeProvider) -> Iterator[FederatedPerson]:
    person = FederatedPerson(honest, "honest")
    yield person
    person.close()


@pytest.fixture
def attacker(honest: FakeProvider) -> Iterator[FederatedPerson]:
    person = FederatedPerson(honest, "honest")
    yield person
    person.close()


def is_logged_in(person: Person, server: AuthorizationServer) -> bool:
    return person.open(f"{server.origin}/account").url.path == "/account"


def test_a_state_of_another_browser_logs_nobody_in(
    server: AuthorizationServer, honest: FakeProvider, victim: FederatedPerson, attacker: FederatedPerson
) -> None:
    # Login CSRF: the victim is to open the attacker's callback, and be in the attacker's account.
    planted = honest.approve(attacker.leave(attacker.open(f"{server.origin}/login")))
    victim.open(f"{server.origin}/login")
    assert victim.open(planted).status_code == 400
    assert not is_logged_in(victim, server)
    # Theft: the attacker opens the victim's callback.
    stolen = honest.approve(victim.leave(victim.open(f"{server.origin}/login")))
    assert attacker.open(stolen).status_code == 400
    assert not is_logged_in(attacker, server)
    assert [path for path, _, _ in honest.requests if path == "/token"] == []
    # Neither has used it up: its own browser gets in.
    assert victim.open(stolen).url.path == "/account"


def test_a_state_is_used_once_and_a_replay_asks_the_provider_nothing(
    server: AuthorizationServer, honest: FakeProvider, victim: FederatedPerson
) -> None:
    callback = honest.approve(victim.leave(victim.open(f"{server.origin}/login")))
    victim.open(callback)
    request_count = len(honest.requests)
    another_code = honest.approve(f"{honest.issuer}/authorize?{urlsplit(callback).query}&redirect_uri=x")
    code = dict(parse_qsl(urlsplit(another_code).query))["code"]
    query = {**dict(parse_qsl(urlsplit(callback).query)), "code": code}
    victim.browser.get(f"{server.origin}/callback/honest?{urlencode(query)}")
    assert len(honest.requests) == request_count
    logout = victim.open(f"{server.origin}/logout")
    victim.submit(logout, {})
    victim.open(callback)
    assert not is_logged_in(victim, server)


@pytest.mark.parametrize("state", ["", "x", "A" * 43, "\u00fc"])
def test_a_state_that_nobody_was_given_is_refused(
    server: AuthorizationServer, honest: FakeProvider, victim: FederatedPerson, state: str
) -> None:
    victim.open(f"{server.origin}/login")
    query = urlencode({"code": "x", "state": state})
    assert victim.open(f"{server.origin}/callback/honest?{query}").status_code == 400


def test_a_state_is_forgotten_after_ten_minutes(server: AuthorizationServer, victim: FederatedPerson) -> None:
    from auth_service.federation.logins import LIFETIME_S

    victim.leave(victim.open(f"{server.origin}/login"))
    from tests.e2e.dump import dump

    entries = [entry for entry in dump(server.store_url) if entry.key.startswith("doorward:federated-login:")]
    assert entries
    assert all(0 < (entry.ttl_s or 0) <= LIFETIME_S for entry in entries)


def test_an_answer_of_one_provider_does_not_pass_for_anothers(
    server: AuthorizationServer, honest: FakeProvider, evil: FakeProvider, victim: FederatedPerson
) -> None:
    # RFC 9700 §4.4: a person means to log in at the bad provider, which sends them on to the honest one with
    # its state; the code of the honest one must not reach the bad one's token endpoint.
    victim.provider_id = "evil"
    state = dict(parse_qsl(urlsplit(victim.leave(victim.open(f"{server.origin}/login"))).query))["state"]
    query = urlencode({"code": "of the honest one", "state": state})
    before = len(evil.requests)
    assert victim.open(f"{server.origin}/callback/honest?{query}").status_code == 400
    assert [path for path, _, _ in evil.requests[before:] if path == "/token"] == []
    assert not is_logged_in(victim, server)
    mixed = urlencode({"code": "of the honest one", "state": state, "iss": honest.issuer})
    assert victim.open(f"{server.origin}/callback/evil?{mixed}").status_code == 400
    assert [path for path, _, _ in evil.requests[before:] if path == "/token"] == []


FORGERIES: dict[str, Callable[[FakeProvider], None]] = {
    "the nonce of another login": lambda p: p.changes.update(nonce="another"),
    "no nonce": lambda p: p.changes.update(nonce=None),
    "another audience": lambda p: p.changes.update(aud="another client"),
    "several audiences": lambda p: p.changes.update(aud=["doorward-at-the-provider", "another client"]),
    "another party": lambda p: p.changes.update(azp="another client"),
    "not the expected issuer": lambda p: p.changes.update(iss="https://accounts.google.com"),
    "expired": lambda p: p.changes.update(exp=1),
    "the hash of another access token": lambda p: p.changes.update(at_hash="x"),
    "no subject": lambda p: p.changes.update(sub=None),
    "alg none": lambda p: setattr(p, "tamper", unsigned),
    "another key": lambda p: setattr(p, "tamper", signed_by(KeyPair("RS256"))),
    "another key with the same kid": lambda p: setattr(p, "tamper", signed_by(same_kid(p.pair))),
    "changed after it was signed": lambda p: setattr(p, "tamper", promoted),
    "not a token": lambda p: setattr(p, "tamper", lambda _: "x"),
    "a code that is not good": lambda p: p.answers.update({"/token": (400, {"error": "invalid_grant"})}),
    "no ID token": lambda p: p.answers.update({"/token": (200, {"access_token": "a"})}),
    "a list": lambda p: p.answers.update({"/token": (200, [])}),
    "userinfo of another": lambda p: (
        p.changes.update(email=None),
        p.answers.update({"/userinfo": (200, {"sub": "x"})}),
    )[0],
}


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    head, body, signature = token.split(".")
    decoded = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body))
    return next(decoded), next(decoded), signature


def _encoded(members: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


def unsigned(token: str) -> str:
    head, body, signature = _parts(token)
    return f"{_encoded({**head, 'alg': 'none'})}.{_encoded(body)}.{signature}"


def promoted(token: str) -> str:
    head, body, signature = _parts(token)
    return f"{_encoded(head)}.{_encoded({**body, 'sub': 'somebody else'})}.{signature}"


def signed_by(pair: KeyPair) -> Callable[[str], str]:
    return lambda token: pair.sign(_parts(token)[1])


def same_kid(pair: KeyPair) -> KeyPair:
    other = KeyPair("RS256")
    other.kid = pair.kid
    return other


@pytest.mark.parametrize("forgery", FORGERIES)
def test_an_id_token_that_is_not_for_this_login_logs_nobody_in(
    server: AuthorizationServer, honest: FakeProvider, victim: FederatedPerson, forgery: str
) -> None:
    FORGERIES[forgery](honest)
    page = victim.log_in(victim.open(f"{server.origin}/login"))
    assert page.status_code == 400, forgery
    assert "You were not logged in." in page.text
    assert cookie_name(server.issuer, "session") not in victim.browser.cookies
    assert not is_logged_in(victim, server)


HUGE = b'{"access_token": "' + b"x" * 200_000 + b'"}'
OUTAGES: dict[str, dict[str, Any]] = {
    "the token endpoint answers hugely": {"/token": (200, HUGE)},
    "userinfo answers hugely": {"/userinfo": (200, HUGE)},
    "the token endpoint is down": {"/token": (503, {})},
    "the token endpoint talks nonsense": {"/token": (200, b"<html>")},
    "the token endpoint redirects": {"/token": (302, {})},
    "userinfo is down": {"/userinfo": (500, {})},
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_of_the_provider_is_reported_and_passwords_work(
    server: AuthorizationServer, honest: FakeProvider, victim: FederatedPerson, outage: str
) -> None:
    honest.answers = OUTAGES[outage]
    honest.changes = {"email": None}
    page = victim.log_in(victim.open(f"{server.origin}/login"))
    assert page.status_code == 503
    assert page.headers["retry-after"]
    assert "cannot be reached" in page.text
    server.failures.clear()
    assert not is_logged_in(victim, server)
    victim.username, victim.password = "wesen", "secret"
    assert Person.log_in(victim, victim.open(f"{server.origin}/login")).url.path == "/account"


def test_a_provider_that_is_down_from_the_start_is_reported_and_the_pending_request_continues(
    tmp_path: Path,
) -> None:
    from tests.flow import Pkce

    with fake_provider() as provider:
        configured = [provider.configuration()]
    store = f"sqlite:///{tmp_path}/d.db"
    with running(store, identity_providers=configured, fetch_loopback=True) as server:
        person = FederatedPerson(provider)
        page = person.open(server.register().authorization_url(Pkce()))
        form = person.button(page)
        refused = person.browser.post(f"{server.origin}/login/fake", data=form.fields)
        assert refused.status_code == 503
        assert "cannot be reached" in refused.text
        assert f"../login?pending={form.fields['pending']}" in refused.text
        back = person.open(f"{server.origin}/login?pending={form.fields['pending']}")
        assert "password" in forms_of(back.text)[0].fields
        person.username, person.password = "wesen", "secret"
        assert Person.log_in(person, back).url.path == "/consent"
        person.close()


def test_what_a_provider_writes_is_shown_as_text_and_leads_nowhere(
    server: AuthorizationServer, honest: FakeProvider, victim: FederatedPerson
) -> None:
    state = dict(parse_qsl(urlsplit(victim.leave(victim.open(f"{server.origin}/login"))).query))["state"]
    query = urlencode(
        {
            "error": "<script>x",
            "error_description": "call <b>0900</b>",
            "error_uri": "https://evil.example",
            "state": state,
        }
    )
    page = victim.open(f"{server.origin}/callback/honest?{query}")
    assert page.status_code == 400
    for text in ("script>x", "0900", "evil.example"):
        assert text not in page.text


def test_a_network_can_begin_only_so_many_logins(tmp_path: Path) -> None:
    with (
        fake_provider() as provider,
        running(
            f"sqlite:///{tmp_path}/d.db",
            identity_providers=[provider.configuration()],
            fetch_loopback=True,
            authorizations_per_minute=2,
        ) as server,
    ):
        person = FederatedPerson(provider)
        page = person.open(f"{server.origin}/login")
        person.leave(page)
        person.leave(page)
        refused = person.browser.post(f"{server.origin}/login/fake", data=person.button(page).fields)
        assert refused.status_code == 429
        person.close()
