"""Tools that need a stronger or more recent login (RFC 9470): nothing runs without it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.gateway.exchange import MESSAGE, results
from tests.gateway.ledger import POLICY, request
from tests.gateway.upstreams import gateway
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for

pytestmark = pytest.mark.requirement("ID-5")

ADD = request("tools/call", name="add_note", arguments={"text": "x"})
LIST = request("tools/call", name="list_notes", arguments={})


@pytest.fixture(scope="module")
def strict(
    issuer: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    directory: Path = tmp_path_factory.mktemp("strict")
    (directory / "policy.yaml").write_text(f"{POLICY}step_up:\n  add_note: {{acr: mfa, max_age: 300}}\n")
    policy = str(directory / "policy.yaml")
    with gateway(issuer, directory, f"{scripted_upstream.url}/mcp", policy=policy) as service:
        yield service


def answer(
    service: Service, issuer: AuthorizationServer, message: object, **login: object
) -> httpx2.Response:
    token = token_for(service, issuer, scope="notes:admin", **login)
    with httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client:
        return client.post("/mcp", headers=bearer(token) | MESSAGE, json=message)


@pytest.mark.parametrize(
    ("acr", "age_s"), [("password", 10), (None, 10), ("mfa", 900), ("mfa", None)], ids=str
)
@pytest.mark.parametrize("message", [ADD, [LIST, ADD]], ids=["alone", "in a batch"])
def test_a_login_that_is_too_weak_or_too_old_is_challenged_and_nothing_runs(
    strict: Service,
    upstream: AuthorizationServer,
    issuer: AuthorizationServer,
    acr: str | None,
    age_s: int | None,
    message: object,
) -> None:
    auth_time = None if age_s is None else int(time.time()) - age_s
    refused = answer(strict, issuer, message, acr=acr, auth_time=auth_time)
    assert refused.status_code == 401
    challenge = refused.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'acr_values="mfa"' in challenge
    assert 'max_age="300"' in challenge
    assert upstream.questions == []


def test_after_the_second_factor_it_runs_and_other_tools_need_none(
    strict: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    upstream.replies["*"] = results()
    now = int(time.time())
    assert answer(strict, issuer, ADD, acr="mfa", auth_time=now).status_code == 200
    assert answer(strict, issuer, LIST, acr="password", auth_time=now - 9_000).status_code == 200
