"""Groups of a provider: known from the login, asked for again, and gone when they cannot be (ID-3, ID-4)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from structlog.testing import capture_logs

from auth_service.access.control import GROUPS_HOLD_S
from auth_service.access.renewal import RETRY_S
from auth_service.protocol.reasons import Reason
from tests.auth_service.access.rules import set_rules
from tests.auth_service.federation.provider import FakeProvider, FederatedPerson
from tests.auth_service.service import RESOURCE, AuthorizationServer
from tests.e2e.dump import dump
from tests.flow import Client, Pkce

pytestmark = pytest.mark.requirement("ID-3", "ID-4")

READ, WRITE = "notes:read", "notes:write"
HOUR_S = 3_600
DOWN: tuple[int, Any] = (503, {})


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    return {"reads_groups": True}


class Connection:
    """A client that somebody has connected, who is in two groups at the provider."""

    def __init__(self, server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson) -> None:
        set_rules(server, {"groups": {"fake:readers": {RESOURCE: [READ]}, "fake:ops": {RESOURCE: [WRITE]}}})
        provider.offline = True
        provider.claims["groups"] = ["readers", "ops"]
        self.server, self.provider = server, provider
        self.client = server.register()
        self.tokens = self.client.connect(person)

    def later(self, seconds: float = HOUR_S) -> dict[str, Any]:
        """The response to a refresh after that time."""
        self.server.clock.advance(seconds)
        self.server.introspect(self.tokens["access_token"])
        answer: dict[str, Any] = self.client.refresh(self.tokens["refresh_token"]).json()
        self.tokens = {**self.tokens, **answer}
        return answer


@pytest.fixture
def connection(server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson) -> Connection:
    return Connection(server, provider, person)


def test_groups_of_the_login_decide_and_are_not_fetched_within_the_hour(connection: Connection) -> None:
    assert connection.tokens["scope"] == f"{READ} {WRITE}"
    connection.later(HOUR_S - 60)
    assert connection.provider.refreshes == 0


def test_a_member_removed_at_the_provider_loses_the_scope_at_the_next_refresh(connection: Connection) -> None:
    connection.provider.claims["groups"] = ["readers"]
    assert connection.later()["scope"] == READ
    connection.provider.claims["groups"] = []
    assert connection.later()["reason_code"] == Reason.ACCESS_NOT_GRANTED.code
    assert connection.provider.refreshes == 2


def test_a_provider_is_never_asked_for_a_resource_which_entra_refuses(
    connection: Connection, person: FederatedPerson
) -> None:
    pkce = Pkce()
    again = FederatedPerson(connection.provider)
    location = again.leave(again.open(connection.client.authorization_url(pkce, resource=RESOURCE)))
    again.close()
    connection.later()
    forms = [form for path, form, _ in connection.provider.requests if path == "/token"]
    assert [form["grant_type"] for form in forms] == ["authorization_code", "refresh_token"]
    for sent in (dict(parse_qsl(urlsplit(location).query)), *forms):
        assert "resource" not in sent


def test_a_provider_that_cannot_be_asked_counts_for_a_day(connection: Connection) -> None:
    connection.provider.answers["/token"] = DOWN
    assert connection.later(HOUR_S)["scope"] == f"{READ} {WRITE}"
    assert connection.later(GROUPS_HOLD_S - 2 * HOUR_S)["scope"] == f"{READ} {WRITE}"
    assert connection.later(HOUR_S)["reason_code"] == Reason.ACCESS_NOT_GRANTED.code


def test_a_provider_that_was_down_is_asked_again_after_a_moment(connection: Connection) -> None:
    connection.provider.claims["groups"] = ["readers"]
    connection.provider.answers["/token"] = DOWN
    connection.later()
    del connection.provider.answers["/token"]
    connection.later(1)
    assert connection.provider.refreshes == 1
    assert connection.later(RETRY_S)["scope"] == READ


def test_too_many_groups_to_list_are_unknown_and_not_none(connection: Connection) -> None:
    del connection.provider.claims["groups"]
    connection.provider.claims["_claim_names"] = {"groups": "src1"}
    assert connection.later()["scope"] == f"{READ} {WRITE}"
    assert connection.later(GROUPS_HOLD_S)["reason_code"] == Reason.ACCESS_NOT_GRANTED.code


def test_a_provider_that_refuses_its_refresh_token_ends_everything(
    connection: Connection, person: FederatedPerson
) -> None:
    other = connection.server.register().connect(person)
    connection.provider.refresh_tokens.append("none that anybody has")
    assert connection.later()["error"] == "invalid_grant"
    assert not connection.server.is_active(other["access_token"])
    page = person.open(f"{connection.server.origin}/account")
    assert page.url.path != "/account"


def test_a_renewed_id_token_of_somebody_else_changes_nothing(connection: Connection) -> None:
    connection.provider.claims["groups"] = ["readers"]
    connection.provider.changes = {"sub": "somebody else"}
    assert connection.later()["scope"] == f"{READ} {WRITE}"
    # The refresh token that came with it is kept: the provider accepts the earlier one no more.
    connection.provider.changes = {}
    assert connection.later(RETRY_S)["scope"] == READ


def test_a_provider_is_asked_once_however_many_refresh(
    connection: Connection, person: FederatedPerson
) -> None:
    clients: list[Client] = [connection.server.register() for _ in range(4)]
    tokens = [client.connect(person)["refresh_token"] for client in clients]
    connection.provider.requests.clear()
    connection.server.clock.advance(HOUR_S)
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda pair: pair[0].refresh(pair[1]), zip(clients, tokens, strict=True)))
    assert {answer.status_code for answer in answers} == {200}
    assert connection.provider.refreshes == 1


def test_no_token_of_the_provider_is_in_the_store_in_a_log_or_in_an_answer(connection: Connection) -> None:
    with capture_logs() as logs:
        answer = connection.later()
        connection.provider.answers["/token"] = DOWN
        connection.later()
    tokens = connection.provider.refresh_tokens
    assert len(tokens) == 2
    stored = repr(dump(connection.server.store_url))
    assert "upstream-credential" in stored
    for token in tokens:
        assert token not in stored
        assert token not in repr(logs)
        assert token not in repr(answer)
