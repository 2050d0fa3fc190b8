"""The registration policy, on both stores (RFC 7591 §3, AS-7)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from auth_service.clients.registration_policy import InitialAccessTokenRepository
from auth_service.clients.repository import ClientRepository
from tests.auth_service.keypair import KeyPair
from tests.auth_service.service import AuthorizationServer, running
from tests.flow import Client

pytestmark = pytest.mark.requirement("AS-7")

BODY = {"redirect_uris": ["https://client.example/cb"], "client_name": "As it calls itself"}
VOUCHER = "https://vouching.example"


def register(server: AuthorizationServer, token: str | None = None, **members: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return server.http.post(f"{server.origin}/register", json={**BODY, **members}, headers=headers)


def invite(server: AuthorizationServer, uses: int = 1, ttl_s: int = 3_600) -> str:
    """Create an initial access token, as `doorward clients invite` does."""
    return server.with_store(
        lambda store: InitialAccessTokenRepository(store, server.clock).make(uses=uses, ttl_s=ttl_s)
    )


def test_closed_means_nobody(store_url: str) -> None:
    with running(store_url, registration="closed") as server:
        response = register(server)
        assert response.status_code in (400, 403)
        assert response.json()["error"] == "access_denied"
        assert register(server, invite(server)).status_code == response.status_code


def test_a_token_lets_in_as_often_as_it_says(store_url: str) -> None:
    with running(store_url, registration="token") as server:
        for token in (None, "x", "dw_ir_x"):
            response = register(server, token)
            assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
            assert response.headers["www-authenticate"].startswith("Bearer")
        token = invite(server, uses=2)
        assert [register(server, token).status_code for _ in range(3)] == [201, 201, 401]


def test_a_token_ends(store_url: str) -> None:
    with running(store_url, registration="token") as server:
        token = invite(server, ttl_s=60)
        server.clock.advance(60)
        assert register(server, token).status_code == 401


def test_a_client_with_an_initial_access_token_may_act_without_a_user(store_url: str) -> None:
    with running(store_url, open_client_credentials=False) as server:
        metadata: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": []}
        assert register(server, **metadata).json()["grant_types"] == []
        assert register(server, invite(server), **metadata).json()["grant_types"] == ["client_credentials"]


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return KeyPair()


class TestStatements:
    def settings(self, pair: KeyPair, **changes: Any) -> dict[str, Any]:
        trusted = [{"issuer": VOUCHER, "jwks": pair.jwks}]
        return {"registration": "statement", "statement_issuers": trusted, **changes}

    def statement(self, pair: KeyPair, **changes: Any) -> str:
        claims = {"iss": VOUCHER, "software_id": "s-1", "client_name": "As vouched for", **changes}
        return pair.sign(claims)

    def test_what_a_trusted_issuer_says_stands_above_what_the_client_says(
        self, store_url: str, pair: KeyPair
    ) -> None:
        with running(store_url, **self.settings(pair)) as server:
            statement = self.statement(pair)
            response = register(server, software_statement=statement)
            assert response.status_code == 201, response.text
            body = response.json()
            assert (body["client_name"], body["software_id"]) == ("As vouched for", "s-1")
            assert body["software_statement"] == statement

    def test_without_a_good_one_nobody_registers(self, store_url: str, pair: KeyPair) -> None:
        forged = KeyPair()
        forged.kid = pair.kid
        bad = {
            None: "unapproved_software_statement",
            self.statement(pair, iss="https://evil.example"): "unapproved_software_statement",
            self.statement(forged): "invalid_software_statement",
            self.statement(pair, exp=1): "invalid_software_statement",
            pair.sign({"iss": VOUCHER}, "at+jwt"): "invalid_software_statement",
            "x": "invalid_software_statement",
        }
        with running(store_url, **self.settings(pair)) as server:
            for statement, error in bad.items():
                response = register(server, software_statement=statement)
                assert (response.status_code, response.json()["error"]) == (400, error), statement
            assert register(server, invite(server)).status_code == 201, "a token will do instead"

    @pytest.mark.requirement("AS-6", "SEC-13")
    @pytest.mark.parametrize("mode", ["statement", "open"])
    def test_a_client_cannot_change_what_its_statement_says_of_it(
        self, store_url: str, pair: KeyPair, mode: str
    ) -> None:
        redirect_uris = ["https://app.example/cb"]
        with running(store_url, **self.settings(pair, registration=mode)) as server:
            statement = self.statement(pair, redirect_uris=redirect_uris)
            registration = register(server, software_statement=statement, client_uri="https://app.example/")
            for changes in (
                {"redirect_uris": ["https://evil.example/cb"]},
                {"client_name": "Another", "software_id": "s-2"},
                {"software_statement": None, "redirect_uris": ["https://evil.example/cb"]},
                {},
            ):
                body = replaced(server, registration, **changes).json()
                assert body["redirect_uris"] == redirect_uris
                assert (body["client_name"], body["software_id"]) == ("As vouched for", "s-1")
                assert body["software_statement"] == statement
            assert replaced(server, registration, client_uri="https://app.example/2").json()[
                "client_uri"
            ] == ("https://app.example/2")

    @pytest.mark.requirement("AS-6")
    def test_another_statement_takes_the_place_of_the_first(self, store_url: str, pair: KeyPair) -> None:
        with running(store_url, **self.settings(pair)) as server:
            registration = register(server, software_statement=self.statement(pair))
            newer = self.statement(pair, client_name="Renamed")
            assert replaced(server, registration, software_statement=newer).json()["client_name"] == "Renamed"
            assert replaced(server, registration).json()["client_name"] == "Renamed"
            forged = KeyPair()
            forged.kid = pair.kid
            response = replaced(server, registration, software_statement=self.statement(forged))
            assert (response.status_code, response.json()["error"]) == (400, "invalid_software_statement")

    def test_where_anyone_may_register_one_that_nobody_can_check_is_left_out(
        self, server: AuthorizationServer, pair: KeyPair
    ) -> None:
        response = register(server, software_statement=self.statement(pair))
        assert response.status_code == 201
        assert response.json()["client_name"] == BODY["client_name"]
        assert "software_statement" not in response.json()


def replaced(server: AuthorizationServer, registration: httpx2.Response, **changes: Any) -> httpx2.Response:
    """The answer to a request to replace a registration (RFC 7592 §2.2)."""
    information = registration.json()
    body = {**BODY, "client_id": information["client_id"], **changes}
    return server.http.put(
        information["registration_client_uri"],
        json={name: value for name, value in body.items() if value is not None},
        headers={"Authorization": f"Bearer {information['registration_access_token']}"},
    )


def test_redirect_hosts_are_held_to_the_lists(store_url: str) -> None:
    lists: dict[str, Any] = {"redirect_hosts_allow": ("*.example",), "redirect_hosts_deny": ("evil.example",)}
    with running(store_url, **lists) as server:
        registration = register(server)
        assert registration.status_code == 201
        for uri in ("https://evil.example/cb", "https://elsewhere.test/cb"):
            response = register(server, redirect_uris=[uri])
            assert (response.status_code, response.json()["error"]) == (400, "invalid_redirect_uri")
            changed = replaced(server, registration, redirect_uris=[uri])
            assert (changed.status_code, changed.json()["error"]) == (400, "invalid_redirect_uri")
        assert register(server, redirect_uris=["http://127.0.0.1/cb", "app.name:/cb"]).status_code == 201


def test_each_network_has_its_quota(store_url: str) -> None:
    with running(store_url, registrations_per_minute=2) as server:
        assert [register(server).status_code for _ in range(3)] == [201, 201, 429]
        assert register(server).headers["retry-after"]


def test_all_networks_together_have_one_that_spares_those_with_a_token(store_url: str) -> None:
    with running(store_url, registrations_per_hour=2) as server:
        assert [register(server).status_code for _ in range(3)] == [201, 201, 429]
        assert register(server, invite(server)).status_code == 201


def kept_s(server: AuthorizationServer, client: Client) -> float:
    """How long the store will keep a registration."""
    stored = server.with_store(lambda store: ClientRepository(store, server.clock).get(client.client_id))
    assert stored is not None
    assert stored.expires_at is not None
    return stored.expires_at - server.clock()


def test_a_registration_that_is_never_used_is_gone_after_a_day_one_with_a_grant_is_not(
    store_url: str,
) -> None:
    with running(store_url) as server:
        unused, used = server.register(), server.register()
        server.connect(used)
        assert kept_s(server, unused) <= 86_400
        assert kept_s(server, used) >= 180 * 86_400
