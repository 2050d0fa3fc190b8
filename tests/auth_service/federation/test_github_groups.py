"""Organizations and teams of GitHub, requested again without a login, as GitHub answers (ID-4)."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from auth_service.access.renewal import RETRY_S
from auth_service.protocol.reasons import Reason
from tests.auth_service.access.rules import set_rules
from tests.auth_service.federation.provider import FakeProvider, FederatedPerson
from tests.auth_service.service import RESOURCE, AuthorizationServer, running
from tests.e2e.dump import dump

pytestmark = pytest.mark.requirement("ID-3", "ID-4")

API = "/api/v3"
TOKEN = "/login/oauth/access_token"
READ, WRITE = "notes:read", "notes:write"
BOTH = f"{READ} {WRITE}"
HOUR_S = 3_600
BAD_CREDENTIALS = {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}
BAD_REFRESH_TOKEN = {
    "error": "bad_refresh_token",
    "error_description": "The refresh token passed is incorrect or expired.",
    "error_uri": "https://docs.github.com",
}


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    return {"preset": "github", "reads_groups": True}


class Connection:
    """A client that a member of an organization and of a team of another has connected.

    Args:
        app: whether the registration at GitHub is a GitHub App, whose tokens expire, or an OAuth app.
    """

    def __init__(
        self, server: AuthorizationServer, github: FakeProvider, person: FederatedPerson, app: str
    ) -> None:
        rules = {"fake:acme": {RESOURCE: [READ]}, "fake:other/ops": {RESOURCE: [WRITE]}}
        set_rules(server, {"groups": rules})
        github.offline = app == "GitHub App"
        self.user = {"id": 4_000 + int(github.claims["sub"].partition("-")[2]), "login": "mona"}
        github.answers = {f"{API}/user": (200, self.user), f"{API}/user/emails": (200, [])}
        self.server, self.github = server, github
        self.belongs_to("acme", "other/ops")
        self.client = server.register()
        self.tokens = self.client.connect(person)

    def belongs_to(self, *groups: str) -> None:
        teams = [group.split("/") for group in groups if "/" in group]
        self.github.answers |= {
            f"{API}/user/orgs": (200, [{"login": group} for group in groups if "/" not in group]),
            f"{API}/user/teams": (200, [{"slug": slug, "organization": {"login": o}} for o, slug in teams]),
        }

    def later(self, seconds: float = HOUR_S) -> dict[str, Any]:
        """The response to a refresh after that time."""
        self.server.clock.advance(seconds)
        self.server.introspect(self.tokens["access_token"])
        answer: dict[str, Any] = self.client.refresh(self.tokens["refresh_token"]).json()
        self.tokens = {**self.tokens, **answer}
        return answer

    @property
    def bearers(self) -> list[str]:
        """The tokens with which GitHub's API was asked."""
        headers = [sent for path, _, sent in self.github.requests if path.startswith(API)]
        return [sent["authorization"].removeprefix("Bearer ") for sent in headers]


@pytest.fixture(params=["GitHub App", "OAuth app"])
def connection(
    request: pytest.FixtureRequest,
    server: AuthorizationServer,
    provider: FakeProvider,
    person: FederatedPerson,
) -> Connection:
    return Connection(server, provider, person, request.param)


def test_a_member_removed_at_github_loses_the_scope_at_the_next_refresh(connection: Connection) -> None:
    assert connection.tokens["scope"] == BOTH
    connection.belongs_to("acme")
    assert connection.later(HOUR_S - 60)["scope"] == BOTH  # not asked within the hour
    assert connection.later(60)["scope"] == READ
    connection.belongs_to()
    assert connection.later()["reason_code"] == Reason.ACCESS_NOT_GRANTED.code


def test_a_github_app_refreshes_its_token_and_an_oauth_app_has_one_that_lasts(connection: Connection) -> None:
    connection.later()
    connection.later()
    assert connection.github.refreshes == (2 if connection.github.offline else 0)
    assert len(set(connection.bearers)) == (3 if connection.github.offline else 1)


def test_an_app_that_was_revoked_at_github_ends_everything(
    connection: Connection, person: FederatedPerson
) -> None:
    if connection.github.offline:
        connection.github.answers[TOKEN] = (200, BAD_REFRESH_TOKEN)
    else:
        connection.github.answers[f"{API}/user"] = (401, BAD_CREDENTIALS)
    assert connection.later()["error"] == "invalid_grant"
    assert not connection.server.is_active(connection.tokens["access_token"])
    assert person.open(f"{connection.server.origin}/account").url.path != "/account"


@pytest.mark.parametrize(
    "trouble",
    [
        {f"{API}/user": (403, {"message": "API rate limit exceeded"})},
        {f"{API}/user/orgs": (500, {})},
        {f"{API}/user/teams": (502, b"<html>")},
        {f"{API}/user": (200, {"id": 1, "login": "somebody else"})},
        {f"{API}/user": (200, {"id": True})},
    ],
    ids=["rate limit", "organizations", "teams", "somebody else", "nobody"],
)
def test_a_github_that_does_not_say_changes_nothing_and_is_asked_again(
    connection: Connection, trouble: dict[str, Any]
) -> None:
    connection.belongs_to("acme")
    usual = dict(connection.github.answers)
    connection.github.answers |= trouble
    assert connection.later()["scope"] == BOTH
    connection.github.answers = usual
    assert connection.later(RETRY_S)["scope"] == READ


def test_no_token_of_github_is_in_the_store_in_a_log_or_in_an_answer(connection: Connection) -> None:
    with capture_logs() as logs:
        answers = [connection.tokens, connection.later()]
    stored = repr(dump(connection.server.store_url))
    assert "upstream-credential" in stored
    for token in (*connection.github.refresh_tokens, *connection.bearers):
        assert token not in stored + repr(logs) + repr(answers)


def test_a_token_is_kept_only_where_access_rules_name_groups(
    store_url: str, provider: FakeProvider, person: FederatedPerson
) -> None:
    settings = provider.configuration(preset="github", allow={"groups": ["acme"]})
    with running(store_url, identity_providers=[settings], fetch_loopback=True) as server:
        provider.offline = True
        provider.answers = {
            f"{API}/user": (200, {"id": 1, "login": "mona"}),
            f"{API}/user/emails": (200, []),
            f"{API}/user/orgs": (200, [{"login": "acme"}]),
            f"{API}/user/teams": (200, []),
        }
        assert person.log_in(person.open(f"{server.origin}/login")).url.path == "/account"
        assert "upstream-credential" not in repr(dump(store_url))
