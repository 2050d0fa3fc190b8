"""Administrators search the journal; people see the calls in their own names (JR-5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from auth_service.pages.journal_rows import REFUSALS
from resource_service.reasons import Reason
from tests.auth_service.administrator import AdminApiClient
from tests.auth_service.caller import Caller
from tests.auth_service.console import AtTheConsole
from tests.auth_service.journal.events import events_of
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.flow import Person

pytestmark = pytest.mark.requirement("JR-5")

HOSTILE = "<script>alert(1)</script>"
CLOCK_BEHIND_MS = 30_000
"""How far the clock of the resource service is behind, so that calls seem to come before the login."""


@pytest.fixture(scope="module")
def shared_console(shared_server: AuthorizationServer) -> Iterator[AtTheConsole]:
    person = Person(trust_env=False)
    yield AtTheConsole(shared_server, person)
    person.close()


@pytest.fixture
def console(server: AuthorizationServer, shared_console: AtTheConsole) -> AtTheConsole:
    assert shared_console.server is server
    return shared_console


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("caller"), "a password")
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


@pytest.fixture
def caller(server: AuthorizationServer, person: Person) -> Caller:
    return Caller(server, person)


def links(page: str, words: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(rf'<a href="([^"]+)"[^>]*>{words}</a>', page)]


def test_the_console_searches_the_journal_and_tells_the_story_of_an_event(
    console: AtTheConsole, caller: Caller
) -> None:
    caller.reporter.time_ms -= CLOCK_BEHIND_MS
    caller.call("delete_issue", arguments={"full": {"id": HOSTILE}})
    page = console.open(f"journal?person={caller.person.username}&name=delete_issue").text
    assert page.count("event?id=") == 1
    assert "delete_issue" in page
    assert f"<bdi>{caller.person.username}</bdi>" in page
    match = re.search(r'href="(event\?id=[^"]+)"', page)
    assert match
    story = console.open(match.group(1)).text
    words = re.findall(r"<strong>([^<]+)</strong></a>", story)
    assert words == ["Client registered", "Consent", "Connection begun", "Tokens issued", "Call"]
    assert "<script>" not in story
    assert "&lt;script&gt;" in story
    (whole,) = links(story, "All events of this connection")
    assert console.open(whole).text.count("event?id=") == 3
    read = events_of(console.server, kind="journal.read")
    assert [event["via"] for event in read] == ["console"] * 3
    assert read[0]["query"] == {"name": "delete_issue", "subject": caller.subject}
    assert read[0]["subject"] == console.server.subject_of("wesen")


def test_the_console_shows_pages_and_filters_and_refuses_times_that_are_none(
    console: AtTheConsole, caller: Caller
) -> None:
    for number in range(52):
        caller.call(f"tool-{number}", "error" if number % 2 else "ok")
    newest = console.open(f"journal?grant={caller.grant}&kind=call").text
    assert newest.count("event?id=") == 50
    (older,) = links(newest, "Older")
    last = console.open(older).text
    assert last.count("event?id=") == 2
    assert not links(last, "Older")
    assert links(last, "Newest") == [f"journal?kind=call&grant={caller.grant}"]
    failed = console.open(f"journal?grant={caller.grant}&outcome=failed").text
    assert failed.count("event?id=") == 26
    assert "No event matches." in console.open(f"journal?grant={caller.grant}&until=2020-01-01").text
    assert console.open("journal?since=yesterday").status_code == 400
    assert console.open("journal?outcome=good").status_code == 400
    assert console.open("journal?after=nothing").status_code == 404
    assert console.open("event?id=1-2-nothing").status_code == 404
    assert console.open("event").status_code == 404


def test_the_admin_api_searches_a_page_at_a_time_and_returns_an_event_with_its_story(
    server: AuthorizationServer, caller: Caller
) -> None:
    api = AdminApiClient.of_administrator(server)
    caller.reporter.time_ms -= CLOCK_BEHIND_MS
    for tool in ("one", "two", "three"):
        caller.call(tool)
    first = api.get(f"/journal?grant={caller.grant}&kind=call&limit=2")
    assert [event["name"] for event in first["events"]] == ["three", "two"]
    rest = api.get(f"/journal?grant={caller.grant}&kind=call&limit=2&after={first['next']}")
    assert [event["name"] for event in rest["events"]] == ["one"]
    assert "next" not in rest
    one = api.get(f"/journal/{rest['events'][0]['id']}")
    assert one["event"] == rest["events"][0]
    kinds = [event["kind"] for event in one["story"]]
    assert kinds[:3] == ["client.registered", "consent", "grant.opened"]
    assert kinds[-3:] == ["call", "call", "call"]
    assert api.send("GET", "/journal/1-2-nothing").status_code == 404
    assert api.send("GET", "/journal/nothing").status_code == 404
    for query in ("since_ms=x", "outcome=good", "after=x", "limit=0", "until_ms=99999999999999999"):
        assert api.send("GET", f"/journal?{query}").status_code == 400, query
    assert server.get("/admin/api/journal").status_code == 401
    assert events_of(server, kind="journal.read")[-1]["via"] == "api"


def test_people_see_the_calls_in_their_own_names_and_nobody_elses(
    server: AuthorizationServer, caller: Caller
) -> None:
    caller.call("read_note", arguments={"keys": ["id", HOSTILE]})
    caller.call("write_note", "error")
    (link,) = links(caller.person.open(f"{server.origin}/account").text, "What it did")
    page = caller.person.open(f"{server.origin}/{link}").text
    assert page.index("write_note") < page.index("read_note")
    assert '<span class="badge">error</span>' in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "read_note" in caller.person.open(f"{server.origin}/activity").text
    other = server.add_user(nobodys("other"), "a password")
    other.log_in(other.open(f"{server.origin}/login"))
    for where in (link, "activity"):
        assert "read_note" not in other.open(f"{server.origin}/{where}").text
    other.close()
    stranger = Person(trust_env=False)
    assert stranger.open(f"{server.origin}/{link}").url.path == "/login"
    stranger.close()


def test_the_calls_of_a_person_are_shown_in_pages(server: AuthorizationServer, caller: Caller) -> None:
    for number in range(27):
        caller.call(f"tool-{number}")
    newest = caller.person.open(f"{server.origin}/activity").text
    assert newest.count("<time>") == 25
    (older,) = links(newest, "Older")
    last = caller.person.open(f"{server.origin}/{older}").text
    assert last.count("<time>") == 2
    assert links(last, "Newest") == ["activity"]
    nonsense = caller.person.open(f"{server.origin}/activity?after=nonsense").text
    assert nonsense.count("<time>") == 25


def test_a_story_begins_with_the_registration_although_the_clock_of_the_calls_is_behind(
    server: AuthorizationServer, caller: Caller
) -> None:
    caller.reporter.time_ms -= 290_000
    for _ in range(12):
        caller.call("early")
    api = AdminApiClient.of_administrator(server)
    (newest,) = api.get(f"/journal?grant={caller.grant}&kind=call&limit=1")["events"]
    kinds = [event["kind"] for event in api.get(f"/journal/{newest['id']}")["story"]]
    assert kinds == ["client.registered", "consent", "grant.opened", "tokens.issued", *["call"] * 12]


@pytest.mark.requirement("GW-4", "GW-5", "GW-6", "GW-7")
def test_a_person_sees_which_rule_of_the_operator_refused_a_call(
    server: AuthorizationServer, caller: Caller
) -> None:
    assert REFUSALS.keys() <= {reason.code for reason in Reason}
    about = {"grant": caller.grant, "subject": caller.subject, "client": caller.client}
    for code in (*REFUSALS, "token_inactive"):
        refused = {"kind": "call.refused", "name": f"tool-{code}", "reason_code": code, **about}
        caller.reporter.report(server, refused)
    rows = server_rows(caller.person.open(f"{server.origin}/activity").text)
    assert rows.pop("tool-token_inactive") == []
    assert rows == {f"tool-{code}": [str(text)] for code, text in REFUSALS.items()}


def server_rows(page: str) -> dict[str, list[str]]:
    """Return the paragraphs about refusals of the rows of a page, by tool."""
    rows = re.findall(r"<strong><bdi>([^<]+)</bdi></strong>(.*?)</li>", page, re.DOTALL)
    return {tool: re.findall(r"<p>([^<]+)</p>", row) for tool, row in rows}
