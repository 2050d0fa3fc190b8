"""Headers that the schema of a tool asks for (SEP-2243): one rule over every transport (RS-12)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.gateway.servers.declaring import result_of
from tests.gateway.upstreams import forked_stdio, gateway
from tests.resource_service.authorization_server import AuthorizationServer, Question, answer_json
from tests.resource_service.service import Service, bearer, call, modern_headers, running, token_for

pytestmark = pytest.mark.requirement("RS-12")

MODULE = "tests.gateway.servers.declaring"
ARGUMENTS = {"region": "eu", "count": 3, "dry_run": False, "target": {"zone": "a"}, "text": "x"}
HEADERS = {
    "Mcp-Param-Region": "eu",
    "Mcp-Param-Count": "3",
    "Mcp-Param-Dry-Run": "false",
    "Mcp-Param-A_Zone": "a",
}


@dataclass
class Declaring:
    """A gateway in front of the server that declares headers, and how often its tools have run."""

    service: Service
    runs: Callable[[], int]


async def answer_by_method(question: Question, writer: asyncio.StreamWriter) -> None:
    request = json.loads(question.body)
    reply = answer_json({"jsonrpc": "2.0", "id": request["id"], "result": result_of(request)})
    await reply(question, writer)


def methods_at(upstream: AuthorizationServer) -> list[str]:
    return [json.loads(question.body)["method"] for question in upstream.questions]


@pytest.fixture(scope="module", params=["http", "stdio"])
def declaring(
    request: pytest.FixtureRequest,
    issuer: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Declaring]:
    directory: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "stdio":
        file = directory / "ledger"
        file.touch()
        command = forked_stdio(MODULE, str(file))
        with gateway(issuer, directory, command) as service:
            yield Declaring(service, lambda: len(file.read_text().splitlines()))
    else:
        with gateway(issuer, directory, f"{scripted_upstream.url}/mcp") as service:
            yield Declaring(service, lambda: methods_at(scripted_upstream).count("tools/call"))


@pytest.fixture
def post(
    declaring: Declaring, issuer: AuthorizationServer, upstream: AuthorizationServer
) -> Iterator[Callable[..., httpx2.Response]]:
    """Call ``deploy``, or another tool, or as another user."""
    upstream.replies["*"] = answer_by_method

    def send(
        headers: Mapping[str, str] | list[tuple[str, str]],
        arguments: dict[str, Any],
        tool: str = "deploy",
        user: str = "caller",
    ) -> httpx2.Response:
        token = token_for(declaring.service, issuer, sub=user)
        pairs = headers if isinstance(headers, list) else list(headers.items())
        fields = [*(bearer(token) | modern_headers(tool)).items(), *pairs]
        return client.post("/mcp", headers=fields, json=call(tool, **arguments))

    with httpx2.Client(base_url=declaring.service.origin, timeout=60, trust_env=False) as client:
        yield send


Post = Callable[..., httpx2.Response]


def refused(response: httpx2.Response) -> bool:
    return response.status_code == 400 and response.json()["error"]["code"] == -32020


@pytest.mark.parametrize("missing", HEADERS)
def test_a_header_that_the_schema_asks_for_must_be_there(
    missing: str, post: Post, declaring: Declaring
) -> None:
    before = declaring.runs()
    response = post({name: value for name, value in HEADERS.items() if name != missing}, ARGUMENTS)
    assert refused(response), response.text
    assert missing.lower() in response.json()["error"]["message"]
    assert response.json()["id"] == 1
    assert declaring.runs() == before


def test_the_first_call_of_a_client_without_a_list_is_checked(post: Post, declaring: Declaring) -> None:
    before = declaring.runs()
    assert refused(post({}, ARGUMENTS, user="newcomer"))
    assert declaring.runs() == before


@pytest.mark.parametrize(
    "changed",
    [
        {"Mcp-Param-Region": "x"},  # what another argument says
        {"Mcp-Param-Count": "3e0"},
        {"Mcp-Param-Count": "03"},
        {"Mcp-Param-Dry-Run": "False"},
        {"Mcp-Param-Dry-Run": "0"},
        {"Mcp-Param-Region": "=?base64?ZXV=?="},
        {"Mcp-Param-Region": "=?base64?="},
        {"Mcp-Param-Region": "eu, eu"},
    ],
    ids=ascii,
)
def test_a_header_that_the_schema_asks_for_says_what_its_own_argument_says(
    changed: dict[str, str], post: Post, declaring: Declaring
) -> None:
    before = declaring.runs()
    assert refused(post(HEADERS | changed, ARGUMENTS))
    assert declaring.runs() == before


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_for_an_argument_is_there_once(name: str, post: Post, declaring: Declaring) -> None:
    before = declaring.runs()
    for spelled in (name, name.upper(), name.replace("-", "_")):
        assert refused(post([*HEADERS.items(), (spelled, HEADERS[name])], ARGUMENTS))
    assert declaring.runs() == before


@pytest.mark.parametrize("argument", [None, "absent"])
def test_a_header_for_an_argument_that_is_not_there_is_refused(argument: str | None, post: Post) -> None:
    others = {name: value for name, value in ARGUMENTS.items() if name != "region"}
    arguments = others | ({"region": None} if argument is None else {}) | {"text": "eu"}
    assert refused(post(HEADERS, arguments))


@pytest.mark.parametrize(
    ("headers", "arguments"),
    [
        (HEADERS, ARGUMENTS),
        (HEADERS | {"Mcp-Param-Count": "3.0"}, ARGUMENTS),
        (HEADERS | {"Mcp-Param-Region": "=?base64?ZXU=?="}, ARGUMENTS),
        ({"Mcp-Param-Region": "=?base64?w7xiZXI=?="}, {"region": "über"}),
        ({}, {"text": "x"}),
        ({}, {"text": "x", "region": None, "target": "nowhere"}),
        ({}, {"count": 2**53}),  # which JavaScript cannot repeat
        ({}, {}),
    ],
    ids=ascii,
)
def test_a_call_with_the_headers_that_its_schema_asks_for_passes(
    headers: dict[str, str], arguments: dict[str, Any], post: Post, declaring: Declaring
) -> None:
    before = declaring.runs()
    assert post(headers, arguments).status_code == 200
    assert declaring.runs() == before + 1


@pytest.mark.parametrize("tool", ["plain", "left_out", "not_listed"])
def test_a_tool_that_validly_asks_for_nothing_is_called_without_headers(
    tool: str, post: Post, declaring: Declaring
) -> None:
    before = declaring.runs()
    assert post({}, {"list": [1]}, tool).status_code == 200
    assert declaring.runs() == before + 1


def test_the_list_is_requested_once_by_the_caller_and_again_only_before_a_refusal(
    issuer: AuthorizationServer, upstream: AuthorizationServer, scripted: Service
) -> None:
    upstream.replies["*"] = answer_by_method
    headers = bearer(token_for(scripted, issuer, sub="lister")) | modern_headers("deploy")
    body = call("deploy", **ARGUMENTS)
    body["params"]["_meta"] |= {"progressToken": 7}
    with httpx2.Client(base_url=scripted.origin, timeout=60, trust_env=False) as client:
        for _ in range(2):
            assert client.post("/mcp", headers=headers | HEADERS, json=body).status_code == 200
        assert methods_at(upstream) == ["tools/list", "tools/list", "tools/call", "tools/call"]
        listing = upstream.questions[0]
        assert listing.headers["mcp-method"] == "tools/list"
        assert listing.headers["x-doorward-subject"] == "lister"
        assert not [name for name in listing.headers if name.startswith(("mcp-param-", "mcp-name"))]
        assert "progressToken" not in json.loads(listing.body)["params"]["_meta"]
        assert client.post("/mcp", headers=headers, json=body).status_code == 400
    assert methods_at(upstream)[4:] == ["tools/list", "tools/list"]


def test_a_server_that_lists_nothing_decides_itself(
    issuer: AuthorizationServer, upstream: AuthorizationServer, scripted: Service
) -> None:
    upstream.replies["*"] = answer_json({"jsonrpc": "2.0", "id": 1, "result": {}})
    headers = bearer(token_for(scripted, issuer, sub="nothing listed")) | modern_headers("deploy")
    with httpx2.Client(base_url=scripted.origin, timeout=60, trust_env=False) as client:
        assert client.post("/mcp", headers=headers, json=call("deploy", region="eu")).status_code == 200
    assert methods_at(upstream) == ["tools/list", "tools/call"]


def test_a_call_by_call_tool_states_what_the_tool_declares(
    issuer: AuthorizationServer, upstream: AuthorizationServer, tmp_path: Path
) -> None:
    upstream.replies["*"] = answer_by_method
    mounts = json.dumps({"/cloud": f"{upstream.url}/mcp"})
    with running(issuer, tmp_path, mounts=mounts, join="true", join_search="true") as service:
        token = token_for(service, issuer, scope="cloud")
        for tool, arguments in (("cloud_deploy", ARGUMENTS), ("cloud_plain", {"text": "x"})):
            headers = bearer(token) | modern_headers("call_tool") | {"Mcp-Param-Region": "eu"}
            message = call("call_tool", name=tool, arguments={"region": "eu", **arguments})
            answer = httpx2.post(service.resource, headers=headers, json=message, timeout=60, trust_env=False)
            assert "result" in answer.json(), answer.text
    deployed, plain = (each for each in upstream.questions if json.loads(each.body)["method"] == "tools/call")
    assert HEADERS.items() <= {name: deployed.headers.get(name.lower()) for name in HEADERS}.items(), (
        deployed.headers
    )
    assert not any(name.startswith("mcp-param-") for name in plain.headers)
