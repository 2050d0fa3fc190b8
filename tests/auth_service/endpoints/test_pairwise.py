"""Clients that know people by subjects of their sector alone (OpenID Connect Core §8), on both stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
import pytest

from auth_service.clients.sectors import MOST_READS
from auth_service.fetching import Fetcher
from tests.auth_service.service import RESOURCE, RESOURCE_SERVER, AuthorizationServer, nobodys, running
from tests.flow import Client, Person, Pkce
from tests.servers import wait_until
from tests.sites import Site, answer, document, site

pytestmark = pytest.mark.requirement("AS-17")

JWT_RESOURCE = "https://jwt.example/mcp"
ONE, OTHER = "https://one.example/callback", "https://other.example/callback"
AFTER = "https://one.example/after"


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    jwt_resource = {"resource": JWT_RESOURCE, "name": "Tokens that can be read", "access_token_format": "jwt"}
    resources = [*RESOURCE_SERVER["resources"], jwt_resource]
    with running(
        new_store(),
        fetcher=Fetcher(loopback=True),
        fetch_loopback=True,
        resource_servers=[{**RESOURCE_SERVER, "resources": resources}],
    ) as server:
        yield server


@pytest.fixture
def host() -> Iterator[Site]:
    with site() as running_site:
        yield running_site


def listed(host: Site, *uris: object, path: str = "/uris") -> str:
    """The URL of a list of redirect URIs."""
    host.answers[path] = document(list(uris))
    return f"http://127.0.0.1:{host.port}{path}"


def pairwise(server: AuthorizationServer, uri: str = ONE, **metadata: Any) -> Client:
    return server.register(**{"subject_type": "pairwise", "redirect_uris": [uri], **metadata})


def confidential(server: AuthorizationServer, **metadata: Any) -> Client:
    return pairwise(server, token_endpoint_auth_method="client_secret_basic", **metadata)


def connected(server: AuthorizationServer, client: Client, **parameters: str) -> dict[str, Any]:
    return server.connect(client, scope="openid notes:read", resource=RESOURCE, **parameters)


def claims_of(tokens: dict[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    return claims


def redirect_parameters(client: Client, person: Person, **parameters: str) -> dict[str, str]:
    """The answer that comes back without anybody being asked anything."""
    url = client.authorization_url(Pkce(), scope="openid", resource=RESOURCE, prompt="none", **parameters)
    return dict(parse_qsl(urlsplit(person.open(url).headers["location"]).query))


class TestSubjects:
    def test_a_sector_knows_a_user_by_one_subject_that_no_other_knows(
        self, server: AuthorizationServer
    ) -> None:
        public = claims_of(connected(server, server.register(redirect_uris=[ONE])))
        first = claims_of(connected(server, pairwise(server)))
        again = claims_of(connected(server, pairwise(server, "https://one.example:8443/elsewhere")))
        other = claims_of(connected(server, pairwise(server, OTHER)))
        assert first["sub"] == again["sub"]
        assert len({public["sub"], first["sub"], other["sub"]}) == 3
        # A session's id would tell as much.
        assert first["sid"] == again["sid"]
        assert len({public["sid"], first["sid"], other["sid"]}) == 3

    def test_two_users_are_two(self, server: AuthorizationServer) -> None:
        client = pairwise(server)
        somebody = server.add_user(nobodys("somebody"), "a long password of theirs")
        theirs = client.connect(somebody, scope="openid")
        somebody.close()
        assert claims_of(theirs)["sub"] != claims_of(connected(server, client))["sub"]

    def test_userinfo_says_the_same_subject_as_the_id_token(self, server: AuthorizationServer) -> None:
        for client in (pairwise(server), pairwise(server, userinfo_signed_response_alg="ES256")):
            tokens = connected(server, client)
            response = server.get("/userinfo", Authorization=f"Bearer {tokens['access_token']}")
            signed = response.headers["content-type"] == "application/jwt"
            claims = (
                jwt.decode(response.text, options={"verify_signature": False}) if signed else response.json()
            )
            assert claims["sub"] == claims_of(tokens)["sub"]

    def test_a_resource_server_knows_users_by_one_subject_whatever_the_client(
        self, server: AuthorizationServer
    ) -> None:
        public = connected(server, server.register(redirect_uris=[ONE]))
        through = connected(server, pairwise(server))
        assert server.introspect(through["access_token"])["sub"] == claims_of(public)["sub"]

    def test_a_client_that_asks_about_its_own_tokens_learns_no_other_name(
        self, server: AuthorizationServer
    ) -> None:
        client = confidential(server)
        tokens = connected(server, client)
        for token in (tokens["access_token"], tokens["refresh_token"]):
            response = client.introspect(token).json()
            assert (response["active"], response["sub"]) == (True, claims_of(tokens)["sub"])
            assert "username" not in response

    def test_its_access_tokens_cannot_be_read_even_where_others_can(
        self, server: AuthorizationServer
    ) -> None:
        readable = server.connect(server.register(), scope="openid", resource=JWT_RESOURCE)["access_token"]
        opaque = server.connect(pairwise(server), scope="openid", resource=JWT_RESOURCE)["access_token"]
        assert (readable.count("."), opaque.count(".")) == (2, 0)
        assert server.introspect(opaque)["sub"] == server.introspect(readable)["sub"]

    def test_a_refresh_changes_nothing(self, server: AuthorizationServer) -> None:
        client = confidential(server)
        tokens = connected(server, client)
        renewed = client.refresh(tokens["refresh_token"]).json()["access_token"]
        assert client.introspect(renewed).json()["sub"] == claims_of(tokens)["sub"]

    def test_they_are_the_same_after_a_restart(self, store_url: str) -> None:
        subjects = []
        for _ in range(2):
            with running(store_url, issuer="http://127.0.0.1:1") as server:
                # The issuer stays while the port does not.
                client = pairwise(server)
                subjects.append(claims_of(connected(server, client))["sub"])
        assert subjects[0] == subjects[1]

    def test_the_metadata_announces_both(self, server: AuthorizationServer) -> None:
        response = server.get("/.well-known/openid-configuration").json()
        assert response["subject_types_supported"] == ["public", "pairwise"]


class TestHints:
    def test_the_subject_that_the_client_knows_names_the_user(self, server: AuthorizationServer) -> None:
        client = pairwise(server)
        tokens = connected(server, client)
        wanted = json.dumps({"id_token": {"sub": {"value": claims_of(tokens)["sub"]}}})
        assert "code" in redirect_parameters(client, server.person, claims=wanted)
        assert "code" in redirect_parameters(client, server.person, id_token_hint=tokens["id_token"])
        assert "code" in redirect_parameters(
            client, server.person, id_token_hint=tokens["id_token"], claims=wanted
        )

    def test_another_users_asks_for_a_login(self, server: AuthorizationServer) -> None:
        client = pairwise(server)
        connected(server, client)
        somebody = server.add_user(nobodys("somebody"), "a long password of theirs")
        theirs = client.connect(somebody, scope="openid")
        somebody.close()
        wanted = json.dumps({"id_token": {"sub": {"value": claims_of(theirs)["sub"]}}})
        assert redirect_parameters(client, server.person, claims=wanted)["error"] == "login_required"
        assert (
            redirect_parameters(client, server.person, id_token_hint=theirs["id_token"])["error"]
            == "login_required"
        )

    @pytest.mark.requirement("SEC-10")
    def test_a_subject_of_another_sector_does_not_identify_the_user(
        self, server: AuthorizationServer
    ) -> None:
        client = pairwise(server)
        connected(server, client)
        for stranger in (pairwise(server, OTHER), server.register(redirect_uris=[ONE])):
            tokens = connected(server, stranger)
            wanted = json.dumps({"id_token": {"sub": {"value": claims_of(tokens)["sub"]}}})
            assert redirect_parameters(client, server.person, claims=wanted)["error"] == "invalid_request"
            assert (
                redirect_parameters(client, server.person, id_token_hint=tokens["id_token"])["error"]
                == "invalid_request"
            )


class TestLogout:
    def test_a_hint_logs_out_and_the_client_is_told_by_the_names_it_knows(
        self, server: AuthorizationServer, host: Site
    ) -> None:
        host.answers["/logout"] = answer(b"")
        client = pairwise(
            server,
            post_logout_redirect_uris=[AFTER],
            backchannel_logout_uri=f"http://127.0.0.1:{host.port}/logout",
        )
        person = Person(trust_env=False)
        id_token = client.connect(person, scope="openid")["id_token"]
        query = urlencode({"id_token_hint": id_token, "post_logout_redirect_uri": AFTER})
        assert person.open(f"{server.origin}/logout?{query}").headers["location"] == AFTER
        assert redirect_parameters(client, person)["error"] == "login_required"
        person.close()
        wait_until(lambda: any(contact.body for contact in host.contacts()))
        body = next(contact.body for contact in host.contacts() if contact.body)
        (logout_token,) = parse_qs(body.decode())["logout_token"]
        response = jwt.decode(logout_token, options={"verify_signature": False})
        claims = claims_of({"id_token": id_token})
        assert (response["sub"], response["sid"]) == (claims["sub"], claims["sid"])


class TestSectors:
    def test_one_list_makes_one_sector_of_several_hosts(
        self, server: AuthorizationServer, host: Site
    ) -> None:
        uri = listed(host, ONE, OTHER)
        first = pairwise(server, ONE, sector_identifier_uri=uri)
        second = pairwise(server, OTHER, sector_identifier_uri=uri)
        both = pairwise(server, redirect_uris=[ONE, OTHER], sector_identifier_uri=uri)
        assert first.information["sector_identifier_uri"] == uri
        subjects = {claims_of(connected(server, client))["sub"] for client in (first, second, both)}
        assert len(subjects) == 1
        assert claims_of(connected(server, pairwise(server)))["sub"] not in subjects

    def test_nobody_gets_into_a_sector_that_does_not_list_them(
        self, server: AuthorizationServer, host: Site
    ) -> None:
        for subject_type in ("pairwise", "public"):
            refusal = _registers(server, subject_type, ["https://evil.example/"], listed(host, ONE, OTHER))
            assert refusal["error"] == "invalid_client_metadata"
            assert refusal["reason_code"] == "sector_invalid"

    @pytest.mark.requirement("SEC-12")
    @pytest.mark.parametrize(
        "at", ["not found", "no list", "no JSON", "nothing listens", "an address that nobody may ask"]
    )
    def test_a_list_that_cannot_be_read_is_the_clients_problem(
        self, server: AuthorizationServer, host: Site, at: str
    ) -> None:
        host.answers["/object"], host.answers["/text"] = document({"uris": [ONE]}), answer(b"uris")
        uri = {
            "not found": f"http://127.0.0.1:{host.port}/nothing",
            "no list": f"http://127.0.0.1:{host.port}/object",
            "no JSON": f"http://127.0.0.1:{host.port}/text",
            "nothing listens": "http://127.0.0.1:1/uris",
            "an address that nobody may ask": "https://169.254.169.254/uris",
        }[at]
        assert _registers(server, "pairwise", [ONE], uri)["error"] == "invalid_client_metadata"

    @pytest.mark.requirement("AS-6")
    def test_a_change_of_the_registration_is_checked_like_one(
        self, server: AuthorizationServer, host: Site
    ) -> None:
        uri = listed(host, ONE)
        client = pairwise(server, sector_identifier_uri=uri)
        headers = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
        where = client.information["registration_client_uri"]
        change = {"client_id": client.client_id, "subject_type": "pairwise", "sector_identifier_uri": uri}
        refused = server.http.put(where, headers=headers, json={**change, "redirect_uris": [OTHER]})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
        assert server.http.get(where, headers=headers).json()["redirect_uris"] == [ONE]
        listed(host, ONE, OTHER)
        changed = server.http.put(where, headers=headers, json={**change, "redirect_uris": [OTHER]})
        assert changed.json()["redirect_uris"] == [OTHER]

    @pytest.mark.requirement("BOUND-5")
    def test_changes_over_and_over_do_not_have_the_list_read_over_and_over(
        self, server: AuthorizationServer, host: Site
    ) -> None:
        uri = listed(host, ONE)
        client = pairwise(server, sector_identifier_uri=uri)
        headers = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
        change = {"client_id": client.client_id, "subject_type": "pairwise", "sector_identifier_uri": uri}
        for uris in ([ONE], [OTHER]) * 10:
            body = {**change, "redirect_uris": uris}
            server.http.put(client.information["registration_client_uri"], headers=headers, json=body)
        assert len(host.contacts()) == MOST_READS


def _registers(
    server: AuthorizationServer, subject_type: str, redirect_uris: list[str], sector_identifier_uri: str
) -> dict[str, Any]:
    """The refusal of a registration."""
    metadata = {
        "redirect_uris": redirect_uris,
        "subject_type": subject_type,
        "sector_identifier_uri": sector_identifier_uri,
    }
    response = server.http.post(f"{server.origin}/register", json=metadata)
    assert response.status_code == 400, response.text
    refusal: dict[str, Any] = response.json()
    return refusal
