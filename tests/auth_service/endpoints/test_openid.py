"""OpenID Connect Core's rules of the authorization request and of userinfo, over HTTP, on both stores."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest

from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.protocol.key_rotation import Schedule
from auth_service.settings import AuthSettings
from shared.jose import parse
from shared.storage import Store
from tests.auth_service.service import RESOURCE, RESOURCE_SECRET, USUAL, AuthorizationServer
from tests.flow import Client, Person, Pkce, forms_of

pytestmark = pytest.mark.requirement("AS-17")

WEB = "https://client.example/callback"


def claims_of(tokens: dict[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    return claims


def redirect_parameters(client: Client, person: Person, **parameters: str) -> dict[str, str]:
    """The answer that comes back without anybody being asked anything."""
    response = person.open(client.authorization_url(Pkce(), scope="openid", **parameters))
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def shows_login(client: Client, person: Person, **parameters: str) -> bool:
    page = person.open(client.authorization_url(Pkce(), scope="openid", **parameters))
    return page.status_code == 200 and "password" in forms_of(page.text)[0].fields


def signed_here(server: AuthorizationServer, client: Client, tokens: dict[str, Any]) -> list[str]:
    """JWTs by this server's keys that are not ID tokens, by their type or by their claims."""
    claims = dict(parse(tokens["id_token"]).unverified_claims)
    master_keys = AuthSettings(issuer=server.issuer, store=server.store_url, **USUAL).master_keys
    types = ("at+jwt", "logout+jwt", "secevent+jwt", "token-introspection+jwt", "oauth-authz-resp+jwt")
    bent = (
        {**claims, "events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        {"iss": server.issuer, "aud": client.client_id, "exp": claims["exp"], "code": "dw_ac_x"},
        *({name: claims[name] for name in claims if name != left_out} for left_out in ("exp", "at_hash")),
    )

    async def sign(store: Store) -> list[str]:
        keys = SigningKeys(store, KeyRing(master_keys), Schedule(86_400, 600, 86_400), server.clock)
        return [
            *[await keys.sign(claims, typ=typ) for typ in types],
            *[await keys.sign(each) for each in bent],
        ]

    return server.with_store(sign)


@pytest.fixture
def client(server: AuthorizationServer) -> Client:
    """One whose consent is remembered."""
    client = server.register(redirect_uris=[WEB])
    server.connect(client, scope="openid")
    return client


@pytest.fixture
def person(server: AuthorizationServer) -> Person:
    return server.person


def test_the_demo_user_has_a_name_to_try_the_profile_scope_with(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=[WEB])
    tokens = server.connect(client, scope="openid profile")
    userinfo = server.get("/userinfo", Authorization=f"Bearer {tokens['access_token']}").json()
    assert userinfo["name"] == "Demo User"


class TestPrompt:
    def test_none_answers_who_is_logged_in_and_has_agreed(self, client: Client, person: Person) -> None:
        assert "code" in redirect_parameters(client, person, prompt="none")

    def test_none_without_a_login_is_login_required(self, client: Client) -> None:
        stranger = Person(trust_env=False)
        answer = redirect_parameters(client, stranger, prompt="none")
        assert (answer["error"], answer["state"]) == ("login_required", "a state")
        stranger.close()

    def test_none_without_consent_is_consent_required(
        self, server: AuthorizationServer, client: Client, person: Person
    ) -> None:
        other = server.register(redirect_uris=[WEB])
        assert redirect_parameters(other, person, prompt="none")["error"] == "consent_required"

    @pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
    def test_login_and_select_account_ask_again(self, client: Client, person: Person, prompt: str) -> None:
        assert shows_login(client, person, prompt=prompt)

    def test_consent_asks_again(self, client: Client, person: Person) -> None:
        page = person.open(client.authorization_url(Pkce(), scope="openid", prompt="consent"))
        assert 'name="decision"' in page.text

    @pytest.mark.parametrize("prompt", ["none login", "none consent", "sometimes"])
    def test_a_combination_that_makes_no_sense_is_refused(
        self, client: Client, person: Person, prompt: str
    ) -> None:
        assert redirect_parameters(client, person, prompt=prompt)["error"] == "invalid_request"


class TestMaxAge:
    def test_an_old_login_is_renewed_and_the_id_token_says_when(
        self, server: AuthorizationServer, client: Client, person: Person
    ) -> None:
        first = claims_of(server.connect(client, scope="openid"))
        server.clock.advance(100)
        assert redirect_parameters(client, person, prompt="none", max_age="50")["error"] == "login_required"
        second = claims_of(server.connect(client, scope="openid", max_age="50"))
        assert second["auth_time"] >= first["auth_time"] + 100

    def test_a_recent_login_satisfies_max_age(
        self, server: AuthorizationServer, client: Client, person: Person
    ) -> None:
        assert "code" in redirect_parameters(client, person, prompt="none", max_age="1000000")

    @pytest.mark.parametrize("max_age", ["-1", "x", "1.5", "99999999999"])
    def test_it_is_a_number_of_seconds(self, client: Client, person: Person, max_age: str) -> None:
        assert redirect_parameters(client, person, max_age=max_age)["error"] == "invalid_request"


class TestHints:
    def test_the_user_of_the_hint_is_answered(
        self, server: AuthorizationServer, client: Client, person: Person
    ) -> None:
        hint = server.connect(client, scope="openid")["id_token"]
        assert "code" in redirect_parameters(client, person, prompt="none", id_token_hint=hint)

    def test_another_user_is_asked_to_log_in(
        self, server: AuthorizationServer, client: Client, person: Person
    ) -> None:
        other = server.add_user(f"other-{client.client_id[:8]}", "a long password of theirs")
        hint = client.connect(other, scope="openid")["id_token"]
        other.close()
        assert (
            redirect_parameters(client, person, prompt="none", id_token_hint=hint)["error"]
            == "login_required"
        )
        assert shows_login(client, person, id_token_hint=hint)

    @pytest.mark.parametrize("hint", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.AA"])
    def test_a_hint_that_was_not_made_here_is_refused(
        self, client: Client, person: Person, hint: str
    ) -> None:
        assert redirect_parameters(client, person, id_token_hint=hint)["error"] == "invalid_request"

    def test_no_other_token_of_this_server_is_a_hint(
        self, server: AuthorizationServer, person: Person
    ) -> None:
        client = server.register(redirect_uris=[WEB], userinfo_signed_response_alg="RS256")
        tokens = client.connect(person, scope="openid profile notes:read")
        userinfo = server.get("/userinfo", Authorization=f"Bearer {tokens['access_token']}")
        assert userinfo.headers["content-type"] == "application/jwt"
        introspection = server.http.post(
            f"{server.origin}/introspect",
            data={"token": tokens["access_token"]},
            headers={"Accept": "application/token-introspection+jwt"},
            auth=("resource", RESOURCE_SECRET),
        )
        for hint in (userinfo.text, introspection.text, *signed_here(server, client, tokens)):
            assert parse(hint).unverified_claims["iss"] == server.issuer
            assert redirect_parameters(client, person, id_token_hint=hint)["error"] == "invalid_request", hint
            logout = server.http.get(f"{server.origin}/logout", params={"id_token_hint": hint})
            assert logout.status_code == 400
        good = redirect_parameters(client, person, prompt="none", id_token_hint=tokens["id_token"])
        assert good["error"] == "consent_required"

    def test_a_login_hint_fills_in_the_name(self, client: Client) -> None:
        stranger = Person(trust_env=False)
        page = stranger.open(client.authorization_url(Pkce(), scope="openid", login_hint="wesen"))
        assert forms_of(page.text)[0].fields["username"] == "wesen"
        stranger.close()


class TestClaims:
    def ask(self, server: AuthorizationServer, client: Client, claims: object) -> dict[str, Any]:
        return server.connect(client, scope="openid", claims=json.dumps(claims))

    def test_a_claim_is_returned_where_it_was_requested(
        self, server: AuthorizationServer, client: Client
    ) -> None:
        tokens = self.ask(server, client, {"id_token": {"preferred_username": {"essential": True}}})
        assert claims_of(tokens)["preferred_username"] == "wesen"
        userinfo = server.get("/userinfo", Authorization=f"Bearer {tokens['access_token']}").json()
        assert set(userinfo) == {"sub"}
        tokens = self.ask(server, client, {"userinfo": {"preferred_username": None}})
        userinfo = server.get("/userinfo", Authorization=f"Bearer {tokens['access_token']}").json()
        assert userinfo["preferred_username"] == "wesen"
        assert "preferred_username" not in claims_of(tokens)

    def test_a_subject_that_is_somebody_else_is_login_required(self, client: Client, person: Person) -> None:
        claims = json.dumps({"id_token": {"sub": {"value": "somebody"}}})
        assert redirect_parameters(client, person, prompt="none", claims=claims)["error"] == "login_required"

    def test_an_essential_acr_that_there_is_not_is_refused(self, client: Client, person: Person) -> None:
        claims = json.dumps({"id_token": {"acr": {"essential": True, "values": ["gold"]}}})
        assert (
            redirect_parameters(client, person, claims=claims)["error"] == "unmet_authentication_requirements"
        )

    def test_a_wish_for_an_acr_is_a_wish(self, client: Client, person: Person) -> None:
        assert "code" in redirect_parameters(client, person, prompt="none", acr_values="gold silver")

    def test_what_is_not_a_claims_request_is_refused(self, client: Client, person: Person) -> None:
        assert redirect_parameters(client, person, claims="x")["error"] == "invalid_request"


class TestRequests:
    def test_parameters_that_are_not_known_are_ignored(self, client: Client, person: Person) -> None:
        extra = {"display": "popup", "ui_locales": "se", "extra": "foobar", "registration": "{}"}
        assert "code" in redirect_parameters(client, person, prompt="none", **extra)

    def test_a_request_object_that_is_not_signed_is_refused(self, client: Client, person: Person) -> None:
        page = person.open(
            client.authorization_url(Pkce(), scope="openid", request="eyJhbGciOiJub25lIn0.e30.")
        )
        assert page.status_code == 400
        assert "location" not in page.headers

    def test_a_request_somewhere_else_is_not_supported(self, client: Client, person: Person) -> None:
        answer = redirect_parameters(client, person, request_uri="https://client.example/request.jwt")
        assert answer["error"] == "request_uri_not_supported"

    def test_an_answer_can_be_posted_by_a_form(self, client: Client, person: Person) -> None:
        url = client.authorization_url(Pkce(), scope="openid", prompt="none", response_mode="form_post")
        (form,) = forms_of(person.open(url).text)
        assert form.action == WEB
        assert set(form.fields) == {"code", "state", "iss"}

    def test_an_error_can_be_posted_by_a_form(self, client: Client, person: Person) -> None:
        url = client.authorization_url(Pkce(), response_type="token", response_mode="form_post")
        (form,) = forms_of(person.open(url).text)
        assert form.fields["error"] == "unsupported_response_type"

    def test_a_code_used_twice_ends_what_it_led_to(
        self, server: AuthorizationServer, client: Client, person: Person
    ) -> None:
        pkce = Pkce()
        code = person.authorize(client.authorization_url(pkce, scope="openid"))["code"]
        token = client.redeem(code, pkce).json()["access_token"]
        # With the right verifier it is a callback that came twice, for ten seconds.
        assert client.redeem(code, Pkce()).json()["error"] == "invalid_grant"
        assert server.get("/userinfo", Authorization=f"Bearer {token}").status_code == 401


class TestUserinfo:
    def test_the_token_comes_by_header_or_by_form(self, server: AuthorizationServer, client: Client) -> None:
        tokens = server.connect(client, scope="openid profile")
        header = {"Authorization": f"Bearer {tokens['access_token']}"}
        where = f"{server.origin}/userinfo"
        answers = [
            server.http.get(where, headers=header),
            server.http.post(where, headers=header),
            server.http.post(where, data={"access_token": tokens["access_token"]}),
        ]
        assert [answer.json() for answer in answers] == [answers[0].json()] * 3
        assert answers[0].json()["sub"] == claims_of(tokens)["sub"]

    def test_both_at_once_and_the_query_are_refused(
        self, server: AuthorizationServer, client: Client
    ) -> None:
        token = server.connect(client, scope="openid")["access_token"]
        header = {"Authorization": f"Bearer {token}"}
        where = f"{server.origin}/userinfo"
        assert server.http.post(where, headers=header, data={"access_token": token}).status_code == 400
        assert server.http.get(f"{where}?access_token={token}").status_code == 401

    def test_without_openid_there_is_nothing_to_know(self, server: AuthorizationServer) -> None:
        token = server.connect(scope="notes:read")["access_token"]
        response = server.get("/userinfo", Authorization=f"Bearer {token}")
        assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")

    @pytest.mark.parametrize("token", ["x", "dw_at_x"])
    def test_what_is_not_a_token_is_challenged(self, server: AuthorizationServer, token: str) -> None:
        response = server.get("/userinfo", Authorization=f"Bearer {token}")
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.requirement("AS-14", "AS-17")
def test_an_app_that_only_signs_people_in_gets_a_token_that_no_resource_server_takes(
    server: AuthorizationServer,
) -> None:
    client = server.register()
    page = server.person.open(client.authorization_url(Pkce(), scope="openid profile"))
    assert "It gives no access to an MCP server." in page.text
    assert RESOURCE not in page.text
    tokens = client.connect(server.person, scope="openid profile")
    assert set(tokens["scope"].split()) == {"openid", "profile"}
    assert not server.is_active(tokens["access_token"])
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert server.http.get(f"{server.origin}/userinfo", headers=headers).status_code == 200
    for scope in ("openid notes:read", "offline_access", "notes:read"):
        other = client.connect(server.person, scope=scope)
        assert server.introspect(other["access_token"])["aud"] == RESOURCE, scope
