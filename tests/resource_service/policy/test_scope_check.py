"""Whether the scopes of a policy are granted is said in the log before the first client comes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import pytest
from structlog.testing import capture_logs

from resource_service.errors import cannot_ask
from resource_service.policy import scope_check
from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.scope_check import scope_check_running
from resource_service.policy.watcher import PolicyWatcher
from resource_service.reasons import Reason

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-21")]

RESOURCE = "https://mcp.example/mcp"
POLICY = Policy(scopes={"read": "Read", "write": "Write"}, default=Scopes())
DOWN = cannot_ask(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "connection refused")


def granting(*answers: object) -> tuple[Callable[[], Awaitable[bytes]], anyio.Event]:
    """Metadata that is answered with each of `answers` in turn, and what is set when the last was given."""
    left, done = list(answers), anyio.Event()

    async def metadata() -> bytes:
        answer = left.pop(0)
        if not left:
            done.set()
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(answer).encode()

    return metadata, done


async def warned(watcher: PolicyWatcher, *answers: object) -> list[list[str]]:
    """The scopes that are said to be missing, each time that it is said."""
    metadata, done = granting(*answers)
    with capture_logs() as lines, anyio.fail_after(30):
        async with scope_check_running(watcher, metadata, resource=RESOURCE):
            await done.wait()
            await anyio.wait_all_tasks_blocked()
    assert {(line["log_level"], line["resource"]) for line in lines} <= {("warning", RESOURCE)}
    return [line["missing"] for line in lines]


@pytest.mark.parametrize(
    ("metadata", "missing"),
    [
        ({"scopes_supported": ["openid", "write", "read"]}, []),
        ({"scopes_supported": ["read", 1, None]}, [["write"]]),
        ({"scopes_supported": "read write"}, [["read", "write"]]),
        ({}, [["read", "write"]]),
    ],
)
async def test_scopes_that_are_not_granted_are_named_once(metadata: object, missing: list[list[str]]) -> None:
    assert await warned(PolicyWatcher(POLICY), metadata) == missing


async def test_the_authorization_server_may_start_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope_check, "ASK_AGAIN_AFTER_S", (0.0, 0.0))
    answers = [DOWN, DOWN, DOWN, {"scopes_supported": ["read"]}]
    assert await warned(PolicyWatcher(POLICY), *answers) == [["write"]]


async def test_how_long_it_is_waited_for_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    asleep = anyio.sleep

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await asleep(0)

    monkeypatch.setattr(anyio, "sleep", sleep)
    await warned(PolicyWatcher(POLICY), *[DOWN] * 4, {"scopes_supported": ["read", "write"]})
    assert waited == [1.0, 5.0, 30.0, 30.0]


async def test_a_policy_that_replaces_another_is_looked_at_as_well() -> None:
    watcher = PolicyWatcher(POLICY)
    metadata, done = granting(*[{"scopes_supported": ["read", "write"]}] * 2)
    with capture_logs() as lines, anyio.fail_after(30):
        async with scope_check_running(watcher, metadata, resource=RESOURCE):
            await anyio.wait_all_tasks_blocked()
            watcher.current = replace(POLICY, scopes={"admin": "Everything"})
            watcher.replaced.send()
            await done.wait()
            await anyio.wait_all_tasks_blocked()
    assert [line["missing"] for line in lines] == [["admin"]]


async def test_a_policy_that_is_replaced_while_the_answer_is_awaited_is_looked_at_too() -> None:
    watcher, done = PolicyWatcher(POLICY), anyio.Event()
    request_count = 0

    async def metadata() -> bytes:
        nonlocal request_count
        request_count += 1
        if request_count == 1:
            watcher.current = replace(POLICY, scopes={"admin": "Everything"})
            watcher.replaced.send()
        else:
            done.set()
        return b'{"scopes_supported": ["read", "write"]}'

    with capture_logs() as lines, anyio.fail_after(30):
        async with scope_check_running(watcher, metadata, resource=RESOURCE):
            await done.wait()
            await anyio.wait_all_tasks_blocked()
    assert [line["missing"] for line in lines] == [["admin"]]
