"""Mounts with connected accounts behind one URL: each uses the person's account for itself (GW-1, GW-3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from mcp.shared.exceptions import MCPError, UrlElicitationRequiredError
from mcp_types import ElicitRequestURLParams, ElicitResult

from resource_service.connected_accounts.introduction import TOOL
from shared.disconnections import MEMBER
from shared.journal.chain import read_entry
from shared.journal.delivery import EVENTS_PATH, read_delivery
from tests.gateway.accounts import FIRST, SECOND, Accounts, accepting, sent_authorizations
from tests.gateway.exchange import INITIALIZE, LISTEN, MESSAGE, check_explained
from tests.gateway.upstreams import ERAS, PATIENCE, connected, forked_stdio
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, running, token_for
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("GW-1", "GW-2", "GW-3")

ALL = "issues tickets plain"
LEFT_OUT = "doorward/left-out"
CONNECT = f"issues_{TOOL}"
OF_TICKETS = {"tickets_t"}
LINKS: dict[str, Any] = {"elicitation": {"url": {}}}


@pytest.fixture(scope="module")
def server() -> Iterator[AuthorizationServer]:
    """An authorization server with a feed."""
    running = AuthorizationServer().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def all_accounts(server: AuthorizationServer) -> Accounts:
    return Accounts(server)


def settings(upstream: AuthorizationServer) -> dict[str, str]:
    """Two mounts with connected accounts, and one without."""
    mounts = {
        "/issues": {"upstream": f"{upstream.url}/issues", "connected_account": True, "name": "Issues"},
        "/tickets": {"upstream": f"{upstream.url}/tickets", "connected_account": True},
        "/plain": forked_stdio("tests.gateway.servers.plain"),
    }
    return {"mounts": json.dumps(mounts), "join": "true", **PATIENCE}


@pytest.fixture(scope="module")
def service(
    server: AuthorizationServer,
    all_accounts: Accounts,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    with running(server, tmp_path_factory.mktemp("joined"), **settings(scripted_upstream)) as service:
        wait_until(lambda: "receiving revocations" in service.log_file.read_text(), timeout_s=30)
        yield service


@pytest.fixture
def accounts(all_accounts: Accounts, server: AuthorizationServer, upstream: AuthorizationServer) -> Accounts:
    server.questions.clear()
    all_accounts.feed.members[MEMBER] = []
    upstream.replies |= {"/issues": accepting(FIRST), "/tickets": accepting(SECOND)}
    return all_accounts


@pytest.fixture
def token(
    service: Service, server: AuthorizationServer, accounts: Accounts, request: pytest.FixtureRequest
) -> str:
    """A token of a person who has connected an account for tickets, and none for issues."""
    token = token_of(service, server, request.node.name)
    accounts.offer_link(token, at=at(service, "issues"))
    accounts.connect(token, SECOND, at=at(service, "tickets"))
    return token


def token_of(service: Service, server: AuthorizationServer, name: str, scope: str = ALL) -> str:
    return token_for(service, server, sub=f"sub-{name}", grant_id=f"grant-{name}", scope=scope)


def at(service: Service, mount: str) -> str:
    """The own resource of a mount."""
    return f"{service.origin}/{mount}"


def modern(tool: str, *, opens_links: bool = False, **arguments: object) -> dict[str, Any]:
    message = call(tool, **arguments)
    capabilities = LINKS if opens_links else {}
    meta = {**message["params"]["_meta"], "io.modelcontextprotocol/clientCapabilities": capabilities}
    return {**message, "params": {**message["params"], "_meta": meta}}


def posted(service: Service, token: str, tool: str, *, opens_links: bool = False) -> httpx2.Response:
    return httpx2.post(
        service.resource,
        headers=bearer(token) | modern_headers(tool),
        json=modern(tool, opens_links=opens_links),
        timeout=60,
        trust_env=False,
    )


def is_done(response: httpx2.Response) -> bool:
    return "done" in response.text


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS.values(), ids=ERAS)
async def test_a_mount_whose_account_is_missing_leaves_the_tools_of_the_others(
    mode: str, service: Service, token: str, accounts: Accounts
) -> None:
    async with connected(service.resource, token, mode) as client:
        if mode == "legacy":
            assert CONNECT in (client.instructions or "")
        for _ in range(2):
            listed = await client.list_tools()
            names = {tool.name for tool in listed.tools}
            assert {"plain_add", CONNECT} | OF_TICKETS <= names
            assert "issues_t" not in names
            notices = (listed.meta or {})[LEFT_OUT]
            assert list(notices) == ["issues"]
            assert f"no GitHub account is connected; the tool {CONNECT}" in notices["issues"]
        assert not (await client.call_tool("tickets_t", {})).is_error
        accounts.connect(token, FIRST, at=at(service, "issues"))
        listed = await client.list_tools()
        names = {tool.name for tool in listed.tools}
        assert {"plain_add", "issues_t"} | OF_TICKETS <= names, "at once, not after the lists have expired"
        assert CONNECT not in names
        assert LEFT_OUT not in (listed.meta or {})
        assert not (await client.call_tool("issues_t", {})).is_error


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS.values(), ids=ERAS)
async def test_a_client_that_opens_links_is_told_the_one_of_the_mount_and_calls_again(
    mode: str, service: Service, token: str, accounts: Accounts
) -> None:
    links: list[ElicitRequestURLParams] = []

    async def open_link(_context: object, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestURLParams)
        links.append(params)
        await asyncio.to_thread(accounts.connect, token, FIRST, at=at(service, "issues"))
        return ElicitResult(action="accept")

    async with connected(service.resource, token, mode, elicitation_callback=open_link) as client:
        if mode == "legacy":
            with pytest.raises(MCPError) as raised:
                await client.call_tool("issues_t", {})
            (elicitation,) = UrlElicitationRequiredError.from_error(raised.value.error).elicitations
            await open_link(None, elicitation)
        assert not (await client.call_tool("issues_t", {})).is_error
    (params,) = links
    assert params.url == accounts.link()["connect_url"]
    assert "so that Issues can use it" in params.message


def test_the_link_as_text_names_the_mount(service: Service, token: str, accounts: Accounts) -> None:
    for tool in ("issues_t", CONNECT):
        response = posted(service, token, tool)
        result = response.json()["result"]
        assert result["isError"]
        assert "No GitHub account is connected for the MCP server 'Issues'" in result["content"][0]["text"]
        assert accounts.link()["connect_url"] in result["content"][0]["text"]
        check_explained(service, response, "not_connected")
    required = posted(service, token, "issues_t", opens_links=True).json()["result"]
    assert required["resultType"] == "input_required"


def test_each_mount_gets_the_credential_of_its_own_account_and_never_the_token(
    service: Service, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    accounts.connect(token, FIRST, at=at(service, "issues"))
    assert is_done(posted(service, token, "issues_t"))
    assert is_done(posted(service, token, "tickets_t"))
    assert sent_authorizations(upstream) == [FIRST, SECOND]
    assert [question.target for question in upstream.questions] == ["/issues", "/tickets"]
    assert all(token not in str(question) for question in upstream.questions)
    forms = [(question.form["token"], question.form["resource"]) for question in accounts.questions]
    assert forms == [(token, at(service, "issues")), (token, at(service, "tickets"))]


def test_an_authorization_server_that_does_not_know_mounts_gives_them_no_account(
    service: Service,
    server: AuthorizationServer,
    token: str,
    accounts: Accounts,
    upstream: AuthorizationServer,
) -> None:
    """An earlier release ignores the named resource, and answers for that of the token."""
    upstream.questions.clear()
    accounts.names_resources = False
    try:
        at_all = posted(service, token, "tickets_t")
        assert at_all.status_code == 503
        check_explained(service, at_all, "account_answer_malformed")
        assert sent_authorizations(upstream) == []
        own = token_for(service, server, sub="sub-own", grant_id="grant-own", aud=at(service, "tickets"))
        accounts.connect(own, SECOND)
        assert is_done(
            httpx2.post(
                at(service, "tickets"),
                headers=bearer(own) | modern_headers("t"),
                json=modern("t"),
                timeout=60,
                trust_env=False,
            )
        )
    finally:
        accounts.names_resources = True


def test_the_account_of_another_person_is_not_used(
    service: Service, server: AuthorizationServer, token: str, accounts: Accounts
) -> None:
    accounts.connect(token, FIRST, at=at(service, "issues"))
    assert is_done(posted(service, token, "issues_t"))
    other = token_of(service, server, "other")
    accounts.offer_link(other, "link-2", at=at(service, "issues"))
    assert accounts.link("link-2")["connect_url"] in posted(service, other, "issues_t").text


def test_a_disconnection_affects_the_mount_alone(
    service: Service, server: AuthorizationServer, token: str, accounts: Accounts
) -> None:
    accounts.connect(token, FIRST, at=at(service, "issues"))
    assert "issues_t" in names_listed(service, token)
    accounts.offer_link(token, at=at(service, "issues"))
    accounts.disconnect(str(server.tokens[token]["sub"]), at(service, "issues"), "1")
    wait_until(lambda: not is_done(posted(service, token, "issues_t")), timeout_s=30)
    assert is_done(posted(service, token, "tickets_t"))
    names = names_listed(service, token)
    assert CONNECT in names
    assert "issues_t" not in names
    assert names >= OF_TICKETS


def test_the_end_of_the_consent_to_one_mount_leaves_the_accounts_of_the_others(
    service: Service, server: AuthorizationServer, token: str, accounts: Accounts
) -> None:
    accounts.connect(token, FIRST, at=at(service, "issues"))
    assert is_done(posted(service, token, "issues_t"))
    server.tokens[token]["scope"] = "tickets plain"
    wait_until(lambda: posted(service, token, "issues_t").status_code == 403)
    assert is_done(posted(service, token, "tickets_t"))
    assert names_listed(service, token) >= OF_TICKETS
    assert not {"issues_t", CONNECT} & names_listed(service, token)


def names_listed(service: Service, token: str) -> set[str]:
    message = {**modern("x"), "method": "tools/list"}
    headers = {**modern_headers("x"), "Mcp-Method": "tools/list"}
    del headers["Mcp-Name"]
    response = httpx2.post(
        service.resource, headers=bearer(token) | headers, json=message, timeout=60, trust_env=False
    )
    return {tool["name"] for tool in response.json()["result"]["tools"]}


def test_the_stream_of_a_session_tells_that_the_account_is_connected(
    service: Service, token: str, accounts: Accounts
) -> None:
    with httpx2.Client(timeout=60, trust_env=False) as client:
        response = client.post(service.resource, headers=bearer(token) | MESSAGE, json=INITIALIZE)
        session = {"Mcp-Session-Id": response.headers["mcp-session-id"]}
        headers = bearer(token) | LISTEN | session
        with client.stream("GET", service.resource, headers=headers) as stream:
            accounts.connect(token, FIRST, at=at(service, "issues"))
            lines = (line for line in stream.iter_lines() if line.startswith("data: "))
            messages = [json.loads(next(lines)[6:]) for _ in range(2)]
    assert [each["method"] for each in messages] == [
        "notifications/elicitation/complete",
        "notifications/tools/list_changed",
    ]
    assert messages[0]["params"]["elicitationId"] == "link-1"


def test_a_subscription_of_2026_07_28_tells_that_the_account_is_connected(
    service: Service, token: str, accounts: Accounts
) -> None:
    method, meta = "subscriptions/listen", modern("t")["params"]["_meta"]
    params = {"notifications": {"toolsListChanged": True}, "_meta": meta}
    headers = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    with (
        httpx2.Client(timeout=20, trust_env=False, headers=bearer(token) | MESSAGE | headers) as client,
        client.stream(
            "POST",
            service.resource,
            json={"jsonrpc": "2.0", "id": "s", "method": method, "params": params},
        ) as stream,
    ):
        lines = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
        assert next(lines)["method"] == "notifications/subscriptions/acknowledged"
        accounts.connect(token, FIRST, at=at(service, "issues"))
        changed = next(lines)
    assert changed["method"] == "notifications/tools/list_changed"
    assert changed["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == "s"


def test_a_session_learns_what_a_mount_offers_when_its_account_is_connected(
    service: Service, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    with httpx2.Client(timeout=60, trust_env=False, headers=bearer(token) | MESSAGE) as client:

        def post(method: str, **params: object) -> dict[str, Any]:
            message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            return client.post(service.resource, json=message).json()["result"]  # type: ignore[no-any-return]

        opened = client.post(service.resource, json=INITIALIZE)
        client.headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        post("tools/list")
        post("logging/setLevel", level="debug")
        accounts.connect(token, FIRST, at=at(service, "issues"))
        post("tools/list")
        assert LEFT_OUT not in post("prompts/list").get("_meta", {})
    messages = [json.loads(each.body) for each in upstream.questions if each.target == "/issues"]
    sent = [(message["method"], message["params"].get("level")) for message in messages if "id" in message]
    assert sent == [("initialize", None), ("tools/list", None), ("logging/setLevel", "debug")]


def test_the_journal_names_the_mount_of_a_call_that_has_no_account(
    service: Service, server: AuthorizationServer, token: str, accounts: Accounts
) -> None:
    posted(service, token, "issues_t")
    subject = server.tokens[token]["sub"]

    def of_call() -> list[dict[str, Any]]:
        numbers = [event["call"] for event in journal_of(server) if event.get("subject") == subject]
        return [event for event in journal_of(server) if event.get("call") in numbers]

    wait_until(lambda: len(of_call()) == 2, timeout_s=30)
    begun, ended = of_call()
    assert (begun["mount"], begun["resource"], begun["name"]) == ("/issues", at(service, "issues"), "t")
    assert ended["reason_code"] == "not_connected"


def journal_of(server: AuthorizationServer) -> list[dict[str, Any]]:
    """The events that the resource service has delivered."""
    deliveries = [each.body for each in server.unprompted if each.target == EVENTS_PATH]
    return [
        read_entry(line)
        for body in deliveries
        for write in read_delivery(body).writes
        for line in write.split(b"\n")
    ]


@pytest.fixture(scope="module")
def searching(
    server: AuthorizationServer,
    all_accounts: Accounts,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """The same, with two tools in place of all."""
    directory = tmp_path_factory.mktemp("searching")
    with running(server, directory, join_search="true", **settings(scripted_upstream)) as service:
        yield service


def test_a_search_returns_how_to_connect_whatever_it_searches_for(
    searching: Service, server: AuthorizationServer, accounts: Accounts
) -> None:
    token = token_of(searching, server, "searching")
    accounts.offer_link(token, at=at(searching, "issues"))
    accounts.connect(token, SECOND, at=at(searching, "tickets"))
    assert names_listed(searching, token) == {"search_tools", "call_tool"}
    message = modern("search_tools", query="add numbers")
    headers = bearer(token) | modern_headers("search_tools")
    response = httpx2.post(searching.resource, headers=headers, json=message, timeout=60, trust_env=False)
    names = [tool["name"] for tool in json.loads(response.json()["result"]["content"][0]["text"])]
    assert "plain_add" in names
    assert names[-1] == CONNECT
    message = modern("call_tool", name="issues_t", arguments={})
    headers = bearer(token) | modern_headers("call_tool")
    refused = httpx2.post(searching.resource, headers=headers, json=message, timeout=60, trust_env=False)
    assert accounts.link()["connect_url"] in refused.text
