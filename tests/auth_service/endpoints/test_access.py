"""Access beyond the rules is not offered, not issued and ends, on both stores (ID-3, ID-4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest

from auth_service.protocol.reasons import Reason
from tests.auth_service.access.rules import CONTACT, give
from tests.auth_service.endpoints.devices import Device
from tests.auth_service.service import RESOURCE, AuthorizationServer, nobodys, running
from tests.flow import Client, Pkce, forms_of

pytestmark = pytest.mark.requirement("ID-3")

READ, WRITE = "notes:read", "notes:write"
WEB = ["https://client.example/callback"]


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store()) as server:
        yield server


class Case:
    """Somebody of their own, with a client, and the rules about them."""

    def __init__(self, server: AuthorizationServer) -> None:
        self.server = server
        self.name = nobodys("ada")
        self.person = server.add_user(self.name, "quiet copper lantern")
        self.client = server.register()
        self.pkce = Pkce()

    def may(self, *scopes: str) -> None:
        """Change the rules of a person; without rules, the person has no access."""
        people = {self.name: list(scopes)} if scopes else {"somebody-else": [READ]}
        give(self.server, resource=RESOURCE, **people)

    def open(self, **parameters: str) -> httpx2.Response:
        """The page that a request leads to, once they are logged in."""
        url = self.client.authorization_url(self.pkce, resource=RESOURCE, **parameters)
        page = self.person.open(url)
        if page.status_code == 200 and "password" in forms_of(page.text)[0].fields:
            page = self.person.log_in(page)
        return page

    def allow(self, **changes: str | None) -> str:
        """A code, after a press on Allow."""
        response = self.person.submit(self.open(), {"decision": "allow", **changes})
        return dict(parse_qsl(urlsplit(response.headers["location"]).query))["code"]

    def connect(self) -> dict[str, str]:
        tokens: dict[str, str] = self.client.redeem(self.allow(), self.pkce).json()
        return tokens

    def scope_now(self, tokens: dict[str, str]) -> str | None:
        """The scopes of a token, as a resource server learns them."""
        return self.server.introspect(tokens["access_token"]).get("scope")


@pytest.fixture
def case(server: AuthorizationServer) -> Iterator[Case]:
    case = Case(server)
    yield case
    case.person.close()


def test_only_what_a_person_may_hold_is_offered_and_issued(case: Case) -> None:
    case.may(READ)
    page = case.open()
    assert "Read your notes" in page.text
    assert "Add notes for you" not in page.text
    assert case.connect()["scope"] == READ


def test_a_form_cannot_take_what_was_not_offered(case: Case) -> None:
    case.may(READ)
    for smuggled in ({"scope.0": "on", "scope.1": "on"}, {"ticks": None}):
        code = case.allow(**smuggled)
        assert case.client.redeem(code, case.pkce).json()["scope"] == READ


def test_what_a_form_could_not_take_is_not_remembered_as_allowed(case: Case) -> None:
    case.client = case.server.register(redirect_uris=WEB)
    case.may(READ)
    case.allow(**{"scope.0": "on", "scope.1": "on"})
    case.may(READ, WRITE)
    answer = case.open(prompt="none")
    error = dict(parse_qsl(urlsplit(answer.headers["location"]).query)).get("error")
    assert error == "consent_required"


def test_a_resource_that_nobody_gave_them_is_refused_with_whom_to_ask(case: Case) -> None:
    case.may()
    page = case.open()
    assert page.status_code == 403
    for sentence in ("You have no access", CONTACT, RESOURCE, case.name):
        assert sentence in page.text
    answer = case.person.submit(page, {})
    assert dict(parse_qsl(urlsplit(answer.headers["location"]).query))["error"] == "access_denied"


def test_somebody_without_access_can_log_in_as_somebody_else(case: Case) -> None:
    case.may()
    case.open()
    page = case.person.open(case.client.authorization_url(case.pkce, resource=RESOURCE, prompt="login"))
    assert "password" in forms_of(page.text)[0].fields


def test_a_login_alone_needs_no_access(case: Case) -> None:
    case.may()
    url = case.client.authorization_url(case.pkce, scope="openid")
    page = case.person.log_in(case.person.open(url))
    assert page.status_code == 200
    assert "decision" in dict(forms_of(page.text)[0].buttons)


def test_a_silent_request_is_narrowed_and_then_refused_without_a_page(case: Case) -> None:
    case.client = case.server.register(redirect_uris=WEB)
    case.may(READ, WRITE)
    case.connect()
    case.may(READ)
    answer = case.open(prompt="none")
    code = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]
    assert case.client.redeem(code, case.pkce).json()["scope"] == READ
    case.may()
    answer = case.open(prompt="none")
    assert dict(parse_qsl(urlsplit(answer.headers["location"]).query))["error"] == "access_denied"


def test_a_pushed_request_is_narrowed_like_any_other(case: Case) -> None:
    case.may(READ)
    pushed = case.client._post(  # noqa: SLF001
        "par",
        {
            "response_type": "code",
            "redirect_uri": case.client.information["redirect_uris"][0],
            "code_challenge": case.pkce.challenge,
            "code_challenge_method": "S256",
            "resource": RESOURCE,
        },
    ).json()
    query = urlencode({"client_id": case.client.client_id, "request_uri": pushed["request_uri"]})
    page = case.person.log_in(case.person.open(f"{case.client.issuer}/authorize?{query}"))
    assert "Add notes for you" not in page.text


@pytest.mark.requirement("ID-4")
def test_a_code_gives_what_may_be_held_when_it_is_redeemed(case: Case) -> None:
    case.may(READ, WRITE)
    code = case.allow()
    case.may(WRITE)
    assert case.client.redeem(code, case.pkce).json()["scope"] == WRITE


@pytest.mark.requirement("ID-4")
def test_a_code_is_worth_nothing_once_nothing_may_be_held(case: Case) -> None:
    case.may(READ)
    code = case.allow()
    case.may()
    refused = case.client.redeem(code, case.pkce)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert refused.json()["reason_code"] == Reason.ACCESS_NOT_GRANTED.code


@pytest.mark.requirement("ID-4")
def test_a_refresh_narrows_and_never_widens_beyond_it(case: Case) -> None:
    case.may(READ, WRITE)
    tokens = case.connect()
    case.may(READ, "notes:other")
    second = case.client.refresh(tokens["refresh_token"]).json()
    assert second["scope"] == READ
    case.may(READ, WRITE)
    third = case.client.refresh(second["refresh_token"]).json()
    assert third["scope"] == READ


@pytest.mark.requirement("ID-4")
def test_a_repeated_refresh_is_narrowed_too(case: Case) -> None:
    case.may(READ, WRITE)
    tokens = case.connect()
    assert case.client.refresh(tokens["refresh_token"]).json()["scope"] == f"{READ} {WRITE}"
    case.may(READ)
    assert case.client.refresh(tokens["refresh_token"]).json()["scope"] == READ


@pytest.mark.requirement("ID-4")
def test_a_refresh_ends_a_grant_of_which_nothing_is_left(case: Case) -> None:
    case.may(READ)
    tokens = case.connect()
    case.may()
    refused = case.client.refresh(tokens["refresh_token"])
    assert refused.json()["reason_code"] == Reason.ACCESS_NOT_GRANTED.code
    case.may(READ)
    assert case.client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert case.scope_now(tokens) is None


@pytest.mark.requirement("ID-4")
def test_another_client_cannot_end_a_grant_of_which_nothing_is_left(
    case: Case, server: AuthorizationServer
) -> None:
    case.may(READ)
    tokens = case.connect()
    case.may()
    assert server.register().refresh(tokens["refresh_token"]).status_code == 400
    case.may(READ)
    assert case.client.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.requirement("ID-4")
def test_resource_servers_are_told_what_may_be_held_now(case: Case) -> None:
    case.may(READ, WRITE)
    tokens = case.connect()
    assert case.scope_now(tokens) == f"{READ} {WRITE}"
    case.may(WRITE)
    assert case.scope_now(tokens) == WRITE
    case.may()
    assert case.scope_now(tokens) is None
    case.may(READ, WRITE)
    assert case.scope_now(tokens) == f"{READ} {WRITE}"


def device_of(case: Case) -> Device:
    return Device(case.server).begin(resource=RESOURCE)


def test_a_device_gets_what_its_person_may_hold(case: Case) -> None:
    case.may(READ)
    device = device_of(case)
    device.decide(case.person)
    assert device.poll().json()["scope"] == READ


def test_a_device_is_refused_for_a_person_without_access(case: Case) -> None:
    case.may()
    device = device_of(case)
    page = case.person.log_in(device.enter(case.person))
    assert page.status_code == 403
    assert CONTACT in page.text
    assert device.error() == "access_denied"


@pytest.mark.requirement("ID-4")
def test_a_device_that_polls_too_late_gets_nothing(case: Case) -> None:
    case.may(READ)
    device = device_of(case)
    device.decide(case.person)
    case.may()
    assert device.error() == "access_denied"


def test_a_client_that_acts_for_itself_is_not_a_person(server: AuthorizationServer) -> None:
    give(server, resource=RESOURCE, nobody=[READ])
    client: Client = server.operator_registers(
        client_name="job",
        grant_types=["client_credentials"],
        token_endpoint_auth_method="client_secret_basic",
    )
    tokens = client.token(grant_type="client_credentials", resource=RESOURCE).json()
    assert server.introspect(tokens["access_token"])["scope"] == f"{READ} {WRITE}"
