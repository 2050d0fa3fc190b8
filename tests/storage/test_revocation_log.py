"""Where revocations are recorded a second time (OP-4)."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from shared.storage import Store, StoreUnavailableError, open_revocation_log
from shared.storage.revocation_log import (
    FileRevocationLog,
    StoreRevocationLog,
    log_directory,
    record_in,
)

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-4")]

DAY_S = 86_400
NOW = 1_790_000_000


class Log:
    """A log in a directory, with a clock to set."""

    def __init__(self, directory: Path) -> None:
        self.now = NOW
        self.directory = directory
        self.log = FileRevocationLog(directory, lambda: self.now)

    @property
    def files(self) -> list[Path]:
        return sorted(self.directory.iterdir())


@pytest.fixture
def files(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


async def test_an_entry_is_kept_until_the_day_on_which_it_expires_is_over(files: Log) -> None:
    await files.log.record("doorward:grant:1", DAY_S)
    await files.log.record("doorward:grant:2", 5 * DAY_S)
    assert len(files.files) == 2
    files.now += 3 * DAY_S
    await files.log.record("doorward:grant:3", 60)
    assert await files.log.revoked() == {"doorward:grant:2", "doorward:grant:3"}


async def test_only_the_owner_can_read_the_log(files: Log) -> None:
    await files.log.record("doorward:grant:1", 60)
    [file] = files.files
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.directory.stat().st_mode) == 0o700


async def test_an_entry_after_one_that_was_cut_off_is_whole(files: Log) -> None:
    await files.log.record("doorward:grant:1", 60)
    [file] = files.files
    file.write_bytes(file.read_bytes()[:-3])
    await files.log.record("doorward:grant:2", 60)
    assert "doorward:grant:2" in await files.log.revoked()


async def test_other_files_in_the_directory_are_left_alone(files: Log) -> None:
    files.directory.mkdir()
    (files.directory / "notes").write_text("doorward:grant:9")
    await files.log.record("doorward:grant:1", 60)
    files.now += 9 * DAY_S
    await files.log.record("doorward:grant:2", 60)
    assert (files.directory / "notes").exists()
    assert await files.log.revoked() == {"doorward:grant:2"}


async def test_a_log_that_cannot_be_written_says_so_and_stops_no_revocation(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    log = FileRevocationLog(tmp_path / "file" / "log")
    with pytest.raises(StoreUnavailableError, match="revocation log"):
        await log.record("doorward:grant:1", 60)
    await record_in(log, "doorward:grant:1", 60)
    await record_in(None, "doorward:grant:1", 60)


async def test_a_log_in_a_store_keeps_entries_of_any_lifetime(store: Store) -> None:
    log = StoreRevocationLog(store)
    await log.record("doorward:grant:1", 60)
    await log.record("doorward:grant:2", -5)
    assert "doorward:grant:1" in await log.revoked()


@pytest.mark.parametrize("url", ["file://log", "file:///", "file:///log?x", "file:log"])
def test_a_directory_is_named_by_its_absolute_path(url: str) -> None:
    assert log_directory("file:///var/a%20b") == Path("/var/a b")
    with pytest.raises(ValueError, match="file:///absolute/directory"):
        log_directory(url)


def test_a_log_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown form"):
        open_revocation_log("ftp://x")
