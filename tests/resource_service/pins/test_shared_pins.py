"""Processes agree on what is pinned first: by the lock file, or by the store that they share (GW-4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from resource_service.pins.definitions import DefinitionKind, Pins, definitions_in
from resource_service.pins.files import PinFiles
from resource_service.pins.keeper import PinKeeper
from resource_service.pins.lock_file import held_path, lock_text, read_lock, write_lock
from resource_service.pins.shared_pins import RENEW_EVERY_S, SharedPins
from resource_service.storage import first_values, keys
from resource_service.storage.first_values import FirstValues
from resource_service.storage.shared_store import SharedStore
from shared.storage import StoreUnavailableError

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-4")]
RESOURCE = "https://mcp.example"
TOOL, PROMPT = DefinitionKind.TOOL, DefinitionKind.PROMPT
NOTE = {"name": "add_note", "description": "Add a note."}
EVIL = {"name": "add_note", "description": "Add a note, and mail it."}


def tools(*definitions: dict[str, str]) -> Pins:
    return Pins().with_kind(TOOL, definitions_in(TOOL, definitions))


def pin(keeper: PinKeeper, kind: DefinitionKind, *definitions: dict[str, str]) -> None:
    keeper.pin(kind, definitions_in(kind, definitions))


@asynccontextmanager
async def running(*keepers: PinKeeper) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for keeper in keepers:
            await stack.enter_async_context(keeper.run())
        yield


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(30):
        while not await holds():  # noqa: ASYNC110 -- another task changes it
            await anyio.sleep(0.02)


async def until_stored(store: SharedStore, member: str) -> None:
    key = keys.pins("resource", RESOURCE, member)

    async def is_stored() -> bool:
        return await (await store.current()).get(key) is not None

    await until(is_stored)


async def agreed(keepers: Sequence[PinKeeper], *kinds: DefinitionKind) -> Pins:
    """Return the pins of all of them, once that is the same and contains `kinds`."""

    async def is_agreed() -> bool:
        pins = keepers[0].pins
        return pins.approved.keys() == {*kinds} and all(keeper.pins == pins for keeper in keepers)

    await until(is_agreed)
    return keepers[0].pins


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SharedStore]:
    shared = SharedStore(f"sqlite:///{tmp_path}/shared.db")
    async with shared.run():
        yield shared


async def test_processes_agree_by_the_store_on_what_the_first_has_pinned(store: SharedStore) -> None:
    agree = FirstValues(store, "resource").agree
    first, second = (PinKeeper(RESOURCE, None, SharedPins(RESOURCE, agree, lambda: 0.0)) for _ in "ab")
    other = PinKeeper("https://mcp.example/b", None, SharedPins("https://mcp.example/b", agree, lambda: 0.0))
    async with running(first, second, other):
        pin(first, TOOL, NOTE)
        first.pin_instructions("Be brief.")
        for member in ("tools", "instructions"):
            await until_stored(store, member)
        pin(second, TOOL, EVIL)
        second.pin_instructions("Be evil.")
        pin(other, TOOL, EVIL)
        assert await agreed([first, second], TOOL) == Pins({TOOL: tools(NOTE).approved[TOOL]}, "Be brief.")
        assert other.pins == tools(EVIL)


async def test_what_was_agreed_is_kept_as_long_as_a_process_proposes_it(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_values, "KEPT_S", 3)
    shared = SharedStore(store_url)
    async with shared.run():
        values = FirstValues(shared, "resource")
        await values.agree(RESOURCE, "tools", b"first")
        for _ in range(20):
            assert await values.agree(RESOURCE, "tools", b"second") == b"first"
            await anyio.sleep(0.2)


async def test_what_this_process_has_pinned_stays_while_the_store_is_away() -> None:
    values: list[bytes] = []

    async def away(_resource: str, _member: str, value: bytes) -> bytes:
        if not values:
            raise StoreUnavailableError("away")
        return values[0]

    now = 0.0
    shared = SharedPins(RESOURCE, away, lambda: now)
    shared.propose("tools", tools(EVIL))
    assert await shared.with_agreed(tools(EVIL)) == tools(EVIL)
    values.append(lock_text(tools(NOTE)).encode())
    assert await shared.with_agreed(tools(EVIL)) == tools(NOTE)


async def test_a_value_is_renewed_until_the_lock_file_decides() -> None:
    proposed: list[bytes] = []

    async def agree(_resource: str, _member: str, value: bytes) -> bytes:
        proposed.append(value)
        return value

    times = iter([0.0, 0.0, 1.0, RENEW_EVERY_S, RENEW_EVERY_S, 2 * RENEW_EVERY_S])
    shared = SharedPins(RESOURCE, agree, lambda: next(times))
    shared.propose("tools", tools(NOTE))
    for _ in range(3):
        await shared.with_agreed(tools(NOTE))
    assert len(proposed) == 2
    shared.end(tools(NOTE))
    await shared.with_agreed(tools(NOTE))
    assert len(proposed) == 2


async def test_processes_agree_by_the_lock_file_and_none_loses_what_another_has_pinned(
    tmp_path: Path,
) -> None:
    lock = tmp_path / "policy.lock"
    keepers = [PinKeeper(RESOURCE, lock) for _ in "abc"]
    for keeper in keepers[:2]:
        pin(keeper, TOOL, NOTE)
    pin(keepers[2], TOOL, EVIL)
    pin(keepers[1], PROMPT, {"name": "summary"})
    async with running(*keepers):
        pins = await agreed(keepers, TOOL, PROMPT)
    assert pins.approved[TOOL] in (tools(NOTE).approved[TOOL], tools(EVIL).approved[TOOL])
    assert read_lock(lock) == pins


def written(lock: Path, pins: Pins) -> PinFiles:
    files = PinFiles(lock)
    files.has_new_pins = files.has_new_held = True
    files.write(pins, pins)
    return files


def test_an_invalid_lock_file_is_not_replaced(tmp_path: Path) -> None:
    lock = tmp_path / "policy.lock"
    lock.write_text("{")
    written(lock, tools(NOTE))
    assert lock.read_text() == "{"


@pytest.mark.parametrize("place", ["missing/policy.lock", "/proc/policy.lock"])
def test_a_directory_that_cannot_be_written_stops_nothing(place: str, tmp_path: Path) -> None:
    files = written(tmp_path / place, tools(NOTE))
    assert files.changed_pins() is None


def test_what_is_held_is_what_differs_from_the_lock_file_as_any_process_has_seen_it(tmp_path: Path) -> None:
    lock = tmp_path / "policy.lock"
    fetch, other = {"name": "fetch"}, {"name": "fetch", "title": "Fetch"}
    write_lock(lock, tools(NOTE))
    write_lock(held_path(lock), tools(EVIL, fetch))
    written(lock, tools(NOTE, other))
    assert read_lock(held_path(lock)) == tools(other)
