"""Every refusal of both services is explained in the log under the id that it carries (RS-11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from shared.cli.why.entries import Entry, read_entries
from shared.cli.why.remedies import reason_of
from tests.auth_service.service import machine
from tests.cli.command import Up, doorward, up, up_again
from tests.flow import Person, asks_for_nothing
from tests.servers import wait_until

pytestmark = [pytest.mark.requirement("RS-11"), pytest.mark.xdist_group("refusals")]

Refused = Callable[[Up, httpx2.Client], httpx2.Response]
JUNK = {"Authorization": "Bearer dw_at_junk-that-is-no-token"}
EVIL = {"Origin": "https://evil.example"}
MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up(tmp_path_factory.mktemp("up"), DOORWARD_MAX_BODY_BYTES="2000") as started:
        yield started


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with machine() as client:
        yield client


def mcp(running: Up) -> str:
    return f"http://localhost:{running.resource_port}/mcp"


def refusals(running: Up, request_id: str) -> list[Entry]:
    """Return the log entries of a refused request; they are written a moment after the response."""
    wait_until(lambda: bool(_refusals(running, request_id)))
    return _refusals(running, request_id)


def _refusals(running: Up, request_id: str) -> list[Entry]:
    problems = []
    for log in (running.directory / ".doorward").glob("*.log"):
        entries = read_entries(log.read_text().splitlines(), log.name)
        problems += [entry for entry in entries if entry.text("request_id") == request_id]
    return [entry for entry in problems if entry.text("status") and entry.text("reason")]


def wrong_password(running: Up, http: httpx2.Client) -> httpx2.Response:
    person = Person("wesen", "wrong", trust_env=False)
    answer = person.log_in(person.open(f"{running.issuer}/login"))
    person.close()
    return answer


def unknown_device_code(running: Up, http: httpx2.Client) -> httpx2.Response:
    person = Person(trust_env=False)
    answer = person.submit(person.open(f"{running.issuer}/device"), {"user_code": "WXYZ-WXYZ"})
    person.close()
    return answer


def nothing_in_the_console(running: Up, http: httpx2.Client) -> httpx2.Response:
    person = Person(trust_env=False)
    person.log_in(person.open(f"{running.issuer}/login"))
    answer = person.open(f"{running.issuer}/admin/nowhere")
    person.close()
    return answer


def resource(method: str, path: str, **request: object) -> Refused:
    def refused(running: Up, http: httpx2.Client) -> httpx2.Response:
        return http.request(method, f"http://localhost:{running.resource_port}{path}", **request)  # type: ignore[arg-type]

    return refused


def auth(method: str, path: str, **request: object) -> Refused:
    def refused(running: Up, http: httpx2.Client) -> httpx2.Response:
        return http.request(method, f"{running.issuer}{path}", **request)  # type: ignore[arg-type]

    return refused


LARGE = "x" * 3_000
RESOURCE_SERVER: dict[str, tuple[Refused, int]] = {
    "no token": (resource("POST", "/mcp", json=MESSAGE), 401),
    "no token, HEAD": (resource("HEAD", "/mcp"), 401),
    "a token that is none": (resource("POST", "/mcp/", headers=JUNK, json=MESSAGE), 401),
    "a token in the query": (resource("GET", "/mcp?access_token=x"), 400),
    "a foreign origin": (resource("POST", "/mcp", headers=EVIL), 403),
    "no token for the greeting": (resource("GET", "/hello"), 401),
    "a path that is not there": (resource("GET", "/nowhere"), 404),
    "a method that is not there": (resource("DELETE", "/health"), 405),
    "metadata, posted": (resource("POST", "/.well-known/oauth-protected-resource"), 405),
    "a file that is not there": (resource("GET", "/docs/assets/nothing.js"), 404),
    "the token endpoint's alias": (resource("POST", "/token", data={"grant_type": "nonsense"}), 401),
    "the registration's alias": (resource("POST", "/register", json={"redirect_uris": ["data:x"]}), 400),
    "the alias, too large": (resource("POST", "/register", content="x" * 70_000), 413),
}
AUTHORIZATION_SERVER: dict[str, tuple[Refused, int]] = {
    "a path that is not there": (auth("GET", "/nowhere"), 404),
    "a method that is not there": (auth("GET", "/token"), 405),
    "a file that is not there": (auth("GET", "/static/nothing.css"), 404),
    "a body that is too large": (auth("POST", "/token", content=LARGE), 413),
    "a token request without a client": (auth("POST", "/token", data={"grant_type": "refresh_token"}), 401),
    "a body of another kind": (auth("POST", "/token", content="{}"), 400),
    "a registration": (auth("POST", "/register", json={"redirect_uris": ["javascript:x"]}), 400),
    "somebody's registration": (auth("GET", "/register/nobody"), 401),
    "introspection by nobody": (auth("POST", "/introspect", data={"token": "x"}), 401),
    "revocation by nobody": (auth("POST", "/revoke", data={"token": "x"}), 401),
    "userinfo": (auth("GET", "/userinfo", headers=JUNK), 401),
    "a pushed request": (auth("POST", "/par", data={"client_id": "nobody"}), 401),
    "a device request": (auth("POST", "/device_authorization", data={"client_id": "nobody"}), 401),
}
PAGES: dict[str, tuple[Refused, int]] = {
    "an unknown client": (auth("GET", "/authorize?client_id=nobody&response_type=code"), 400),
    "a parameter twice": (auth("GET", "/authorize?client_id=a&client_id=b"), 400),
    "a login that is over": (auth("GET", "/login?pending=gone"), 400),
    "a consent that is over": (auth("GET", "/consent?pending=gone"), 400),
    "a request that is over": (auth("GET", "/authorize?pending=gone"), 400),
    "a form of another browser": (auth("POST", "/login", data={"username": "wesen", "password": "x"}), 400),
    "a wrong password": (wrong_password, 401),
    "an unknown device code": (unknown_device_code, 400),
    "a page of the console that is not there": (nothing_in_the_console, 404),
}


def named(table: dict[str, tuple[Refused, int]]) -> pytest.MarkDecorator:
    cases = [pytest.param(*case, id=name) for name, case in table.items()]
    return pytest.mark.parametrize(("refused", "status"), cases)


@named(
    {f"resource, {name}": case for name, case in RESOURCE_SERVER.items()}
    | {f"auth, {name}": case for name, case in AUTHORIZATION_SERVER.items()}
)
def test_every_refusal_carries_an_id_under_which_one_line_explains_it(
    running: Up, http: httpx2.Client, refused: Refused, status: int
) -> None:
    answer = refused(running, http)
    assert answer.status_code == status, answer.text
    request_id = answer.headers["x-request-id"]
    (entry,) = refusals(running, request_id)
    assert entry.text("status") == str(status)
    assert entry.text("path")
    assert reason_of(entry) is not None, entry.text("reason_code")
    if answer.content and "alias" not in entry.text("reason") and "forwarded" not in entry.text("reason"):
        assert answer.json()["request_id"] == request_id
        assert answer.json()["reason_code"] == entry.text("reason_code")


@named(PAGES)
def test_a_page_that_refuses_shows_its_id_to_the_person(
    running: Up, http: httpx2.Client, refused: Refused, status: int
) -> None:
    answer = refused(running, http)
    assert answer.status_code == status, answer.text
    request_id = answer.headers["x-request-id"]
    assert f"request <code>{request_id}</code>" in answer.text
    (entry,) = refusals(running, request_id)
    assert reason_of(entry) is not None, entry.text("reason_code")


def test_why_tells_the_reason_that_the_client_was_not_told(
    running: Up, http: httpx2.Client, tmp_path: Path
) -> None:
    answer = http.post(mcp(running), headers=JUNK, json=MESSAGE)
    assert refusals(running, answer.json()["request_id"])
    done = doorward("why", answer.json()["request_id"], cwd=running.directory)
    assert done.returncode == 0, done.stderr
    assert "authorization server" in done.stdout
    assert "(token_not_of_this_installation)" in done.stdout
    assert "POST /mcp was refused with 401 invalid_token." in done.stdout
    assert answer.json()["error_description"] in done.stdout
    assert "What to do" in done.stdout
    elsewhere = doorward("why", answer.json()["request_id"], cwd=tmp_path)
    assert elsewhere.returncode == 1


def test_why_goes_on_from_an_alias_to_where_the_request_was_passed_on_to(
    running: Up, http: httpx2.Client
) -> None:
    answer = http.post(f"http://localhost:{running.resource_port}/token", data={"grant_type": "nonsense"})
    ids = (answer.headers["x-request-id"], answer.json()["request_id"])
    assert len(set(ids)) == 2
    for request_id in ids:
        assert refusals(running, request_id)
        done = doorward("why", request_id, cwd=running.directory)
        assert "POST /token was refused" in done.stdout
        assert done.stdout.count("was refused") == 2
        assert "invalid_client" in done.stdout


@pytest.mark.long
def test_a_refusal_is_found_after_a_restart(tmp_path: Path, http: httpx2.Client) -> None:
    with up(tmp_path) as first:
        person = Person(trust_env=False)
        page = person.open(f"{first.issuer}/authorize?client_id=nobody&response_type=code")
        person.close()
        assert asks_for_nothing(page.text)
    with up_again(first) as second:
        done = doorward("why", page.headers["x-request-id"], cwd=tmp_path)
        assert "invalid_client" in done.stdout
        assert second.answers("auth")
