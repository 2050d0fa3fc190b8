"""A changed policy file takes effect once it has stopped changing and is valid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from resource_service.policy import watcher as watching
from resource_service.policy.file import read_policy
from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.validation import PolicyError
from resource_service.policy.watcher import PolicyWatcher

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-4")]


def policy(*scopes: str) -> str:
    described = "".join(f"  {scope}: About {scope}\n" for scope in scopes)
    return f"scopes:\n{described}default: [{scopes[0]}]\n"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0.01)
    path = tmp_path / "policy.yaml"
    write(path, policy("read"))
    return path


def write(path: Path, text: str | None) -> None:
    """Give the file another text, or remove it."""
    if text is None:
        path.unlink()
    else:
        path.write_text(text)


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not holds():  # noqa: ASYNC110 -- what changes has no event
            await anyio.sleep(0.01)


async def test_the_file_is_looked_at_twice_a_second() -> None:
    assert watching.LOOK_EVERY_S == 0.5


async def test_a_policy_without_a_file_stays() -> None:
    fixed = PolicyWatcher(Policy(scopes={"read": "Read"}, default=Scopes()))
    async with fixed.watch():
        await anyio.wait_all_tasks_blocked()
    assert fixed.scopes() == ("read",)


async def test_a_file_that_cannot_be_meant_is_refused_at_the_start(path: Path) -> None:
    write(path, "scopes: 1")
    with pytest.raises(PolicyError):
        PolicyWatcher.reload(path)


async def test_a_file_that_changes_is_in_force_and_everybody_hears_of_it(path: Path) -> None:
    watcher = PolicyWatcher.reload(path)
    assert watcher.scopes() == ("read",)
    with capture_logs() as lines:
        async with watcher.watch(), anyio.create_task_group() as tasks:
            tasks.start_soon(watcher.replaced.wait)
            await anyio.wait_all_tasks_blocked()
            write(path, policy("read", "write"))
            await until(lambda: watcher.scopes() == ("read", "write"))
    assert [(line["event"], line["scopes"]) for line in lines] == [("policy loaded", ["read", "write"])]


async def test_a_policy_that_cannot_be_meant_leaves_the_one_before_in_force_and_is_refused_once(
    path: Path,
) -> None:
    watcher = PolicyWatcher.reload(path)
    with capture_logs() as lines:
        async with watcher.watch():
            write(path, "scopes: 1")
            await until(lambda: len(lines) > 0)
            await anyio.sleep(0.1)
            assert len(lines) == 1
            assert lines[0]["event"].startswith("the policy file is invalid")
            assert watcher.scopes() == ("read",)
            write(path, policy("write"))
            await until(lambda: watcher.scopes() == ("write",))


async def test_a_file_that_is_gone_leaves_its_policy_in_force_until_it_is_back(path: Path) -> None:
    watcher = PolicyWatcher.reload(path)
    with capture_logs() as lines:
        async with watcher.watch():
            write(path, None)
            await until(lambda: len(lines) > 0)
            assert watcher.scopes() == ("read",)
            write(path, policy("write"))
            await until(lambda: watcher.scopes() == ("write",))


async def test_a_file_that_changed_while_it_was_read_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher, read = PolicyWatcher.reload(path), read_policy
    half = [policy("half", "written"), policy("whole")]

    def reading(where: Path) -> Policy:
        parsed = read(where)
        if half:
            write(where, half.pop(0))
        return parsed

    monkeypatch.setattr(watching, "read_policy", reading)
    write(path, policy("old", "one"))
    with capture_logs() as lines:
        async with watcher.watch():
            await until(lambda: watcher.scopes() == ("whole",))
    assert [line["scopes"] for line in lines] == [["whole"]]


async def test_a_file_that_never_stops_changing_is_not_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher, looks = PolicyWatcher.reload(path), 0
    asleep = anyio.sleep

    async def sleep(seconds: float) -> None:
        nonlocal looks
        looks += 1
        write(path, policy("read", "x" * (1 + looks % 50)))
        await asleep(0)

    monkeypatch.setattr(anyio, "sleep", sleep)
    async with watcher.watch():
        with anyio.fail_after(30):
            while looks < 20:
                await asleep(0.001)
        assert watcher.scopes() == ("read",)
        monkeypatch.setattr(anyio, "sleep", asleep)
