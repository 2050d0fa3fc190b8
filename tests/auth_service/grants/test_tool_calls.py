"""Counting the calls that resource servers report."""

from __future__ import annotations

import pytest

from auth_service.grants.tool_calls import ToolCallRepository
from auth_service.protocol.grant import Grant
from auth_service.protocol.introspection import IntrospectionCaller
from auth_service.protocol.tool_calls import DayCalls, ToolCount
from shared.call_events import CallBatch, CallEvent, Outcome
from tests.auth_service.grants.installation import Installation
from tests.auth_service.service import OTHER_RESOURCE, RESOURCE

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-7")]

CALLER = IntrospectionCaller("resource", resources=frozenset({RESOURCE}))


def call(grant_id: str, count: int = 1, resource: str = RESOURCE) -> CallEvent:
    return CallEvent(
        time=0, grant_id=grant_id, resource=resource, tool="read", outcome=Outcome.ALLOWED, count=count
    )


def batch(*events: CallEvent, batch_id: str = "1") -> CallBatch:
    return CallBatch(batch_id=batch_id, events=events)


def calls_in(here: Installation) -> ToolCallRepository:
    return ToolCallRepository(here.store, here.grants, lambda: here.now)


async def counted(here: Installation, grant: Grant) -> list[ToolCount]:
    calls: DayCalls = await calls_in(here).of(grant.grant_id)
    return list(calls.tools)


async def test_calls_of_active_grants_are_counted_once(here: Installation) -> None:
    client = await here.client()
    one, two = await here.grant(client), await here.grant(client)
    calls = calls_in(here)
    assert await counted(here, one) == []
    events = batch(call(one.grant_id, 2), call(one.grant_id), call(two.grant_id))
    assert [await calls.apply(events, CALLER) for _ in range(2)] == [3, 3]
    assert await calls.apply(batch(call(one.grant_id), batch_id="2"), CALLER) == 1
    assert await counted(here, one) == [ToolCount(tool="read", count=4)]
    assert await counted(here, two) == [ToolCount(tool="read", count=1)]


async def test_the_batches_of_two_callers_are_different(here: Installation) -> None:
    grant = await here.grant(await here.client())
    for name in ("one", "two"):
        caller = IntrospectionCaller(name, resources=CALLER.resources)
        await calls_in(here).apply(batch(call(grant.grant_id)), caller)
    assert await counted(here, grant) == [ToolCount(tool="read", count=2)]


async def test_a_caller_reports_only_on_active_grants_for_its_own_resources(here: Installation) -> None:
    client, calls = await here.client(), calls_in(here)
    own, other = await here.grant(client), await here.grant(client, resource=OTHER_RESOURCE)
    ignored = [call(other.grant_id, resource=OTHER_RESOURCE), call(other.grant_id), call("unknown")]
    about_another_resource = call(own.grant_id, resource=OTHER_RESOURCE)
    assert await calls.apply(batch(*ignored, about_another_resource, call(own.grant_id)), CALLER) == 1
    assert await counted(here, own) == [ToolCount(tool="read", count=1)]
    assert await counted(here, other) == []
    await here.grants.revoke(own.grant_id)
    assert await calls.apply(batch(call(own.grant_id), batch_id="2"), CALLER) == 0


async def test_a_grant_without_events_of_the_caller_gets_no_document(here: Installation) -> None:
    grant = await here.grant(await here.client())
    await calls_in(here).apply(batch(call(grant.grant_id, resource=OTHER_RESOURCE)), CALLER)
    assert await calls_in(here)._calls.get(grant.grant_id) is None  # noqa: SLF001
