"""Each decision about somebody known is one event, without names and secrets (JR-1)."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from tests.auth_service.journal.events import events_of, kinds
from tests.auth_service.service import AuthorizationServer
from tests.flow import Client
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("JR-1")


def test_a_client_has_one_event_for_each_decision_from_its_registration_to_its_end(
    server: AuthorizationServer,
) -> None:
    client = server.register()
    tokens = server.connect(client)
    refreshed = client.refresh(tokens["refresh_token"]).json()
    server.post("/revoke", token=refreshed["refresh_token"], client_id=client.client_id)
    events = events_of(server, client=client.client_id)
    assert kinds(events) == [
        *("client.registered", "consent", "grant.opened"),
        *("tokens.issued", "tokens.issued", "grant.revoked"),
    ]
    consent, opened, *_, revoked = events[1:]
    assert consent["allowed"] is True
    assert consent["session"] == opened["session"]
    assert {event["grant"] for event in events[2:]} == {opened["grant"]}
    assert [event.get("generation") for event in events[2:]] == [0, 1, 2, 2]
    assert revoked["reason"]


def test_a_repeated_refresh_that_issues_nothing_new_adds_no_event(server: AuthorizationServer) -> None:
    client = server.register()
    tokens = server.connect(client)
    for _ in range(3):
        client.refresh(tokens["refresh_token"])
    issued = events_of(server, client=client.client_id, kind="tokens.issued")
    assert [event["generation"] for event in issued] == [1, 2]


def test_a_login_is_recorded_with_its_method_and_source(server: AuthorizationServer) -> None:
    client = server.register()
    with closing(server.add_user("journalled", "quiet copper lantern")) as person:
        client.connect(person)
    (opened,) = events_of(server, client=client.client_id, kind="grant.opened")
    (login,) = events_of(server, subject=opened["subject"], kind="login")
    assert (login["methods"], login["network"], login["session"]) == (
        ["pwd"],
        "127.0.0.1/32",
        opened["session"],
    )


def test_refusals_of_a_client_with_a_secret_are_recorded_and_those_of_strangers_are_not(
    server: AuthorizationServer,
) -> None:
    confidential = server.register(token_endpoint_auth_method="client_secret_post")
    public = server.register()
    for client in (confidential, public):
        server.post("/token", grant_type="refresh_token", refresh_token="junk", **_credentials(client))

    def refusals() -> list[dict[str, Any]]:
        return events_of(server, client=confidential.client_id, kind="tokens.refused")

    wait_until(lambda: bool(refusals()))  # a refusal does not wait for its event
    assert refusals()[0]["reason_code"]
    assert events_of(server, client=public.client_id, kind="tokens.refused") == []


def test_no_event_contains_the_name_of_a_person_a_token_or_a_secret(server: AuthorizationServer) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_post")
    tokens = server.connect(client)
    everything = json.dumps(events_of(server))
    for secret in (
        tokens["access_token"],
        tokens["refresh_token"],
        client.information["client_secret"],
        "wesen",
    ):
        assert secret
        assert secret not in everything


def _credentials(client: Client) -> dict[str, str]:
    members = ("client_id", "client_secret")
    return {name: client.information[name] for name in members if name in client.information}
