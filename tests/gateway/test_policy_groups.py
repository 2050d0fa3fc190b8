"""A policy that names groups, in front of somebody else's server: nothing runs without the group (ID-3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.gateway.exchange import MESSAGE, results
from tests.gateway.ledger import request
from tests.gateway.upstreams import gateway
from tests.resource_service.authorization_server import AuthorizationServer, answer_json
from tests.resource_service.service import Service, bearer, token_for

pytestmark = pytest.mark.requirement("ID-3")

POLICY = """\
scopes:
  notes:read: Read your notes
  notes:admin: {description: Delete your notes, includes: notes:read}
default: notes:admin
tools:
  list_notes: notes:read
  wipe_notes: {scopes: notes:admin, groups: [ops, "okta:On call"]}
contact: it@example.com
hide: true
"""
WIPE = request("tools/call", 7, name="wipe_notes", arguments={})
LIST = request("tools/call", 8, name="list_notes", arguments={})


@pytest.fixture(scope="module")
def strict(
    issuer: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("groups")
    (directory / "policy.yaml").write_text(POLICY)
    policy = str(directory / "policy.yaml")
    with gateway(issuer, directory, f"{scripted_upstream.url}/mcp", policy=policy) as service:
        yield service


def post(service: Service, issuer: AuthorizationServer, message: object, **members: Any) -> httpx2.Response:
    token = token_for(service, issuer, **{"scope": "notes:admin", **members})
    with httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client:
        return client.post("/mcp", headers=bearer(token) | MESSAGE, json=message)


@pytest.mark.parametrize(
    "members", [{}, {"groups": ["dev"]}, {"groups": ["OPS"]}, {"sub": None, "username": None}], ids=str
)
def test_without_the_group_nothing_runs_and_the_answer_says_whom_to_ask(
    strict: Service, upstream: AuthorizationServer, issuer: AuthorizationServer, members: dict[str, Any]
) -> None:
    refused = post(strict, issuer, WIPE, **members)
    assert refused.status_code == 403
    # A new consent cannot help, so that nothing may send the client to the authorization server.
    assert "www-authenticate" not in refused.headers
    answer = refused.json()
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", 7)
    assert answer["error"]["data"]["reason_code"] == "group_missing"
    assert "Ask it@example.com" in answer["error"]["message"]
    assert "On call" not in refused.text
    assert upstream.questions == []
    (line,) = [
        entry
        for entry in map(json.loads, strict.log_file.read_text().splitlines())
        if entry.get("request_id") == answer["error"]["data"]["request_id"] and entry["event"] == "refused"
    ]
    assert "one of the groups okta:On call, ops" in line["reason"]


def test_every_request_of_a_refused_batch_is_answered(
    strict: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    refused = post(strict, issuer, [LIST, WIPE])
    assert (refused.status_code, [error["id"] for error in refused.json()]) == (403, [8, 7])
    assert upstream.questions == []


def test_a_member_of_one_of_the_groups_may_call_it_with_the_scope_only(
    strict: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    upstream.replies["*"] = results()
    assert post(strict, issuer, WIPE, groups=["okta:On call"]).status_code == 200
    assert post(strict, issuer, LIST).status_code == 200
    refused = post(strict, issuer, WIPE, scope="notes:read", groups=["ops"])
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]


def test_lists_show_the_tool_to_members_only(
    strict: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    tools: list[dict[str, Any]] = [{"name": name, "inputSchema": {}} for name in ("list_notes", "wipe_notes")]
    upstream.replies["*"] = answer_json({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}})

    def seen(**members: Any) -> list[str]:
        listed = post(strict, issuer, request("tools/list", 1), **members).json()
        return [tool["name"] for tool in listed["result"]["tools"]]

    assert seen() == ["list_notes"]
    assert seen(groups=["ops"]) == ["list_notes", "wipe_notes"]


def test_groups_are_requested_at_introspection_and_not_published_in_the_metadata(
    strict: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    upstream.replies["*"] = results()
    token = token_for(strict, issuer)
    with httpx2.Client(base_url=strict.origin, timeout=60, trust_env=False) as client:
        client.post("/mcp", headers=bearer(token) | MESSAGE, json=LIST)
        metadata = client.get("/.well-known/oauth-protected-resource/mcp")
    (question,) = [q for q in issuer.requests_to() if q.form["token"] == token]
    assert question.form["groups"] == "true"
    assert metadata.status_code == 200
    assert "On call" not in metadata.text
