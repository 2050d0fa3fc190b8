"""POST /revocations: resource servers hear of every grant that ends, on both stores (RFC 8936)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httpx2
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from starlette.requests import Request

from auth_service.endpoints import revocations
from auth_service.events.event_buffer import Batch
from shared.security_events import SESSION_REVOKED, VERIFICATION
from tests.auth_service.receiver import Receiver
from tests.auth_service.service import (
    OTHER_RESOURCE_SECRET,
    OTHER_RESOURCE_SERVER,
    RESOURCE,
    RESOURCE_SERVER,
    AuthorizationServer,
    running,
)
from tests.flow import Client, Person, Pkce, forms_of
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("AS-16", "RS-7", "SEC-9")

NOTHING_STOPPED: dict[str, object] = {
    "doorward_stops": [],
    "doorward_disconnected": [],
    "doorward_definitions": "",
}
"""The members of each response beside those of RFC 8936, if nothing is stopped and no account has ended."""


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store(), resource_servers=[RESOURCE_SERVER, OTHER_RESOURCE_SERVER]) as server:
        yield server


@pytest.fixture
def receiver(server: AuthorizationServer) -> Iterator[Receiver]:
    """One that has begun."""
    receiver = Receiver(server.origin, server.issuer)
    receiver.begin()
    yield receiver
    receiver.close()


@pytest.fixture
def person(server: AuthorizationServer, request: pytest.FixtureRequest) -> Iterator[Person]:
    person = server.add_user(f"user-{abs(hash(request.node.name))}-{time.time_ns()}", "password")
    yield person
    person.close()


def grant_of(server: AuthorizationServer, tokens: dict[str, Any]) -> str:
    return str(server.introspect(tokens["access_token"])["grant_id"])


Cause = Callable[[AuthorizationServer, Client, Person], str]


def by_revocation(server: AuthorizationServer, client: Client, person: Person) -> str:
    tokens = client.connect(person, resource=RESOURCE)
    grant_id = grant_of(server, tokens)
    assert client.revoke(tokens["refresh_token"]).status_code == 200
    return grant_id


def by_reuse_of_a_refresh_token(server: AuthorizationServer, client: Client, person: Person) -> str:
    first = client.connect(person, resource=RESOURCE)
    grant_id = grant_of(server, first)
    second = client.refresh(first["refresh_token"]).json()
    client.refresh(second["refresh_token"])
    assert client.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    return grant_id


def by_reuse_of_a_code(server: AuthorizationServer, client: Client, person: Person) -> str:
    pkce = Pkce()
    code = person.authorize(client.authorization_url(pkce, resource=RESOURCE))["code"]
    grant_id = grant_of(server, client.redeem(code, pkce).json())
    # With the right verifier it is a callback that came twice, for ten seconds.
    assert client.redeem(code, Pkce()).json()["error"] == "invalid_grant"
    return grant_id


def by_logout(server: AuthorizationServer, client: Client, person: Person) -> str:
    short = server.register(grant_types=["authorization_code"])
    grant_id = grant_of(server, short.connect(person, resource=RESOURCE))
    page = person.open(f"{server.origin}/account")
    (form,) = (form for form in forms_of(page.text) if form.action == "logout")
    person.follow(person.browser.post(f"{server.origin}/logout", data=form.fields))
    return grant_id


def by_disabling_the_user(server: AuthorizationServer, client: Client, person: Person) -> str:
    grant_id = grant_of(server, client.connect(person, resource=RESOURCE))
    server.disable_user(person.username)
    return grant_id


def by_deletion_of_the_client(server: AuthorizationServer, client: Client, person: Person) -> str:
    grant_id = grant_of(server, client.connect(person, resource=RESOURCE))
    headers = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
    response = server.http.delete(client.information["registration_client_uri"], headers=headers)
    assert response.status_code == 204
    return grant_id


def by_removal_of_consent(server: AuthorizationServer, client: Client, person: Person) -> str:
    grant_id = grant_of(server, client.connect(person, resource=RESOURCE))
    page = person.open_disconnect(server.origin, grant_id)
    person.submit(page, {"grant_id": grant_id, "action": "disconnect"})
    return grant_id


CAUSES: dict[Cause, str] = {
    by_revocation: "the client revoked it",
    by_reuse_of_a_refresh_token: "one of its refresh tokens was used twice",
    by_reuse_of_a_code: "its code was used twice",
    by_logout: "the user logged out",
    by_disabling_the_user: "the user was disabled",
    by_deletion_of_the_client: "the client was deleted",
    by_removal_of_consent: "the user disconnected the client",
}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__)
def test_every_way_to_end_a_grant_is_announced(
    server: AuthorizationServer, receiver: Receiver, person: Person, cause: Cause
) -> None:
    grant_id = cause(server, server.register(), person)
    assert receiver.reason_for(grant_id) == CAUSES[cause]


def test_events_come_in_order_and_again_until_they_are_acknowledged(
    server: AuthorizationServer, receiver: Receiver, person: Person
) -> None:
    begin = receiver.ack
    grant_ids = [by_revocation(server, server.register(), person) for _ in range(3)]
    events = receiver.poll()
    while grant_ids[-1] not in [event.grant_id for event in events]:
        receiver.ack = begin
        events = receiver.poll()
    event_grants = list(dict.fromkeys(event.grant_id for event in events if event.grant_id))
    assert event_grants == grant_ids
    some = len(events) - 1
    receiver.ack = [event.jti for event in events[:some]]
    assert receiver.poll()[0] == events[some]


def test_no_more_events_come_than_are_requested(
    server: AuthorizationServer, receiver: Receiver, person: Person
) -> None:
    begin = receiver.ack
    grant_id = by_revocation(server, server.register(), person)
    receiver.reason_for(grant_id)
    first = receiver.post({"ack": begin, "maxEvents": 1}).json()
    assert (len(first["sets"]), first["moreAvailable"]) == (1, True)
    everything = receiver.post({"ack": begin}).json()
    assert next(iter(everything["sets"].items())) == next(iter(first["sets"].items()))
    assert everything["moreAvailable"] is False
    nothing = receiver.post({"ack": begin, "maxEvents": 0}).json()
    assert nothing == {"sets": {}, "moreAvailable": True, **NOTHING_STOPPED}


def test_an_event_that_could_not_be_taken_does_not_come_again(
    server: AuthorizationServer, receiver: Receiver, person: Person
) -> None:
    grant_id = by_revocation(server, server.register(), person)
    receiver.reason_for(grant_id)
    refused = {receiver.ack[-1]: {"err": "invalid_key", "description": "cannot verify"}}
    answer = receiver.post({"setErrs": refused}).json()
    assert answer["sets"].keys().isdisjoint(refused)


def test_a_stream_begins_with_a_sign_that_all_is_well_and_nothing_that_was_before(
    server: AuthorizationServer, person: Person
) -> None:
    by_revocation(server, server.register(), person)
    receiver = Receiver(server.origin, server.issuer)
    begin = time.monotonic()
    assert [event.grant_id for event in receiver.poll()] == [None]
    assert time.monotonic() - begin < 10
    receiver.close()


def test_while_nothing_happens_there_is_a_sign_of_life_each_second_or_so(receiver: Receiver) -> None:
    begin = time.monotonic()
    events = [event for _ in range(2) for event in receiver.poll()]
    assert {event.grant_id for event in events} == {None}
    assert time.monotonic() - begin < 10


def test_a_poll_with_return_immediately_is_answered_at_once(receiver: Receiver) -> None:
    answers = [receiver.post({"returnImmediately": True}).json() for _ in range(20)]
    assert answers == [{"sets": {}, "moreAvailable": False, **NOTHING_STOPPED}] * 20


def test_every_resource_server_hears_of_the_same_events_in_tokens_of_its_own(
    server: AuthorizationServer, receiver: Receiver, person: Person
) -> None:
    other = Receiver(server.origin, server.issuer, "other", OTHER_RESOURCE_SECRET)
    other.begin()
    receiver.begin()
    grant_id = by_revocation(server, server.register(), person)
    assert receiver.reason_for(grant_id) == other.reason_for(grant_id)
    common = {"ack": receiver.ack}
    mine, theirs = receiver.post(common).json()["sets"], other.post(common).json()["sets"]
    jti = next(jti for jti in mine if jti in theirs)
    assert (receiver.verified(mine[jti])["aud"], other.verified(theirs[jti])["aud"]) == ("resource", "other")
    other.close()


def test_several_that_poll_as_one_resource_server_get_the_very_same_tokens(receiver: Receiver) -> None:
    body = {"ack": receiver.ack}
    receiver.poll()
    before, after = (receiver.post(body).json()["sets"] for _ in range(2))
    assert before.items() <= after.items()


def test_the_tokens_are_as_specified_and_verify_with_the_published_keys(
    server: AuthorizationServer, receiver: Receiver, person: Person
) -> None:
    begin = receiver.ack
    grant_id = by_revocation(server, server.register(), person)
    receiver.reason_for(grant_id)
    response = receiver.post({"ack": begin})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    keys = KeySet.import_key_set(server.get("/jwks").json())
    grant_ids = [joserfc_jwt.decode(token, keys, ["ES256"]) for token in response.json()["sets"].values()]
    assert {token.header["typ"] for token in grant_ids} == {"secevent+jwt"}
    (claims, *_) = [token.claims for token in grant_ids if token.claims["sub_id"]["id"] == grant_id]
    assert claims.keys() == {"iss", "aud", "iat", "jti", "sub_id", "events"}
    assert claims["sub_id"] == {"format": "opaque", "id": grant_id}
    details = claims["events"][SESSION_REVOKED]
    assert details == {"event_timestamp": claims["iat"], "reason_admin": {"en": "the client revoked it"}}


def test_a_sign_of_life_is_a_verification_event_about_the_receiver(receiver: Receiver) -> None:
    (token, *_) = receiver.post({}).json()["sets"].values()
    claims = receiver.verified(token)
    assert claims["events"] == {VERIFICATION: {}}
    assert claims["sub_id"] == {"format": "opaque", "id": "resource"}


@pytest.mark.parametrize(
    "body",
    [
        *("", "x", "[]", "null", "1", '"ack"', '{"ack": NaN}', '{"ack":', "{}{}", '{"\\ud800": 1}'),
        *('{"ack": "jti"}', '{"ack": null}', '{"ack": {}}', '{"ack": [1]}', '{"ack": [""]}', '{"ack": [[]]}'),
        json.dumps({"ack": ["x" * 201]}),
        json.dumps({"ack": ["x"] * 4_097}),
        *('{"maxEvents": -1}', '{"maxEvents": "1"}', '{"maxEvents": 1.5}', '{"maxEvents": true}'),
        *('{"maxEvents": null}', '{"returnImmediately": 1}', '{"returnImmediately": "true"}'),
        *('{"returnImmediately": null}', '{"setErrs": []}', '{"setErrs": null}', '{"setErrs": {"jti": "x"}}'),
        *('{"setErrs": {"jti": {}}}', '{"setErrs": {"jti": {"err": 1}}}', '{"setErrs": {"": {"err": "x"}}}'),
        '{"setErrs": {"jti": {"err": "x", "description": 1}}}',
    ],
)
@ON_ONE_STORE
def test_a_body_that_is_not_a_poll_is_refused(receiver: Receiver, body: str) -> None:
    response = receiver.post(content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request"), response.text
    assert response.json()["error_description"]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_type_is_refused(receiver: Receiver, content_type: str) -> None:
    response = receiver.post(content="{}", headers={"Content-Type": content_type})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_unknown_members_and_the_largest_numbers_are_accepted(receiver: Receiver) -> None:
    response = receiver.post({"ack": receiver.ack, "maxEvents": 10**30, "new": {"x": 1}})
    assert response.status_code == 200, response.text


@pytest.mark.requirement("SEC-10")
@pytest.mark.parametrize(
    "credentials",
    [None, ("resource", "wrong"), ("resource", ""), ("unknown", "secret"), ("other", "the-wrong-one" * 4)],
)
def test_nobody_hears_anything_without_the_secret_of_a_resource_server(
    server: AuthorizationServer, credentials: tuple[str, str] | None
) -> None:
    options: dict[str, Any] = {"auth": httpx2.BasicAuth(*credentials)} if credentials else {}
    response = server.http.post(f"{server.origin}/revocations", json={}, **options)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.requirement("SEC-10")
def test_a_client_hears_nothing_though_it_may_introspect(server: AuthorizationServer) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_basic")
    auth = httpx2.BasicAuth(client.client_id, client.information["client_secret"])
    response = server.http.post(f"{server.origin}/revocations", json={}, auth=auth)
    assert (response.status_code, response.json()["error"]) == (403, "unauthorized_client")


def test_no_other_method_and_no_page_of_another_origin_is_served(server: AuthorizationServer) -> None:
    assert server.get("/revocations").status_code == 405
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = server.http.options(f"{server.origin}/revocations", headers=preflight)
    assert "access-control-allow-origin" not in response.headers


def test_a_receiver_of_another_server_starts_over(receiver: Receiver) -> None:
    response = receiver.post({"ack": ["an-event-of-another-process"]})
    assert (response.status_code, response.json()["error"]) == (409, "unknown_position")


def test_after_a_restart_everybody_starts_over(store_url: str) -> None:
    with running(store_url) as before:
        receiver = Receiver(before.origin, before.issuer)
        receiver.begin()
        ack, port = receiver.ack, int(before.origin.rpartition(":")[2])
        receiver.close()
    with running(store_url, port=port) as after:
        receiver = Receiver(after.origin, after.issuer)
        assert receiver.post({"ack": ack}).status_code == 409
        receiver.begin()
        assert receiver.poll()
        receiver.close()


def test_a_grant_that_ends_at_one_replica_is_announced_at_the_other_and_a_position_is_valid_at_both(
    store_url: str,
) -> None:
    with running(store_url) as one, running(store_url, issuer=one.issuer) as two:
        here, there = Receiver(one.origin, one.issuer), Receiver(two.origin, one.issuer)
        there.begin()
        grant_id = by_revocation(one, one.register(), one.person)
        assert there.reason_for(grant_id) == "the client revoked it"
        here.ack = there.ack
        second = by_revocation(two, Client.register(two.origin, two.http), two.person)
        assert here.reason_for(second) == "the client revoked it"
        here.close()
        there.close()


def test_a_server_that_is_told_to_stop_answers_those_who_wait(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[int] = []
    has_arrived = threading.Event()

    def while_there(request: Request, waiting: Coroutine[Any, Any, Batch]) -> Coroutine[Any, Any, Any]:
        has_arrived.set()
        return original(request, waiting)

    original = revocations.while_there
    with running(store_url) as server:
        receiver = Receiver(server.origin, server.issuer)
        receiver.begin()
        monkeypatch.setattr(revocations, "while_there", while_there)
        waiting = threading.Thread(
            target=lambda: answers.append(receiver.post({"ack": receiver.ack}).status_code)
        )
        waiting.start()
        assert has_arrived.wait(60)
    waiting.join(60)
    receiver.close()
    assert answers == [200]
