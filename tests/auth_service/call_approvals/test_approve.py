"""The endpoint for resource servers, and the page of the approver (GW-6)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from auth_service.access.components import AccessComponents
from auth_service.storage import keys
from shared.storage import Store
from tests.auth_service.call_approvals.asking import CALL, Asking
from tests.auth_service.service import RESOURCE, AuthorizationServer, nobodys
from tests.flow import Person

pytestmark = pytest.mark.requirement("GW-6")


def add_member(server: AuthorizationServer, group: str, username: str) -> None:
    async def add(store: Store) -> None:
        await AccessComponents.of_store(store, server.clock, None).groups.add(group, username)

    server.with_store(add)


@pytest.fixture
def asking(server: AuthorizationServer) -> Iterator[Asking]:
    person = server.add_user(nobodys("ada"), "a password of ada")
    token = server.register(client_name="An agent").connect(person, resource=RESOURCE)["access_token"]
    yield Asking(server, person, token)
    person.close()


@pytest.fixture
def other(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("bob"), "a password of bob")
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


def test_an_approved_call_runs_once(asking: Asking) -> None:
    pending = asking.ask()
    assert pending["status"] == "pending"
    assert asking.ask()["approve_url"] == pending["approve_url"]
    page = asking.person.open(pending["approve_url"])
    for text in ("Run <code>pay</code>?", "An agent", RESOURCE, asking.person.username, "bob\\u202e"):
        assert text in page.text
    assert "\u202e" not in page.text
    done = asking.person.submit(page, {"decision": "approve"})
    assert done.status_code == 200
    assert "The call is approved" in done.text
    # Once more, and the other button: the first decision counts.
    for decision in ("approve", "deny"):
        assert "The call is approved" in asking.person.submit(page, {"decision": decision}).text
    assert asking.ask(use="false")["status"] == "approved"
    assert asking.ask()["status"] == "used"
    again = asking.ask()
    assert again["status"] == "pending"
    assert again["approve_url"] != pending["approve_url"]


def test_an_approval_is_not_for_another_call_session_policy_or_grant(asking: Asking) -> None:
    asking.decide(asking.ask()["approve_url"], "approve")
    for changes in (
        {"call": CALL.replace("1", "2")},
        {"session": "other"},
        {"policy": "2"},
        {"approver": "group:ops"},
        {"token": asking.server.register().connect(asking.person, resource=RESOURCE)["access_token"]},
    ):
        assert asking.ask(**changes)["status"] == "pending"
    assert asking.ask()["status"] == "used"


def test_the_approver_sees_which_mcp_server_gets_the_call(asking: Asking) -> None:
    url = asking.ask(mount="/staging")["approve_url"]
    assert "<code>/staging</code>" in asking.person.open(url).text
    assert "<code>/staging</code>" in asking.person.open(f"{asking.server.origin}/account").text
    asking.decide(url, "approve")
    assert asking.ask(mount="/prod")["status"] == "pending"
    assert asking.ask()["status"] == "pending"
    assert asking.ask(mount="/staging")["status"] == "used"


def test_another_person_approves_nothing(asking: Asking, other: Person) -> None:
    url = asking.ask()["approve_url"]
    page = other.open(url)
    assert page.status_code == 403
    assert "You may not approve this call" in page.text
    assert "amount" not in page.text
    assert other.submit(asking.person.open(url), {"decision": "approve"}).status_code in (400, 403)
    assert asking.ask()["status"] == "pending"


def test_a_member_of_the_group_approves_and_the_caller_does_not(asking: Asking, other: Person) -> None:
    group = nobodys("ops")
    url = asking.ask(approver=f"group:{group}")["approve_url"]
    assert other.open(url).status_code == 403
    add_member(asking.server, group, other.username)
    assert asking.person.open(url).status_code == 403
    assert "The call is approved" in asking.decide(url, "approve", other).text
    assert asking.ask(approver=f"group:{group}")["status"] == "used"


def test_a_denied_call_does_not_run(asking: Asking) -> None:
    url = asking.ask()["approve_url"]
    assert "The call is denied" in asking.decide(url, "deny").text
    assert "The call is denied" in asking.person.open(url).text
    assert asking.ask()["status"] == "denied"


def test_a_decision_that_was_interrupted_a_moment_ago_is_not_shown_as_expired(asking: Asking) -> None:
    url = asking.ask()["approve_url"]
    claim = keys.once("approval-decided", url.rpartition("/")[2])
    asking.server.with_store(lambda store: store.put_once(claim, ttl_s=30))
    response = asking.decide(url, "approve")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "Another decision about this call is being made." in response.text
    asking.server.failures.remove(f"503 POST {httpx2.URL(url).path}")
    asking.server.with_store(lambda store: store.delete(claim))
    assert "The call is approved" in asking.decide(url, "approve").text


def test_the_account_page_lists_what_waits(asking: Asking, other: Person) -> None:
    url = asking.ask()["approve_url"]
    account = asking.person.open(f"{asking.server.origin}/account")
    assert f'href="{url.removeprefix(asking.server.origin + "/")}"' in account.text
    assert "approve/" not in other.open(f"{asking.server.origin}/account").text
    asking.decide(url, "deny")
    assert "approve/" not in asking.person.open(f"{asking.server.origin}/account").text


def test_a_link_needs_a_login_and_leads_back_to_the_page(asking: Asking) -> None:
    url = asking.ask()["approve_url"]
    browser = Person(asking.person.username, asking.person.password, trust_env=False)
    login = browser.open(url)
    assert login.url.path == "/login"
    assert str(browser.log_in(login).url) == url
    browser.close()


@pytest.mark.parametrize(
    "form",
    [
        {"approver": "ada"},
        {"call": "no JSON"},
        {"call": '{"name":"a","name":"b"}'},
        {"call": '{"name":"pay","arguments":[]}'},
        {"call": '{"name":"pay","arguments":{"a":"' + "x" * 9_000 + '"}}'},
        {"call": '{"name":"' + "x" * 257 + '"}'},
        {"session": "x" * 201},
        {"mount": "/" + "x" * 500},
        {"mount": "/staging\u202e"},
    ],
)
def test_a_request_that_cannot_be_shown_is_refused(form: dict[str, str], asking: Asking) -> None:
    assert asking.response(**form).json()["error"] == "invalid_request"


def test_a_token_that_is_not_active_gets_no_approval(asking: Asking) -> None:
    assert asking.response(token="dw_at_x").json()["error"] == "invalid_token"


def test_clients_get_no_approvals(asking: Asking) -> None:
    form = {"token": asking.token, "call": CALL, "approver": "self"}
    assert asking.server.http.post(f"{asking.server.origin}/call-approval", data=form).status_code == 401
