"""Changes that people make to their own accounts, and clients to their registrations, are events (JR-1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from auth_service.journal.account_events import AccountAction, AccountEvents
from auth_service.journal.journal import NoJournal
from shared.journal.event import EventKind
from shared.storage.interface import StoreUnavailableError
from tests.auth_service.endpoints.second_factors import (
    PASSWORD,
    at_another_browser,
    log_in,
    somebody,
    with_app,
)
from tests.auth_service.journal.events import events_of, kinds
from tests.auth_service.service import AuthorizationServer
from tests.flow import REDIRECT_URI, Person, forms_of

pytestmark = pytest.mark.requirement("JR-1", "JR-2", "JR-3")

NEW = "seven moss harbours"


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = somebody(server)
    yield person
    person.close()


def stored_events(server: AuthorizationServer, subject: str) -> list[dict[str, Any]]:
    server.register()  # its event is stored after those that wait
    return events_of(server, kind="account", subject=subject)


def test_each_change_of_the_own_account_is_an_event_with_its_session_and_network(
    server: AuthorizationServer, person: Person
) -> None:
    subject = server.subject_of(person.username)
    with_app(server, person)
    person.submit(person.open(f"{server.origin}/recovery-codes"), {})
    person.submit(
        person.open(f"{server.origin}/email"), {"email": "mover@corp.example", "password": PASSWORD}
    )
    methods = person.open(f"{server.origin}/login-methods")
    form = next(form for form in forms_of(methods.text) if ("action", "remove-app") in form.buttons)
    person.browser.post(f"{server.origin}/login-methods", data={**form.fields, "action": "remove-app"})
    change: dict[str, str | None] = {"password": PASSWORD, "new_password": NEW, "new_password_again": NEW}
    person.submit(person.open(f"{server.origin}/password"), {**change, "new_password_again": "other"})
    assert person.submit(person.open(f"{server.origin}/password"), change).status_code == 200
    person.submit(person.open(f"{server.origin}/delete-account"), {"password": NEW})
    events = stored_events(server, subject)
    assert [event["action"] for event in events] == [
        *("second factor added", "recovery codes created", "unproven e-mail address changed"),
        *("second factor removed", "password changed", "account deleted"),
    ]
    assert events[0]["methods"] == ["otp", "mfa"]
    assert all(event["session"] and event["network"] for event in events)
    everything = json.dumps(events)
    assert not any(text in everything for text in (person.username, "corp.example", PASSWORD, NEW))


def test_sessions_that_are_ended_from_another_browser_are_named(
    server: AuthorizationServer, person: Person
) -> None:
    log_in(server, person)
    other = at_another_browser(person.username)
    log_in(server, other)
    person.submit(person.open(f"{server.origin}/account?action=end_other_sessions"), {})
    other.close()
    person.submit(person.open(f"{server.origin}/logout"), {})
    subject = server.subject_of(person.username)
    here, there = events_of(server, kind="login", subject=subject)
    ended, logout = stored_events(server, subject)
    assert (ended["action"], ended["ended"]) == ("sessions ended", [there["session"]])
    assert (logout["action"], logout["session"]) == ("logged out", here["session"])


def test_a_client_that_changes_or_deletes_its_registration_is_recorded(server: AuthorizationServer) -> None:
    client = server.register()
    uri = client.information["registration_client_uri"]
    headers = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
    body = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}
    for client_id in (client.client_id, "another"):
        server.http.put(uri, headers=headers, json={**body, "client_id": client_id})
    server.http.delete(uri, headers=headers)
    server.register()
    assert kinds(events_of(server, client=client.client_id)) == [
        *("client.registered", "client.changed", "client.deleted"),
    ]


ENDS = {"logged out", "sessions ended", "browsers forgotten", "account deleted"}
APPROVALS = {"call denied", "link of another approver refused"}
AT_PROVIDERS = {
    *("account at a provider disconnected", "account at a provider ended by the provider"),
    *("tokens revoked at a provider", "tokens not revoked at a provider"),
    "link of another person refused",
}
"""Ends of connected accounts, and the refusal to connect one."""


class FullJournal(NoJournal):
    """Stores nothing, and counts what waits."""

    def __init__(self) -> None:
        self.waiting = 0

    async def record(self, kind: EventKind, **members: object) -> None:
        raise StoreUnavailableError

    def note(self, kind: EventKind, **members: object) -> None:
        self.waiting += 1


@pytest.mark.anyio
@pytest.mark.parametrize("action", AccountAction)
async def test_without_the_journal_only_access_can_be_taken_away(action: AccountAction) -> None:
    journal = FullJournal()
    events = AccountEvents(journal)
    if action in ENDS | AT_PROVIDERS | APPROVALS:
        await events.record(action, "subject")
        assert journal.waiting == 1
        return
    with pytest.raises(StoreUnavailableError):
        await events.record(action, "subject")
