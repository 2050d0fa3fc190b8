"""The details of each scope on the consent page, with and without a resource server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from auth_service.fetching.resource_metadata import TIMEOUT_S
from auth_service.resource_settings import Resource
from tests.auth_service.service import AuthorizationServer, running
from tests.flow import Person, Pkce
from tests.resource_service.authorization_server import AuthorizationServer as Scripted
from tests.resource_service.authorization_server import (
    Reply,
    answer,
    answer_json,
    break_off,
    hang,
    speak_nonsense,
    trickle,
)

pytestmark = pytest.mark.requirement("AS-9")
SCOPES = {"notes:read": "Read your notes", "notes:write": "Add notes for you"}
Show = Callable[[], str]


@pytest.fixture(scope="module")
def resource_server() -> Iterator[Scripted]:
    """Answers as a test says."""
    server = Scripted().start()
    yield server
    server.stop()


@contextmanager
def asking(resource_server: Scripted, directory: Path) -> Iterator[AuthorizationServer]:
    """An authorization server that finds the metadata at the scripted one, with somebody logged in."""
    resource = {
        "resource": "https://mcp.example/mcp",
        "name": "Notes",
        "scopes": SCOPES,
        "metadata_url": f"{resource_server.url}/inside",
    }
    servers = [{"id": "resource", "secret": "s" * 32, "resources": [resource]}]
    with running(f"sqlite:///{directory}/store.db", resource_servers=servers) as server:
        server.person.log_in(server.person.open(f"{server.origin}/account"))
        yield server


@pytest.fixture(scope="module")
def server(
    resource_server: Scripted, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthorizationServer]:
    with asking(resource_server, tmp_path_factory.mktemp("details")) as server:
        yield server


@pytest.fixture
def show(server: AuthorizationServer, resource_server: Scripted) -> Iterator[Show]:
    """The text of a consent page, after whatever is kept has been kept long enough."""
    server.clock.advance(61)
    resource_server.replies.clear()
    resource_server.questions.clear()
    with showing(server) as show:
        yield show


@contextmanager
def showing(server: AuthorizationServer) -> Iterator[Show]:
    person = Person(trust_env=False)
    person.browser.cookies.update(dict(server.person.browser.cookies))
    client = server.register(redirect_uris=["https://c.example/cb"])

    def text() -> str:
        page = person.open(client.authorization_url(Pkce(), scope="openid notes:read notes:write"))
        assert (page.status_code, page.url.path) == (200, "/consent")
        return page.text

    yield text
    person.close()
    assert server.failures == []


def saying(scopes: Any, **members: Any) -> Reply:
    document = {"resource": "https://mcp.example/mcp", "scopes_supported": list(SCOPES), **members}
    return answer_json({**document, "doorward_scopes": scopes})


def plain(page: str) -> str:
    """The words of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_under_each_scope_is_what_it_allows(show: Show, resource_server: Scripted) -> None:
    read = {"description": "X", "tools": ["list_notes"], "prompts": ["summary"], "resources": ["notes://*"]}
    write = {"description": "X", "includes": ["notes:read"], "tools": ["add_note"], "everything_else": True}
    resource_server.replies["*"] = saying({"notes:read": read, "notes:write": write})
    page = show()
    words = plain(page)
    assert "Read your notes notes:read list_notes , summary (prompt) , notes://* (resource)" in words
    expected = (
        "add_note Includes everything allowed by: notes:read and everything that no other permission covers"
    )
    assert f"Add notes for you notes:write {expected}" in words
    assert "<details>" not in page
    assert "X" not in words.split()  # the words are the operator's, from the settings


def test_many_tools_are_folded_away(show: Show, resource_server: Scripted) -> None:
    resource_server.replies["*"] = saying({"notes:read": {"tools": [f"tool_{n}" for n in range(250)]}})
    page = show()
    before, _, after = page.partition("<details><summary>and 244 more</summary>")
    folded, _, _ = after.partition("</details>")
    assert before.count("<code>tool_") == 6
    assert folded.count("<code>tool_") == 194
    assert "and 50 more" in folded


@pytest.mark.requirement("SEC-4")
def test_what_the_resource_server_says_is_text_and_nothing_else(
    show: Show, resource_server: Scripted
) -> None:
    hostile = "<script>alert(1)</script>\" onmouseover='x' {{ 7*7 }} \u202e"
    member = {"tools": [hostile], "includes": [hostile], "prompts": ["</code></label></form>"]}
    resource_server.replies["*"] = saying({"notes:read": member, hostile: member})
    page = show()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("</form>") == 1
    assert "\u202e" not in page


@pytest.mark.parametrize(
    "reply",
    [
        break_off,
        speak_nonsense,
        answer_json({}, 404),
        answer_json({}),
        answer(200, b"x" * 200_000),
        answer(200, b"[" * 100_000),
        answer(302, b"", "Location: http://127.0.0.1:1/"),
        saying({"notes:read": {"tools": ["add_note"]}}, resource="https://other.example/mcp"),
    ],
)
def test_without_an_answer_the_page_is_as_it_is_without_a_resource_server(
    reply: Reply, show: Show, resource_server: Scripted
) -> None:
    resource_server.replies["*"] = reply
    page = show()
    for words in SCOPES.values():
        assert words in page
    assert "add_note" not in page
    assert len(resource_server.questions) == 1


@pytest.mark.parametrize("reply", [hang, trickle])
def test_a_slow_resource_server_holds_nobody_up_for_long(reply: Reply, tmp_path: Path) -> None:
    slow = Scripted(replies={"*": reply}).start()
    try:
        with asking(slow, tmp_path) as server, showing(server) as show:
            started = time.monotonic()
            assert "Read your notes" in show()
            assert time.monotonic() - started < TIMEOUT_S
            show()
        assert len(slow.questions) == 1  # asked once at a time
    finally:
        slow.stop()


def test_an_answer_is_kept_a_minute_and_no_longer(
    show: Show, resource_server: Scripted, server: AuthorizationServer
) -> None:
    resource_server.replies["*"] = saying({"notes:read": {"tools": ["before"]}})
    assert "before" in show()
    resource_server.replies["*"] = saying({"notes:read": {"tools": ["after"]}})
    assert "before" in show()
    server.clock.advance(61)
    assert "after" in show()
    assert [question.target for question in resource_server.questions] == ["/inside", "/inside"]
    assert "authorization" not in resource_server.questions[0].headers


@pytest.mark.requirement("AS-21")
def test_scopes_that_are_announced_and_not_granted_are_warned_of_once(
    show: Show, resource_server: Scripted, server: AuthorizationServer
) -> None:
    resource_server.replies["*"] = saying({}, scopes_supported=[*SCOPES, "notes:admin"])
    with capture_logs() as lines:
        show()
        server.clock.advance(61)
        show()
    assert len(resource_server.questions) == 2
    warnings = [line for line in lines if line["log_level"] == "warning"]
    assert [line["scopes"] for line in warnings] == [["notes:admin"]]


def test_the_metadata_are_at_the_standard_url_unless_another_one_is_configured() -> None:
    def place(resource: str, **members: Any) -> str:
        return Resource(resource=resource, name="x", **members).described_at

    well_known = "https://a.example/.well-known/oauth-protected-resource"
    assert place("https://a.example/tools/mcp") == f"{well_known}/tools/mcp"
    assert place("https://a.example/") == place("https://a.example") == well_known
    assert place("https://a.example/mcp", metadata_url="http://inside:9001/x") == "http://inside:9001/x"
    for wrong in ("ftp://a.example", "/relative", "http://user@a.example/", "http://a.example/#x"):
        with pytest.raises(ValueError, match="metadata"):
            place("https://a.example/mcp", metadata_url=wrong)
