"""Requests get the credential of the person's connected account, or an answer with the link (GW-1, GW-2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from resource_service.connected_accounts.introduction import TOOL
from shared.disconnections import MEMBER
from tests.gateway.accounts import FIRST, SECOND, Accounts, accepting, sent_authorizations
from tests.gateway.exchange import INITIALIZE, MESSAGE, check_explained
from tests.gateway.upstreams import gateway
from tests.resource_service.authorization_server import AuthorizationServer, answer_json
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for
from tests.servers import wait_until

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "t", "arguments": {}}}
LINKS: dict[str, Any] = {"capabilities": {"elicitation": {"url": {}}}}
POLICY = """
scopes: {admin: Everything}
default: [admin]
tools: {t: []}
hide: true
"""
Directories = pytest.TempPathFactory


@pytest.fixture(scope="module")
def server() -> Iterator[AuthorizationServer]:
    """An authorization server with a feed."""
    running = AuthorizationServer().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def all_accounts(server: AuthorizationServer) -> Accounts:
    return Accounts(server)


@pytest.fixture(scope="module")
def service(
    server: AuthorizationServer,
    all_accounts: Accounts,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: Directories,
) -> Iterator[Service]:
    """The gateway in front of the scripted upstream, with connected accounts."""
    directory = tmp_path_factory.mktemp("accounts")
    policy = directory / "policy.yaml"
    policy.write_text(POLICY)
    settings = {"upstream_connected_account": "true", "resource_name": "Issues", "policy": str(policy)}
    settings |= {"upstream_api_key_header": "X-API-Key", "upstream_api_key_prefix": "Key "}
    url = f"{scripted_upstream.url}/mcp"
    with gateway(server, directory, url, **settings) as running:
        wait_until(lambda: "receiving revocations" in running.log_file.read_text(), timeout_s=30)
        yield running


@pytest.fixture
def accounts(all_accounts: Accounts, server: AuthorizationServer) -> Accounts:
    server.questions.clear()
    all_accounts.feed.members[MEMBER] = []
    return all_accounts


@pytest.fixture
def client(service: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=service.origin, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def token(service: Service, server: AuthorizationServer, request: pytest.FixtureRequest) -> str:
    """A token of a person and a grant of their own."""
    name = request.node.name
    return token_for(service, server, sub=f"sub-{name}", grant_id=f"grant-{name}")


def post(client: httpx2.Client, token: str, message: object, **headers: str) -> httpx2.Response:
    return client.post("/mcp", headers=bearer(token) | MESSAGE | headers, json=message)


def initialize(**params: object) -> dict[str, Any]:
    return {**INITIALIZE, "params": {**INITIALIZE["params"], **params}}


def modern_call(*, opens_links: bool, **params: object) -> dict[str, Any]:
    message = call("t")
    capabilities = LINKS["capabilities"] if opens_links else {}
    meta = {**message["params"]["_meta"], "io.modelcontextprotocol/clientCapabilities": capabilities}
    return {**message, "params": {**message["params"], **params, "_meta": meta}}


@pytest.mark.requirement("GW-1")
def test_every_request_gets_the_credential_of_the_person_and_never_the_token(
    client: httpx2.Client, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = accepting(FIRST)
    accounts.connect(token, FIRST)
    session = post(client, token, INITIALIZE).headers["mcp-session-id"]
    response = post(client, token, CALL, **{"Mcp-Session-Id": session})
    assert response.json()["result"]["content"][0]["text"] == "done"
    headers = bearer(token) | {"Accept": "text/event-stream", "Mcp-Session-Id": session}
    client.get("/mcp", headers=headers)
    client.delete("/mcp", headers=headers)
    assert {question.method for question in upstream.questions} == {"POST", "GET", "DELETE"}
    assert sent_authorizations(upstream) == [FIRST] * 4
    assert all(token not in str(question) for question in upstream.questions)
    assert len(accounts.questions) == 1


@pytest.mark.requirement("GW-1")
def test_an_api_key_is_sent_in_its_own_header_and_not_that_of_the_client(
    client: httpx2.Client, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    accounts.connect_key(token, "k-1")
    post(client, token, CALL, **{"X-API-Key": "of the client"})
    assert [question.header_values("x-api-key") for question in upstream.questions] == [["Key k-1"]]
    assert sent_authorizations(upstream) == []


@pytest.mark.requirement("GW-1")
def test_concurrent_requests_of_a_grant_share_one_question(
    client: httpx2.Client, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = accepting(FIRST)
    accounts.connect(token, FIRST)
    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda _: post(client, token, CALL), range(32)))
    assert {response.status_code for response in responses} == {200}
    assert len(accounts.questions) == 1


@pytest.mark.requirement("GW-1")
def test_a_disconnection_stops_the_use_of_what_is_kept_within_a_second(
    client: httpx2.Client, service: Service, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = accepting(FIRST)
    accounts.connect(token, FIRST)
    assert "result" in post(client, token, CALL).json()
    accounts.offer_link(token)
    accounts.disconnect(str(accounts.server.tokens[token]["sub"]), f"{service.resource}/", "1")
    wait_until(lambda: "link-1" in post(client, token, CALL).text, timeout_s=30)


def test_a_refused_credential_is_reported_once_and_the_request_repeated(
    client: httpx2.Client, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = accepting(SECOND)
    accounts.connect(token, FIRST, SECOND)
    for _ in range(2):
        response = post(client, token, CALL)
        assert response.json()["result"]["content"][0]["text"] == "done"
    assert sent_authorizations(upstream) == [FIRST, SECOND, SECOND]
    assert [question.form.get("rejected") for question in accounts.questions] == [None, "1"]


def test_a_credential_that_is_refused_after_its_renewal_ends_in_an_error_without_a_loop(
    client: httpx2.Client, service: Service, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = accepting("Bearer another")
    accounts.connect(token, FIRST, SECOND)
    response = post(client, token, CALL)
    assert response.status_code == 502
    assert "www-authenticate" not in response.headers
    check_explained(service, response, "account_credential_refused")
    assert post(client, token, CALL).status_code == 502
    assert sent_authorizations(upstream) == [FIRST, SECOND, SECOND]
    assert len(accounts.questions) == 2


def test_a_refused_credential_without_a_successor_gives_the_link(
    client: httpx2.Client, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = accepting(SECOND)
    accounts.connect(token, FIRST)
    accounts.by_token[token].append({**accounts.link(), "version": "none"})
    result = post(client, token, CALL).json()["result"]
    assert result["isError"]
    assert accounts.link()["connect_url"] in result["content"][0]["text"]
    assert sent_authorizations(upstream) == [FIRST]


@pytest.mark.requirement("GW-2")
def test_a_client_that_opens_links_gets_the_error_of_2025_11_25(
    client: httpx2.Client, service: Service, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    accounts.offer_link(token)
    session = post(client, token, initialize(**LINKS)).headers["mcp-session-id"]
    response = post(client, token, CALL, **{"Mcp-Session-Id": session})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (200, -32042)
    (elicitation,) = error["data"]["elicitations"]
    assert elicitation["mode"] == "url"
    assert elicitation["url"] == accounts.link()["connect_url"]
    assert elicitation["elicitationId"] == "link-1"
    check_explained(service, response, "not_connected")
    assert not upstream.questions


@pytest.mark.requirement("GW-2")
def test_a_client_that_opens_links_gets_the_result_of_2026_07_28_and_repeats_its_call(
    client: httpx2.Client, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = accepting(FIRST)
    accounts.offer_link(token)
    headers = modern_headers("t")
    result = post(client, token, modern_call(opens_links=True), **headers).json()["result"]
    assert result["resultType"] == "input_required"
    ((name, request),) = result["inputRequests"].items()
    assert request["method"] == "elicitation/create"
    assert request["params"]["url"] == accounts.link()["connect_url"]
    answered = {"inputResponses": {name: {"action": "accept"}}, "requestState": result["requestState"]}
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(post, client, token, modern_call(opens_links=True, **answered), **headers)
        wait_until(lambda: len(accounts.questions) > 2, timeout_s=30)
        accounts.connect(token, FIRST)
        assert again.result().json()["result"]["content"][0]["text"] == "done"
    forwarded = json.loads(upstream.questions[-1].body)["params"]
    assert not {"inputResponses", "requestState"} & set(forwarded)


def test_a_person_who_declines_gets_the_link_in_the_text(
    client: httpx2.Client, token: str, accounts: Accounts
) -> None:
    accounts.offer_link(token)
    declined = {
        "inputResponses": {"doorward_connect": {"action": "decline"}},
        "requestState": "doorward_connect:1",
    }
    message = modern_call(opens_links=True, **declined)
    result = post(client, token, message, **modern_headers("t")).json()["result"]
    assert result["isError"]
    assert accounts.link()["connect_url"] in result["content"][0]["text"]


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_a_client_that_opens_no_links_gets_the_link_in_the_text_of_the_result(
    revision: str, client: httpx2.Client, token: str, accounts: Accounts
) -> None:
    accounts.offer_link(token)
    is_modern = revision == "2026-07-28"
    message = modern_call(opens_links=False) if is_modern else CALL
    result = post(client, token, message, **(modern_headers("t") if is_modern else {})).json()["result"]
    assert result["isError"]
    assert accounts.link()["connect_url"] in result["content"][0]["text"]


def test_a_client_can_connect_before_its_account_and_goes_on_in_the_session_of_the_upstream(
    client: httpx2.Client, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = accepting(FIRST)
    accounts.offer_link(token)
    opened = post(client, token, initialize(**LINKS))
    assert opened.json()["result"]["serverInfo"]["name"] == "Issues"
    session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert post(client, token, ready, **session).status_code == 202
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    tools = post(client, token, listing, **session).json()["result"]["tools"]
    assert [tool["name"] for tool in tools] == [TOOL]
    assert not upstream.questions

    accounts.connect(token, FIRST)
    response = post(client, token, listing, **session)
    assert [tool["name"] for tool in response.json()["result"]["tools"]] == ["t"]
    assert "mcp-session-id" not in response.headers
    sent = [json.loads(question.body) for question in upstream.questions]
    assert [message["method"] for message in sent] == ["initialize", ready["method"], "tools/list"]
    assert sent[0]["params"]["capabilities"] == LINKS["capabilities"]
    named = [question.headers.get("mcp-session-id", "") for question in upstream.questions]
    assert named == ["", named[1] or "the id of the upstream", named[1]]


def test_a_waiting_stream_tells_that_the_account_is_connected_and_ends(
    client: httpx2.Client, token: str, accounts: Accounts
) -> None:
    accounts.offer_link(token)
    session = post(client, token, initialize(**LINKS)).headers["mcp-session-id"]
    headers = bearer(token) | {"Accept": "text/event-stream", "Mcp-Session-Id": session}
    with client.stream("GET", "/mcp", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        accounts.connect(token, FIRST)
        text = stream.read().decode()
    assert '"method":"notifications/elicitation/complete"' in text.replace(" ", "")
    assert "link-1" in text
    assert "notifications/tools/list_changed" in text


def test_a_strict_policy_lets_everybody_get_the_link_and_nothing_else(
    client: httpx2.Client, service: Service, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    accounts.offer_link(token)
    asking = {**CALL, "params": {"name": TOOL, "arguments": {}}}
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    tools = post(client, token, listing).json()["result"]["tools"]
    assert [tool["name"] for tool in tools] == [TOOL]
    assert accounts.link()["connect_url"] in post(client, token, asking).text
    other = {**CALL, "params": {"name": f"{TOOL}s", "arguments": {}}}
    refused = [other, [asking, other], [asking, listing]]
    assert [post(client, token, message).status_code for message in refused] == [403] * 3
    # Also once it is connected: the upstream may have a tool with this name.
    upstream.replies["*"] = accepting(FIRST)
    accounts.connect(token, FIRST)
    assert "The account is connected" in post(client, token, asking).text
    assert [post(client, token, message).status_code for message in refused] == [403] * 3
    assert not upstream.questions


def test_a_subscription_of_2026_07_28_tells_that_the_account_is_connected_and_ends(
    client: httpx2.Client, token: str, accounts: Accounts, upstream: AuthorizationServer
) -> None:
    accounts.offer_link(token)
    meta = call("t")["params"]["_meta"]
    wanted = {"toolsListChanged": True, "resourceSubscriptions": []}
    message = {
        "jsonrpc": "2.0",
        "id": "s",
        "method": "subscriptions/listen",
        "params": {"notifications": wanted, "_meta": meta},
    }
    headers = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
    with client.stream("POST", "/mcp", headers=bearer(token) | MESSAGE | headers, json=message) as stream:
        lines = stream.iter_lines()
        first = json.loads(next(line for line in lines if line.startswith("data: "))[6:])
        accounts.connect(token, FIRST)
        rest = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    own = {"_meta": {"io.modelcontextprotocol/subscriptionId": "s"}}
    assert first["method"] == "notifications/subscriptions/acknowledged"
    assert first["params"] == {"notifications": {"toolsListChanged": True}, **own}
    changed, result = rest
    assert (changed["method"], changed["params"]) == ("notifications/tools/list_changed", own)
    assert (result["id"], result["result"]) == ("s", {"resultType": "complete", **own})
    assert not upstream.questions


def test_the_session_of_another_person_is_unknown(
    client: httpx2.Client, service: Service, server: AuthorizationServer, token: str, accounts: Accounts
) -> None:
    accounts.offer_link(token)
    session = post(client, token, INITIALIZE).headers["mcp-session-id"]
    other = token_for(service, server, sub="somebody-else", grant_id="another-grant")
    accounts.offer_link(other)
    assert post(client, other, CALL, **{"Mcp-Session-Id": session}).status_code == 404


def test_a_client_that_acts_for_itself_has_no_account(
    client: httpx2.Client, service: Service, server: AuthorizationServer, accounts: Accounts
) -> None:
    token = token_for(service, server, sub=None, username=None, grant_id="of-a-client")
    response = post(client, token, CALL)
    assert response.status_code == 403
    check_explained(service, response, "account_of_no_person")
    assert not accounts.questions


@pytest.mark.parametrize(
    ("status", "document", "answered", "reason"),
    [
        (503, {"error": "temporarily_unavailable"}, 503, "account_provider_unavailable"),
        (404, {"error": "not_configured"}, 503, "account_not_configured"),
        (
            200,
            {"status": "connected", "authorization": "Bearer a\r\nX: y", "version": "1"},
            503,
            "account_answer_malformed",
        ),
        (400, {"error": "invalid_token"}, 401, "token_inactive"),
    ],
)
def test_an_answer_without_an_account_has_its_reason(
    status: int,
    document: dict[str, str],
    answered: int,
    reason: str,
    client: httpx2.Client,
    service: Service,
    token: str,
    accounts: Accounts,
) -> None:
    usual = accounts.server.replies["/connected-account"]
    accounts.server.replies["/connected-account"] = answer_json(document, status)
    try:
        response = post(client, token, CALL)
    finally:
        accounts.server.replies["/connected-account"] = usual
    assert response.status_code == answered
    check_explained(service, response, reason)


def test_no_credential_and_no_link_is_in_the_log(service: Service) -> None:
    text = service.log_file.read_text()
    assert "secret-of-the-provider" not in text
    assert "/connect/" not in text
