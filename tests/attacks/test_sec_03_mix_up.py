"""SEC-3: a client of two authorization servers always knows which of them answered (RFC 9207)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.auth_service.service import AuthorizationServer, running
from tests.flow import Client, Person, Pkce, forms_of

pytestmark = pytest.mark.requirement("SEC-3", "AS-4")

CALLBACK = "https://client.example/cb"


@pytest.fixture(scope="module")
def attackers(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    """Another authorization server that the same client trusts, with the same keys even."""
    with running(new_store()) as server:
        yield server


def answers(server: AuthorizationServer) -> list[dict[str, str]]:
    """An answer of every kind: a code, a refusal by the person, errors, by query and by form."""
    client, person = server.register(redirect_uris=[CALLBACK]), Person(trust_env=False)
    person.log_in(person.open(f"{server.origin}/login"))
    deny = person.authorize(client.authorization_url(Pkce()), decision="deny")
    code = person.authorize(client.authorization_url(Pkce()))
    collected = [deny, code]
    for changes in ({"scope": '"'}, {"prompt": "none", "max_age": "0"}, {"response_type": "token"}):
        response = person.browser.get(client.authorization_url(Pkce(), **changes))
        collected.append(dict(parse_qsl(urlsplit(response.headers["location"]).query)))
        form = person.open(client.authorization_url(Pkce(), response_mode="form_post", **changes))
        collected.append(forms_of(form.text)[0].fields)
    collected.append(
        forms_of(person.open(client.authorization_url(Pkce(), response_mode="form_post")).text)[0].fields
    )
    person.close()
    return collected


def test_every_answer_names_its_issuer_the_way_the_metadata_does(
    server: AuthorizationServer, attackers: AuthorizationServer
) -> None:
    for each in (server, attackers):
        metadata = each.get("/.well-known/oauth-authorization-server").json()
        assert metadata["authorization_response_iss_parameter_supported"] is True
        assert {answer["iss"] for answer in answers(each)} == {metadata["issuer"]} == {each.issuer}
    assert server.issuer != attackers.issuer


def test_a_request_cannot_choose_who_answers_it(
    server: AuthorizationServer, attackers: AuthorizationServer
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    for name in ("iss", "issuer"):
        url = client.authorization_url(Pkce(), **{name: attackers.issuer, "prompt": "none", "max_age": "0"})
        answer = parse_qsl(urlsplit(server.http.get(url).headers["location"]).query)
        assert [value for member, value in answer if member == "iss"] == [server.issuer]


def test_what_one_server_gave_is_worth_nothing_at_another(
    server: AuthorizationServer, attackers: AuthorizationServer
) -> None:
    client, pkce = server.register(redirect_uris=[CALLBACK]), Pkce()
    code = server.person.authorize(client.authorization_url(pkce))["code"]
    tokens = server.connect(client)
    # The client took the attacker's word for who answered, and sends everything there; the attacker passes it
    # on as a client of its own.
    stranger = attackers.register(redirect_uris=[CALLBACK])
    assert stranger.redeem(code, pkce).json()["error"] == "invalid_grant"
    assert stranger.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert not attackers.is_active(tokens["access_token"])
    thief = server.register(redirect_uris=["https://evil.example/cb"])
    assert thief.redeem(code, pkce, redirect_uri=CALLBACK).json()["error"] == "invalid_grant"
    assert client.redeem(code, pkce).status_code == 200


def test_a_registration_at_one_server_is_unknown_at_another(
    server: AuthorizationServer, attackers: AuthorizationServer
) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_basic")
    elsewhere = Client(attackers.origin, attackers.http, client.information)
    assert elsewhere.token(grant_type="client_credentials").json()["error"] == "invalid_client"
    assert attackers.http.get(elsewhere.authorization_url(Pkce())).status_code == 400
