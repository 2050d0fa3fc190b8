"""Conditions on calls at the gateway: nothing runs that does not meet them, and the model learns why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.gateway.exchange import MESSAGE, results
from tests.gateway.ledger import POLICY, request
from tests.gateway.upstreams import gateway
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for

pytestmark = pytest.mark.requirement("GW-7")

CONDITIONS = """\
contact: it@example.com
when:
  add_note:
    - arguments: {/text: {match: "a*"}}
    - groups: [ops]
  list_notes: {groups: [ops]}
"""
WRONG = request("tools/call", name="add_note", arguments={"text": "b"})
RIGHT = request("tools/call", name="add_note", arguments={"text": "ab"})
LIST = request("tools/call", name="list_notes", arguments={})


@pytest.fixture(scope="module")
def conditional(
    issuer: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    directory: Path = tmp_path_factory.mktemp("conditional")
    (directory / "policy.yaml").write_text(f"{POLICY}{CONDITIONS}")
    policy = str(directory / "policy.yaml")
    with gateway(issuer, directory, f"{scripted_upstream.url}/mcp", policy=policy) as service:
        yield service


def answer(
    service: Service, issuer: AuthorizationServer, message: object, **claims: object
) -> httpx2.Response:
    token = token_for(service, issuer, scope="notes:admin", **claims)
    with httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client:
        return client.post("/mcp", headers=bearer(token) | MESSAGE, json=message)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (WRONG, "The policy does not allow this call: /text must match a*."),
        (LIST, "The policy does not allow this call for you, or at this time. Ask it@example.com."),
    ],
    ids=["arguments", "caller"],
)
def test_a_call_that_meets_no_condition_does_not_run_and_the_model_learns_why(
    conditional: Service,
    upstream: AuthorizationServer,
    issuer: AuthorizationServer,
    message: object,
    says: str,
) -> None:
    refused = answer(conditional, issuer, message)
    assert refused.status_code == 403
    error = refused.json()["error"]
    assert (error["code"], error["data"]["reason_code"]) == (-32003, "condition_unmet")
    assert error["message"] == says
    assert upstream.questions == []


def test_one_call_of_a_batch_that_meets_none_stops_all(
    conditional: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    assert answer(conditional, issuer, [RIGHT, WRONG]).status_code == 403
    assert upstream.questions == []


def test_a_call_that_meets_a_condition_runs(
    conditional: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    upstream.replies["*"] = results()
    assert answer(conditional, issuer, RIGHT).status_code == 200
    for message in (WRONG, LIST):
        assert answer(conditional, issuer, message, groups=["ops"]).status_code == 200
