"""Forms that are posted again, over HTTP, on both stores: at the same moment, later, changed, by others."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

import httpx2
import pytest
from anyio import to_thread
from starlette.responses import Response

from auth_service.pages.console.sections import Administrator, NotThereError
from auth_service.pages.console.software import ClientsSection
from auth_service.protocol.parameters import Parameters
from auth_service.storage import keys
from auth_service.users.sessions import SessionRepository
from auth_service.web.submissions import submission_name
from tests.auth_service.console import AtTheConsole
from tests.auth_service.endpoints.posting import post_at_once
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.cookies import cookie_name
from tests.flow import Person, Pkce, forms_of

pytestmark = pytest.mark.requirement("ID-10")

BYE = "https://app.example/bye"
TOKEN = re.compile(r"dw_ir_[\w-]+")


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody whom no other test knows."""
    person = server.add_user(nobodys("ada"), "password of ada")
    yield person
    person.close()


def session_in(response: httpx2.Response) -> str:
    cookies = [c for c in response.headers.get_list("set-cookie") if "-session" in c.partition("=")[0]]
    return cookies[0].partition(";")[0].partition("=")[2]


def opens(server: AuthorizationServer, session: str) -> bool:
    session_document = server.with_store(
        lambda store: SessionRepository(store, server.clock, 1).find(session)
    )
    return session_document is not None


@pytest.mark.requirement("AS-23")
def test_a_login_that_is_posted_many_times_at_once_begins_one_session(
    server: AuthorizationServer, person: Person
) -> None:
    page = person.open(f"{server.origin}/login")
    form = {"username": person.username, "password": person.password}
    answers = post_at_once(person, page, forms_of(page.text)[0], **form)
    assert {answer.status_code for answer in answers} == {303}
    (session,) = {session_in(answer) for answer in answers}
    assert opens(server, session)
    # Another form is another login.
    assert session_in(person.browser.post(f"{server.origin}/login", data=_login(server, person))) != session


def _login(server: AuthorizationServer, person: Person) -> dict[str, str]:
    form = forms_of(person.open(f"{server.origin}/login").text)[0]
    return {**form.fields, "username": person.username, "password": person.password}


@pytest.mark.requirement("AS-23")
def test_a_login_form_cannot_reopen_an_ended_session(server: AuthorizationServer, person: Person) -> None:
    fields = _login(server, person)
    first = session_in(person.browser.post(f"{server.origin}/login", data=fields))
    person.submit(person.open(f"{server.origin}/logout"), {})
    assert not opens(server, first)
    second = session_in(person.browser.post(f"{server.origin}/login", data=fields))
    assert second != first
    assert opens(server, second)
    assert not opens(server, first)
    wrong = person.browser.post(f"{server.origin}/login", data={**fields, "password": "wrong"})
    assert wrong.status_code == 401


def test_a_second_login_of_the_same_person_leaves_the_code_of_the_first_good(
    server: AuthorizationServer, person: Person
) -> None:
    client, pkce = server.register(), Pkce()
    answer = person.authorize(client.authorization_url(pkce))
    first = person.browser.cookies[cookie_name(server.issuer, "session")]
    person.log_in(person.open(f"{server.origin}/login"))
    assert not opens(server, first)
    assert client.redeem(answer["code"], pkce).status_code == 200


@pytest.mark.requirement("AS-17")
@pytest.mark.parametrize("ending", ["logout", "another person"])
def test_sessions_that_continue_each_other_end_together(
    server: AuthorizationServer, person: Person, ending: str
) -> None:
    client, pkce = server.register(), Pkce()
    answer = person.authorize(client.authorization_url(pkce))
    person.log_in(person.open(f"{server.origin}/login"))
    if ending == "logout":
        person.submit(person.open(f"{server.origin}/logout"), {})
    else:
        person.submit(person.open(f"{server.origin}/login"), {"username": "wesen", "password": "secret"})
    assert client.redeem(answer["code"], pkce).json()["error"] == "invalid_grant"


def test_a_disconnect_is_answered_again_and_leaves_what_was_connected_since(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register()
    client.connect(person)
    page = person.open_disconnect(server.origin)
    form = next(form for form in forms_of(page.text) if "grant_id" in form.fields)
    answers = post_at_once(person, page, form)
    assert {answer.status_code for answer in answers} == {303}
    (location,) = {answer.headers["location"] for answer in answers}
    assert "is disconnected" in person.open(f"{server.origin}/{location}").text
    tokens = client.connect(person)
    assert person.browser.post(urljoin(str(page.url), form.action), data=form.fields).status_code == 303
    assert server.is_active(tokens["access_token"])


def test_an_answer_is_repeated_to_the_browser_that_has_it_alone(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register(post_logout_redirect_uris=[BYE])
    person.log_in(person.open(f"{server.origin}/login"))
    parameters = httpx2.QueryParams({"client_id": client.client_id, "post_logout_redirect_uri": BYE})
    page = person.open(f"{server.origin}/logout?{parameters}")
    form = forms_of(page.text)[0]
    stranger = Person(trust_env=False)
    stranger.open(f"{server.origin}/login")
    where = urljoin(str(page.url), form.action)
    for _ in range(2):
        assert person.browser.post(where, data=form.fields).headers["location"] == BYE
        assert stranger.browser.post(where, data=form.fields).headers.get("location") != BYE
    changed = {**form.fields, "state": "x"}
    assert person.browser.post(where, data=changed).headers.get("location") != BYE
    stranger.close()


@pytest.mark.requirement("AS-7")
def test_an_invitation_that_is_made_many_times_at_once_is_one(
    server: AuthorizationServer,
) -> None:
    person = Person(trust_env=False)
    console = AtTheConsole(server, person)
    page = console.open("invitations")
    before = page.text.count('value="revoke"')
    form = console.form(page, "make")
    answers = post_at_once(person, page, form, action="make")
    (token,) = {token for answer in answers for token in TOKEN.findall(answer.text)}
    assert all(answer.status_code == 200 and token in answer.text for answer in answers)
    assert console.open("invitations").text.count('value="revoke"') == before + 1
    # Opening the page again gives a new form, and posting that makes another invitation.
    again = console.press(console.open("invitations"), "make")
    assert TOKEN.findall(again.text) != [token]
    person.close()


@pytest.mark.requirement("AS-7")
def test_a_second_press_that_finds_its_page_gone_waits_for_the_answer_of_the_first(
    server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, name = Person(trust_env=False), nobodys("software")
    console = AtTheConsole(server, person)
    server.register(client_name=name)
    key = re.search(r"clients\?key=[0-9a-f]{32}", console.open(f"software?q={name}").text)
    assert key
    page = console.open(key[0])
    fields = {**console.form(page, "remove_unused").fields, "action": "remove_unused"}
    removed, missed = threading.Event(), threading.Event()
    handle_post = ClientsSection.handle_post

    async def answer_late(section: ClientsSection, form: Parameters, admin: Administrator) -> Response:
        try:
            response = await handle_post(section, form, admin)
        except NotThereError:
            missed.set()
            raise
        removed.set()
        assert await to_thread.run_sync(missed.wait, 10)
        return response

    monkeypatch.setattr(ClientsSection, "handle_post", answer_late)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(post_in, person, page, fields)
        assert removed.wait(10)
        second = threads.submit(post_in, person, page, fields)
        answers = [first.result(), second.result()]
    assert [(a.status_code, a.headers.get("location")) for a in answers] == [(303, "software")] * 2
    person.close()


def post_in(person: Person, page: httpx2.Response, fields: dict[str, str]) -> httpx2.Response:
    """Post `fields` from the browser of `person`, in a connection of its own."""
    with httpx2.Client(timeout=30, trust_env=False, cookies=dict(person.browser.cookies)) as browser:
        return browser.post(str(page.url).partition("?")[0], data=fields)


def is_kept(server: AuthorizationServer, name: str) -> bool:
    return server.with_store(lambda store: store.get(keys.submission(name))) is not None


@pytest.mark.requirement("BOUND-2")
def test_nothing_is_kept_of_what_a_stranger_posts(server: AuthorizationServer) -> None:
    stranger = Person(trust_env=False)
    csrf = forms_of(stranger.open(f"{server.origin}/login").text)[0].fields["csrf"]
    browser_id = stranger.browser.cookies[cookie_name(server.issuer, "browser")]
    for path in ("/logout", "/login", "/device", "/account", "/consent", "/admin/invitations"):
        fields = {"csrf": csrf, "action": "make", "uses": "1", "hours": "1", "grant_id": "x", "state": "x"}
        assert stranger.browser.post(f"{server.origin}{path}", data=fields).status_code < 500
        name = submission_name(path, browser_id, Parameters(fields))
        assert name
        assert not is_kept(server, name)
    stranger.close()
