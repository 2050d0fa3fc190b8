"""The stop switch in the store: who has stopped what, on both stores and for parallel callers."""

from __future__ import annotations

import asyncio

import pytest

from auth_service.stops import switch as switching
from auth_service.stops.switch import InvalidStopError, StopSwitch
from shared.stops import Stop, StopKind
from shared.storage.interface import Store

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-5")]

NOW = 1_800_000_000.0


def stop(kind: str = "tool", name: str = "x", **more: str) -> Stop:
    return Stop(kind=StopKind(kind), name=name, **more)


@pytest.fixture
def switch(store: Store) -> StopSwitch:
    return StopSwitch(store, lambda: NOW)


async def test_a_stop_is_listed_with_who_made_it_until_it_is_resumed(switch: StopSwitch) -> None:
    assert await switch.stop(stop(reason="a fault"), by="ops")
    assert not await switch.stop(stop(reason="a fault"), by="eve")
    (record,) = await switch.records.all()
    assert (record.stop, record.by, record.at) == (stop(reason="a fault"), "ops", int(NOW))
    assert await switch.resume(stop())
    assert not await switch.resume(stop())
    assert await switch.records.all() == ()


async def test_another_reason_replaces_the_stop_and_another_resource_adds_one(switch: StopSwitch) -> None:
    here = stop(resource="https://a.example/mcp")
    for each in (stop(), stop(reason="new"), here):
        assert await switch.stop(each, by="ops")
    assert [record.stop for record in await switch.records.all()] == [stop(reason="new"), here]
    assert await switch.resume(stop())
    assert [record.stop for record in await switch.records.all()] == [here]


async def test_parallel_stops_are_all_kept(store: Store) -> None:
    switches = [StopSwitch(store, lambda: NOW) for _ in range(8)]
    await asyncio.gather(*(each.stop(stop(name=f"t{n}"), by="ops") for n, each in enumerate(switches)))
    assert len(await switches[0].records.all()) == 8


async def test_there_is_a_maximum(switch: StopSwitch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switching, "MAX_STOPS", 1)
    await switch.stop(stop(), by="ops")
    with pytest.raises(InvalidStopError, match="1 stops already"):
        await switch.stop(stop(name="y"), by="ops")
    assert await switch.stop(stop(reason="of the same"), by="ops")


@pytest.mark.parametrize(
    ("invalid", "says"),
    [
        (stop(name=""), "must not be empty"),
        (stop(name=" x"), "space"),
        (stop(name="a\nb"), "one line"),
        (stop(name="x" * 2_001), "at most 2000"),
        (stop(reason="x" * 201), "at most 200"),
        (stop(reason="a\u202eb"), "one line"),
        (stop("mount", "mcp"), "is not the URL of a resource"),
        (stop(resource="mcp"), "is not the URL of a resource"),
        (stop("client", resource="https://a.example/mcp"), "only a tool"),
    ],
)
def test_a_stop_that_cannot_be_meant_is_refused(invalid: Stop, says: str) -> None:
    with pytest.raises(InvalidStopError, match=says):
        switching.check_stop(invalid)
