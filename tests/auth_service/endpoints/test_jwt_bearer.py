"""Assertions of trusted issuers as grants, on both stores: ID-JAG and workload identities (RFC 7523 §2.1)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.auth_service.asserting import AssertingClient
from tests.auth_service.keypair import KeyPair
from tests.auth_service.service import RESOURCE, AuthorizationServer, running
from tests.flow import Client
from tests.stores import ON_ONE_STORE

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
IDP, RUNNER = "https://idp.example", "https://ci.example"


@dataclass
class World:
    server: AuthorizationServer
    idp: KeyPair
    runner: KeyPair

    def client(self) -> AssertingClient:
        return AssertingClient.registered(self.server, grant_types=[GRANT], redirect_uris=[])

    def id_jag(self, client: Client, typ: str = "oauth-id-jag+jwt", **changes: Any) -> str:
        now = int(self.server.clock())
        claims = {
            "iss": IDP,
            "sub": "alice",
            "email": "alice@corp.example",
            "aud": self.server.issuer,
            "client_id": client.client_id,
            "resource": RESOURCE,
            "scope": "notes:read",
            "jti": secrets.token_urlsafe(8),
            "exp": now + 300,
            "iat": now,
            **changes,
        }
        return self.idp.sign({n: v for n, v in claims.items() if v is not None}, typ)

    def workload(self, typ: str | None = "JWT", **changes: Any) -> str:
        now = int(self.server.clock())
        claims = {
            "iss": RUNNER,
            "sub": "repo:acme/app",
            "aud": self.server.issuer,
            "repository": "acme/app",
            "exp": now + 300,
            **changes,
        }
        return self.runner.sign({n: v for n, v in claims.items() if v is not None}, typ)


@pytest.fixture(scope="module")
def world_of(new_store: Callable[[], str]) -> Iterator[World]:
    idp, runner = KeyPair(), KeyPair("RS256")
    trusted = [
        {"issuer": IDP, "profile": "id-jag", "jwks": idp.jwks},
        {
            "issuer": RUNNER,
            "profile": "workload",
            "jwks": runner.jwks,
            "rules": [{"claims": {"repository": "acme/*"}, "scopes": ["notes:read"]}],
        },
    ]
    with running(new_store(), trusted_issuers=trusted) as server:
        yield World(server, idp, runner)


@pytest.fixture
def world(world_of: World) -> Iterator[World]:
    yield world_of
    assert world_of.server.failures == []


def ask(client: Client, assertion: str, /, **parameters: str) -> httpx2.Response:
    return client.token(grant_type=GRANT, assertion=assertion, **parameters)


def refused(response: httpx2.Response, error: str = "invalid_grant", reason: str = "") -> None:
    assert (response.status_code, response.json()["error"]) == (400, error), response.text
    assert reason in response.json()["error_description"]


@pytest.mark.requirement("EXT-2", "AS-12")
class TestIdentityAssertions:
    def test_a_client_acts_for_a_user_of_the_company(self, world: World) -> None:
        client = world.client()
        response = ask(client, world.id_jag(client))
        tokens = response.json()
        assert response.status_code == 200, tokens
        assert (tokens["scope"], tokens["token_type"]) == ("notes:read", "Bearer")
        assert "refresh_token" not in tokens
        answer = world.server.introspect(tokens["access_token"])
        assert (answer["aud"], answer["client_id"]) == (RESOURCE, client.client_id)
        assert answer["username"] == "alice@corp.example"
        assert answer["sub"].startswith("x_")

    def test_the_same_user_is_the_same_subject(self, world: World) -> None:
        client = world.client()
        tokens = [ask(client, world.id_jag(client)).json()["access_token"] for _ in range(2)]
        assert len({world.server.introspect(token)["sub"] for token in tokens}) == 1

    def test_a_user_of_a_company_is_not_a_user_here(self, world: World) -> None:
        client = world.client()
        own = world.server.introspect(world.server.connect()["access_token"])["sub"]
        token = ask(client, world.id_jag(client, sub=own)).json()["access_token"]
        assert world.server.introspect(token)["sub"] != own

    def test_an_assertion_is_good_once(self, world: World) -> None:
        client = world.client()
        assertion = world.id_jag(client)
        assert ask(client, assertion).status_code == 200
        refused(ask(client, assertion), reason="used before")

    def test_of_many_uses_at_once_one_counts(self, world: World) -> None:
        client = world.client()
        assertion = world.id_jag(client)
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: ask(client, assertion).status_code, range(8)))
        assert sorted(answers) == [200, *[400] * 7]

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"aud": "https://other.example"}, "aud"),
            ({"aud": None}, "aud"),
            ({"iss": "https://evil.example"}, "not trusted"),
            ({"client_id": "another"}, "another client"),
            ({"client_id": None}, "client_id"),
            ({"resource": None}, "resource"),
            ({"resource": "https://elsewhere.example"}, "resource"),
            ({"jti": None}, "jti"),
            ({"sub": None}, "sub"),
            ({"exp": None}, "exp"),
            ({"exp": 1}, "expired"),
            ({"scope": 'a"'}, "scope"),
            ({"typ": "JWT"}, "typ"),
            ({"typ": "at+jwt"}, "typ"),
        ],
    )
    @ON_ONE_STORE
    def test_a_bad_assertion_is_refused(self, world: World, changes: dict[str, Any], reason: str) -> None:
        client = world.client()
        refused(ask(client, world.id_jag(client, **changes)), reason=reason)

    def test_a_forged_assertion_is_refused(self, world: World) -> None:
        client = world.client()
        forged = World(world.server, KeyPair(), world.runner)
        forged.idp.kid = world.idp.kid
        refused(ask(client, forged.id_jag(client)), reason="cannot be verified")

    @pytest.mark.parametrize("assertion", ["x", "a.b.c"])
    def test_what_is_not_a_jwt_is_refused(self, world: World, assertion: str) -> None:
        refused(ask(world.client(), assertion))

    def test_scopes_are_no_more_than_the_assertion_allows(self, world: World) -> None:
        client = world.client()
        response = ask(client, world.id_jag(client), scope="notes:read notes:write openid")
        assert response.json()["scope"] == "notes:read"

    def test_the_token_lives_no_longer_than_the_assertion(self, world: World) -> None:
        client, now = world.client(), int(world.server.clock())
        token = ask(client, world.id_jag(client, exp=now + 90)).json()["access_token"]
        assert world.server.introspect(token)["exp"] <= now + 91

    def test_a_public_client_cannot_use_one(self, world: World) -> None:
        client = world.server.register(grant_types=[GRANT], redirect_uris=[])
        refused(ask(client, world.id_jag(client)), "unauthorized_client")

    def test_nobody_can_use_one(self, world: World) -> None:
        client = world.client()
        response = world.server.post("/token", grant_type=GRANT, assertion=world.id_jag(client))
        assert response.status_code in (400, 401)

    def test_a_client_must_have_registered_the_grant(self, world: World) -> None:
        client = AssertingClient.registered(world.server)
        refused(ask(client, world.id_jag(client)), "unauthorized_client")

    def test_the_profile_is_announced(self, world: World) -> None:
        metadata = world.server.get("/.well-known/oauth-authorization-server").json()
        assert metadata["authorization_grant_profiles_supported"] == [
            "urn:ietf:params:oauth:grant-profile:id-jag"
        ]
        assert GRANT in metadata["grant_types_supported"]


@pytest.mark.requirement("EXT-4", "AS-12")
class TestWorkloads:
    def ask(self, world: World, assertion: str, /, **parameters: str) -> httpx2.Response:
        return world.server.post("/token", grant_type=GRANT, assertion=assertion, **parameters)

    @pytest.mark.parametrize("typ", ["JWT", None, "wit+jwt"])
    def test_a_job_gets_a_token_without_being_registered(self, world: World, typ: str | None) -> None:
        response = self.ask(world, world.workload(typ))
        tokens = response.json()
        assert response.status_code == 200, tokens
        assert tokens["scope"] == "notes:read"
        assert "refresh_token" not in tokens
        answer = world.server.introspect(tokens["access_token"])
        assert (answer["aud"], answer["username"]) == (RESOURCE, "repo:acme/app")
        assert answer["client_id"].startswith("workload:")

    def test_it_gets_no_more_than_its_rule_gives(self, world: World) -> None:
        response = self.ask(world, world.workload(), scope="notes:read notes:write")
        assert response.json()["scope"] == "notes:read"

    @pytest.mark.parametrize(
        "changes",
        [
            {"repository": "evil/app"},
            {"repository": None},
            {"aud": "https://other.example"},
            {"exp": 1},
            {"exp": None},
            {"sub": None},
            {"iss": "https://evil.example"},
            {"typ": "oauth-id-jag+jwt"},
            {"typ": "at+jwt"},
        ],
    )
    def test_a_job_that_no_rule_lets_in_gets_nothing(self, world: World, changes: dict[str, Any]) -> None:
        refused(self.ask(world, world.workload(**changes)))

    def test_a_resource_that_is_not_here_is_refused(self, world: World) -> None:
        response = self.ask(world, world.workload(), resource="https://elsewhere.example")
        assert response.status_code == 400

    def test_an_issuer_of_jobs_cannot_speak_for_users(self, world: World) -> None:
        client = world.client()
        now = int(world.server.clock())
        claims = {"iss": RUNNER, "sub": "alice", "aud": world.server.issuer, "client_id": client.client_id}
        claims |= {"resource": RESOURCE, "jti": "1"}
        text = world.runner.sign({**claims, "exp": now + 60}, "oauth-id-jag+jwt")
        refused(ask(client, text))


@pytest.mark.requirement("EXT-2", "EXT-4")
def test_without_trusted_issuers_the_grant_does_not_exist(server: AuthorizationServer) -> None:
    metadata = server.get("/.well-known/oauth-authorization-server").json()
    assert GRANT not in metadata["grant_types_supported"]
    assert "authorization_grant_profiles_supported" not in metadata
    refused(server.post("/token", grant_type=GRANT, assertion="x"), "unsupported_grant_type")
