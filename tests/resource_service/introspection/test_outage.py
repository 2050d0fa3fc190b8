"""RS-7 and D6: whatever the authorization server does, no good token gets 401 and no bad one 200."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import httpx2
import pytest

from resource_service.authorization_server_endpoint import MAX_ANSWER_BYTES
from tests.resource_service.authorization_server import (
    AuthorizationServer,
    Question,
    Reply,
    answer,
    answer_json,
    break_off,
    hang,
    speak_nonsense,
    trickle,
)
from tests.resource_service.service import Service, bearer, call, modern_headers, running, token_for
from tests.servers import wait_until

GOOD = {"active": True, "client_id": "c", "iss": "i", "exp": 4_102_444_800}
JSON = "Content-Type: application/json"
TROUBLES: dict[str, Reply] = {
    "hangs": hang,
    "trickles": trickle,
    "breaks off": break_off,
    "speaks nonsense": speak_nonsense,
    "internal error": answer(500, b"oops"),
    "bad gateway": answer(502, b"<html>", "Content-Type: text/html"),
    "unavailable": answer_json({"active": False}, 503),
    "too many requests": answer_json({"error": "slow_down"}, 429),
    "our credentials refused": answer_json({"error": "invalid_client"}, 401),
    "forbidden": answer_json({"active": True}, 403),
    "moved": answer(302, b"", "Location: /elsewhere"),
    "not found": answer(404, b""),
    "bad request": answer_json({"error": "invalid_request"}, 400),
    "no content": answer(204, b""),
    "empty": answer(200, b""),
    "html": answer(200, b"<html>active</html>", "Content-Type: text/html"),
    "truncated": answer(200, b'{"active": tr', JSON),
    "not an object": answer_json([True]),
    "null": answer_json(None),
    "no active": answer_json({"sub": "user-1"}),
    "active as text": answer_json({"active": "true"}),
    "active as number": answer_json({"active": 1}),
    "active as null": answer_json({"active": None}),
    "inactive as text": answer_json({"active": "false"}),
    "no exp": answer_json({name: value for name, value in GOOD.items() if name != "exp"}),
    "exp as text": answer_json(GOOD | {"exp": "4102444800"}),
    "exp as true": answer_json(GOOD | {"exp": True}),
    "no client": answer_json({name: value for name, value in GOOD.items() if name != "client_id"}),
    "no issuer": answer_json({name: value for name, value in GOOD.items() if name != "iss"}),
    "scope as list": answer_json(GOOD | {"scope": ["notes:read"]}),
    "scope with a quote": answer_json(GOOD | {"scope": 'notes:read "x"'}),
    "audience as object": answer_json(GOOD | {"aud": {}}),
    "audience of numbers": answer_json(GOOD | {"aud": [1]}),
    "deeply nested": answer(200, b"[" * 60_000, JSON),
    "too large": answer(200, json.dumps({"active": False, "x": "x" * MAX_ANSWER_BYTES}).encode(), JSON),
    "compressed": answer(200, b"\x1f\x8b\x08junk", JSON, "Content-Encoding: gzip"),
}


@pytest.mark.requirement("RS-7")
@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_answer_that_says_anything_is_503_and_never_401_or_200(
    trouble: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    headers = bearer(token_for(service, issuer))
    issuer.replies["/introspect"] = TROUBLES[trouble]
    before = time.monotonic()
    response = client.post("/mcp", headers=headers | modern_headers("whoami"), json=call("whoami"))
    assert time.monotonic() - before < 3
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert "www-authenticate" not in response.headers
    assert response.json()["error"] == "temporarily_unavailable"
    assert client.get("/hello", headers=headers).status_code == 503


@pytest.mark.requirement("RS-7")
def test_a_good_token_is_good_again_as_soon_as_the_authorization_server_is_back(tmp_path: Path) -> None:
    issuer = AuthorizationServer().start()
    with running(issuer, tmp_path) as service, httpx2.Client(base_url=service.origin) as client:
        headers = bearer(token_for(service, issuer))
        assert client.get("/hello", headers=headers).status_code == 200
        issuer.stop()
        for _ in range(3):
            assert client.get("/hello", headers=headers).status_code == 503
        issuer.start()
        assert client.get("/hello", headers=headers).status_code == 200
        issuer.stop()


@pytest.mark.requirement("RS-7")
def test_a_kept_connection_that_was_closed_meanwhile_costs_nobody_a_503(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    headers = bearer(token_for(service, issuer))
    good = answer_json(next(iter(issuer.tokens.values())))

    async def break_off_every_other(question: Question, writer: asyncio.StreamWriter) -> None:
        reply = break_off if len(issuer.requests_to()) % 2 else good
        await reply(question, writer)

    issuer.replies["/introspect"] = break_off_every_other
    assert [client.get("/hello", headers=headers).status_code for _ in range(4)] == [200] * 4


@pytest.mark.requirement("RS-7", "RS-11")
def test_a_refusal_of_our_own_credentials_is_loud_in_the_log(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    issuer.replies["/introspect"] = answer_json({"error": "invalid_client"}, 401)
    response = client.get("/hello", headers=bearer("anything"))
    lines = service.log(response.headers["x-request-id"])
    assert [line["level"] for line in lines] == ["error", "warning"]


@pytest.mark.anyio
async def test_questions_about_one_token_at_one_time_are_put_together(
    service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer)

    async def after_a_while(question: Question, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await answer_json(issuer.tokens[token])(question, writer)

    issuer.replies["/introspect"] = after_a_while
    async with httpx2.AsyncClient(base_url=service.origin, headers=bearer(token), timeout=10) as client:
        responses = await asyncio.gather(*(client.get("/hello") for _ in range(20)))
    assert {response.status_code for response in responses} == {200}
    assert len(issuer.requests_to()) < 20


@pytest.mark.anyio
async def test_answers_about_different_tokens_are_not_mixed_up(
    service: Service, issuer: AuthorizationServer
) -> None:
    tokens = {token_for(service, issuer, username=f"user {n}"): f"user {n}" for n in range(20)}
    async with httpx2.AsyncClient(base_url=service.origin, timeout=10) as client:
        many = [client.get("/hello", headers=bearer(token)) for token in [*tokens, *tokens]]
        responses = await asyncio.gather(*many)
    expected = [f"Hello {name}, your request to MCP is authorized!" for name in [*tokens.values()] * 2]
    assert [response.json()["message"] for response in responses] == expected


@pytest.mark.anyio
@pytest.mark.requirement("RS-7")
async def test_a_frozen_authorization_server_does_not_stop_what_needs_no_token(
    service: Service, issuer: AuthorizationServer
) -> None:
    issuer.replies["/introspect"] = hang
    async with httpx2.AsyncClient(base_url=service.origin, timeout=10) as client:
        stuck = [asyncio.create_task(client.get("/hello", headers=bearer(f"t{n}"))) for n in range(50)]
        await asyncio.to_thread(wait_until, lambda: bool(issuer.requests_to()))
        assert (await client.get("/health")).status_code == 200
        assert {(await response).status_code for response in stuck} == {503}


@pytest.mark.requirement("RS-7")
def test_requests_in_turn_do_not_wait_for_a_frozen_authorization_server(tmp_path: Path) -> None:
    issuer = AuthorizationServer().start()
    with (
        running(issuer, tmp_path, introspection_timeout_s="2.5", introspection_cache_s="0") as service,
        httpx2.Client(base_url=service.origin, timeout=10) as client,
    ):
        headers = bearer(token_for(service, issuer))
        issuer.replies["/introspect"] = hang
        assert client.get("/hello", headers=headers).status_code == 503  # it has to find out
        before = time.monotonic()
        refused = [client.get("/hello", headers=headers) for _ in range(20)]
        assert time.monotonic() - before < 2.5
        assert {response.status_code for response in refused} == {503}
        assert all(int(response.headers["retry-after"]) >= 1 for response in refused)
        del issuer.replies["/introspect"]
        before = time.monotonic()
        wait_until(lambda: client.get("/hello", headers=headers).status_code == 200)
        assert time.monotonic() - before < 2
    issuer.stop()
