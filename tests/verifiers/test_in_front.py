"""The middleware of a verifier, in front of an app that reports what it receives."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp.server.auth.provider import AccessToken
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.errors import Refusal
from resource_service.principal import Principal
from resource_service.verifiers.protection import Protection
from tests.auth_service.keypair import KeyPair
from tests.resource_service.authorization_server import AuthorizationServer, answer, answer_json
from tests.resource_service.service import bearer, call, modern_headers
from tests.verifiers.browsing import RESOURCE, SECRET, TOKEN, browsing

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("logging_restored")]


class Echo:
    """An app that answers with what reached it, and asks the verifier about the token as frameworks do."""

    def __init__(self, protection: Protection) -> None:
        self.protection = protection
        self.lives = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self.lives += 1
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        authorization = dict(headers).get("authorization", "")
        fields = (
            await self.protection.token_fields(authorization.removeprefix("Bearer "))
            if authorization
            else None
        )
        body = json.dumps({"path": scope["path"], "headers": headers, "fields": fields}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


def protection(issuer: AuthorizationServer, **more: Any) -> Protection:
    usual = {
        "resource": RESOURCE,
        "issuer": issuer.url,
        "resource_secret": SECRET,
        "implies": {"write": ["read"]},
        "introspection_timeout_s": 10.0,
        "introspection_cache_s": 60,
    }
    return Protection(**{**usual, **more})


async def echoed(app: ASGIApp, path: str, root_path: str = "", **headers: str) -> dict[str, Any]:
    """Return the request that the app received for a tool call with `TOKEN`."""
    request_headers = {"Authorization": f"Bearer {TOKEN}", **modern_headers("get"), **headers}
    async with browsing(app, root_path) as client:
        response = await client.post(path, json=call("get"), headers=request_headers)
    assert response.status_code == 200, response.text
    fields: dict[str, Any] = response.json()
    return fields


async def test_the_app_learns_who_calls_and_never_sees_the_token(issuer: AuthorizationServer) -> None:
    guarded = protection(issuer, required_scopes=["read"])
    reached = await echoed(guarded.in_front_of(Echo(guarded), path="/mcp"), "/mcp")
    assert TOKEN not in json.dumps(reached)
    fields = reached["fields"]
    assert (fields["token"], fields["client_id"], fields["subject"]) == ("", "client-1", "user-1")
    assert fields["scopes"] == ["read", "write"]
    assert fields["resource"] == RESOURCE
    assert fields["claims"]["iss"] == issuer.url
    assert len(issuer.requests_to()) == 1


@pytest.mark.requirement("RS-1")
@pytest.mark.parametrize("path", ["/tools/mcp", "/tools/mcp/", "/mcp", "/mcp/", "/local", "/local/"])
async def test_every_way_to_the_app_leads_through_the_guard(path: str, issuer: AuthorizationServer) -> None:
    guarded = protection(issuer, tool_scopes={"get": ["read"]})
    app = guarded.in_front_of(Echo(guarded), path="/local")
    assert (await echoed(app, path))["path"] == "/local"
    async with browsing(app) as client:
        assert (await client.post(path)).status_code == 401


@pytest.mark.parametrize("path", ["/api/mcp", "/api/tools/mcp"])
async def test_a_server_that_is_mounted_in_another_app_is_found_there(
    path: str, issuer: AuthorizationServer
) -> None:
    guarded = protection(issuer)
    app = guarded.in_front_of(Echo(guarded), path="/mcp")
    assert (await echoed(app, path, root_path="/api"))["path"] == "/api/mcp"


async def test_what_else_the_app_has_is_left_alone(issuer: AuthorizationServer) -> None:
    guarded = protection(issuer)
    async with browsing(guarded.in_front_of(Echo(guarded), path="/mcp")) as client:
        for path in ("/", "/hello", "/token", "/mcp/more", "/.well-known/other"):
            response = await client.get(path)
            assert (response.status_code, response.json()["path"]) == (200, path)
            assert "x-request-id" not in response.headers
    assert issuer.requests_to() == []


@pytest.mark.requirement("EXT-3")
async def test_a_token_bound_to_a_key_is_good_with_a_proof_and_the_app_reads_a_bearer_token(
    issuer: AuthorizationServer,
) -> None:
    pair = KeyPair()
    bound = issuer.tokens[TOKEN] | {"token_type": "DPoP", "cnf": {"jkt": pair.thumbprint}}
    issuer.tokens[TOKEN] = bound
    guarded = protection(issuer)
    app = guarded.in_front_of(Echo(guarded), path="/mcp")
    proof = pair.proof("POST", RESOURCE, access_token=TOKEN)
    reached = await echoed(app, "/mcp", Authorization=f"DPoP {TOKEN}", DPoP=proof)
    assert reached["fields"]["client_id"] == "client-1"
    assert "dpop" not in dict(reached["headers"])
    async with browsing(app) as client:
        refused = await client.post("/mcp", headers={"Authorization": f"Bearer {TOKEN}"})
    assert refused.status_code == 401


async def test_the_stand_in_is_worth_nothing_outside_of_its_request(issuer: AuthorizationServer) -> None:
    guarded = protection(issuer)
    app = guarded.in_front_of(Echo(guarded), path="/mcp")
    stand_in = dict((await echoed(app, "/mcp"))["headers"])["authorization"]
    async with browsing(app) as client:
        refused = await client.post("/mcp", headers={"Authorization": stand_in}, json=call("get"))
    assert refused.status_code == 401
    assert await guarded.token_fields(stand_in.removeprefix("Bearer ")) is None


async def test_it_lives_as_often_as_the_server_is_started(issuer: AuthorizationServer) -> None:
    guarded = protection(issuer)
    echo = Echo(guarded)
    app = guarded.in_front_of(echo, path="/mcp")
    for _ in range(2):
        assert (await echoed(app, "/mcp"))["path"] == "/mcp"
    assert echo.lives == 2


class Bare:
    """An app that knows nothing of the lifespan, as ASGI allows."""

    def __init__(self) -> None:
        self.reached: list[str] = []

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["type"] != "lifespan", "unknown scope"
        self.reached.append(scope["type"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def test_an_app_without_a_lifespan_is_served_as_often_as_the_server_is_started(
    issuer: AuthorizationServer,
) -> None:
    app = protection(issuer).in_front_of(Bare(), path="/mcp")
    for _ in range(2):
        async with browsing(app) as client:
            response = await client.get("/mcp", headers={"Authorization": f"Bearer {TOKEN}"})
        assert response.status_code == 204, response.text


async def test_a_failed_start_of_the_app_is_passed_on(issuer: AuthorizationServer) -> None:
    async def failing(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise LookupError("no database")

    messages: list[str] = []

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        messages.append(message["type"])

    app = protection(issuer).in_front_of(failing, path="/mcp")
    with pytest.raises(ExceptionGroup, match="TaskGroup"):
        await app({"type": "lifespan"}, receive, send)
    assert messages == ["lifespan.startup.failed"]


@pytest.mark.requirement("RS-4", "RS-13")
@pytest.mark.parametrize("path", ["/mcp", "/tools/mcp/"])
async def test_no_websocket_gets_past_the_guard(path: str, issuer: AuthorizationServer) -> None:
    bare, messages = Bare(), []
    app = protection(issuer).in_front_of(bare, path="/mcp")

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        messages.append(message["type"])

    headers = [(b"authorization", f"Bearer {TOKEN}".encode())]
    await app({"type": "websocket", "path": path, "headers": headers}, receive, send)
    assert (messages, bare.reached) == (["websocket.close"], [])


async def test_outside_of_the_guard_a_token_is_judged_all_the_same(issuer: AuthorizationServer) -> None:
    guarded = protection(issuer)
    fields = await guarded.token_fields(TOKEN)
    assert fields is not None
    assert fields["token"] == TOKEN
    assert await guarded.token_fields("nobody-knows-it") is None
    issuer.tokens[TOKEN]["aud"] = "https://mcp.example/other"
    assert await guarded.token_fields(TOKEN) is None
    issuer.replies["/introspect"] = answer(500, b"")
    with pytest.raises(Refusal, match="temporarily_unavailable"):
        await guarded.token_fields(TOKEN)


async def test_scopes_of_tools_are_never_passed_over_in_silence(issuer: AuthorizationServer) -> None:
    guarded = protection(issuer, tool_scopes={"get": ["read"]})
    with pytest.raises(RuntimeError, match="guard"):
        await guarded.token_fields(TOKEN)


@pytest.mark.requirement("GW-5", "GW-6", "GW-7")
@pytest.mark.parametrize(
    "rule",
    [
        "approve: {get: self}",
        "when: {get: {arguments: {/x: {equals: 1}}}}",
        "limits: {calls: {per: person, rate: 5/minute}}",
        "step_up: {get: {max_age: 60}}",
        "pin: strict",
    ],
)
async def test_no_rule_for_calls_is_passed_over_in_silence(
    issuer: AuthorizationServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f"scopes: {{write: Write}}\ndefault: []\n{rule}\n")
    monkeypatch.setenv("DOORWARD_POLICY", str(file))
    with pytest.raises(RuntimeError, match="guard"):
        await protection(issuer, implies={}).token_fields(TOKEN)


@pytest.mark.parametrize("tool_scopes", [{}, {"get": ["read"]}])
async def test_other_routes_of_the_app_are_left_alone_whatever_token_comes(
    issuer: AuthorizationServer, tool_scopes: dict[str, list[str]]
) -> None:
    guarded = protection(issuer, tool_scopes=tool_scopes)
    async with browsing(guarded.in_front_of(Echo(guarded), path="/mcp")) as client:

        async def fields(token: str) -> dict[str, Any] | None:
            response = await client.get("/health", headers={"Authorization": f"Bearer {token}"})
            assert response.status_code == 200, response.text
            received_fields: dict[str, Any] | None = response.json()["fields"]
            return received_fields

        assert (await fields(TOKEN) or {})["client_id"] == "client-1"
        assert await fields("of-somebody-else") is None
        issuer.replies["/introspect"] = answer(500, b"")
        assert await fields(TOKEN) is None
        assert (await client.get("/health")).status_code == 200


def test_the_fields_of_an_admitted_token_follow_the_policy(issuer: AuthorizationServer) -> None:
    own, principal = protection(issuer), Principal(client_id="c", scopes=("write",), issuer="i", expires_at=1)
    before = own.fields_of_admitted(principal)
    assert own.fields_of_admitted(principal) is before
    assert (before["token"], before["scopes"]) == ("", ["read", "write"])
    own.policy.current = replace(own.policy.current, includes={})
    assert own.fields_of_admitted(principal)["scopes"] == ["write"]
    assert AccessToken(**before).scopes is not before["scopes"], "an app may change its own copy"
    assert AccessToken(**before).claims is not before["claims"]


def test_arguments_win_over_the_environment_and_what_is_missing_is_named(
    issuer: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError, match="resource_secret"):
        Protection(resource=RESOURCE, issuer=issuer.url)
    monkeypatch.setenv("DOORWARD_RESOURCE_SECRET", SECRET)
    monkeypatch.setenv("DOORWARD_RESOURCE", "https://mcp.example/mcp")
    settings = Protection(resource=RESOURCE, issuer=issuer.url).settings
    assert (settings.resource, settings.resource_secret.get_secret_value()) == (RESOURCE, SECRET)


def test_no_setting_is_shown_where_it_is_wrong(issuer: AuthorizationServer) -> None:
    with pytest.raises(ValidationError) as refused:
        Protection(resource=RESOURCE, issuer=issuer.url, resource_secret="too short")
    assert "too short" not in str(refused.value)


@pytest.mark.requirement("ID-3")
async def test_a_policy_file_can_name_groups(issuer: AuthorizationServer, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("scopes: {write: Write}\ndefault: write\ntools: {get: {scopes: write, groups: ops}}\n")
    guarded = protection(issuer, implies={}, policy=file)
    issuer.tokens["a-member"] = issuer.tokens[TOKEN] | {"groups": ["ops"]}
    async with browsing(guarded.in_front_of(Echo(guarded), path="/mcp")) as client:
        statuses = [
            (
                await client.post("/mcp", json=call("get"), headers=bearer(token) | modern_headers("get"))
            ).status_code
            for token in (TOKEN, "a-member")
        ]
    assert statuses == [403, 200]
    assert [question.form["groups"] for question in issuer.requests_to()] == ["true", "true"]


@pytest.mark.requirement("RS-4")
async def test_a_policy_file_says_what_tools_need_and_arguments_do_not_beside_it(
    issuer: AuthorizationServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("scopes: {write: Write, delete: Delete}\ndefault: write\ntools: {get: delete}\n")
    monkeypatch.setenv("DOORWARD_POLICY", str(file))
    guarded = protection(issuer, implies={})
    async with browsing(guarded.in_front_of(Echo(guarded), path="/mcp")) as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        refused = await client.post("/mcp", json=call("get"), headers=headers | modern_headers("get"))
        assert refused.status_code == 403
        assert 'scope="delete"' in refused.headers["www-authenticate"]
        assert (
            await client.post("/mcp", json=call("list"), headers=headers | modern_headers("list"))
        ).status_code == 200
        metadata = await client.get("/.well-known/oauth-protected-resource/tools/mcp")
        assert metadata.json()["scopes_supported"] == ["write", "delete"]
    with pytest.raises(RuntimeError, match="guard"):
        await guarded.token_fields(TOKEN)
    with pytest.raises(ValueError, match="policy file"):
        protection(issuer, required_scopes=["write"])


@pytest.mark.requirement("GW-6")
async def test_a_call_that_needs_an_approval_reaches_the_app_only_once_it_is_approved(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("scopes: {}\ndefault: []\napprove: {get: self}\n")
    guarded = protection(issuer, implies={}, policy=file)
    link = f"{issuer.url}/approve/id"
    pending = {"status": "pending", "approve_url": link, "elicitation_id": "id", "expires_in": 600}
    headers = bearer(TOKEN) | modern_headers("get")
    async with browsing(guarded.in_front_of(Echo(guarded), path="/mcp")) as client:
        for document in (pending, {"status": "denied"}, {"status": "used"}):
            issuer.replies["/call-approval"] = answer_json(document)
            text = (await client.post("/mcp", json=call("get"), headers=headers)).text
            assert ("headers" in json.loads(text)) is (document["status"] == "used")
            assert (link in text) is (document is pending)
        issuer.replies["/call-approval"] = answer(500, b"")
        assert (await client.post("/mcp", json=call("get"), headers=headers)).status_code == 503
    questions = issuer.requests_to("/call-approval")
    assert {(question.form["token"], question.form["mount"]) for question in questions} == {(TOKEN, "/mcp")}
    assert {question.form["use"] for question in questions} == {"true"}
