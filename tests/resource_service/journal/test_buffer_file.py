"""The file of a chain contains what was written, whatever failed before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resource_service.journal.buffer_file import SUFFIX, BufferFile
from resource_service.journal.chain_buffer import ChainBuffer
from resource_service.journal.frames import Frame, contents
from shared.journal.chain import Chain
from shared.journal.event import Event, EventKind

pytestmark = pytest.mark.requirement("JR-2")


def frame(chain: Chain, length: int) -> Frame:
    """A frame with the next entry of `chain`."""
    members = {"call": 1, "text": "x" * length}
    entry = chain.append(Event(kind=EventKind.CALL_BEGUN, time_ms=1, members=members))
    return Frame(entry, chain.head, (1,))


def test_what_a_failed_write_left_does_not_follow_shorter_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    buffer, chain = ChainBuffer("resource.abcdefghijklmnop.0"), Chain("resource.abcdefghijklmnop.0")
    file = BufferFile.create(tmp_path / f"a{SUFFIX}", buffer.beginning(()))
    file.append([frame(chain, 10)])
    write, before = os.pwrite, chain.head

    def half(descriptor: int, data: memoryview, position: int) -> int:
        write(descriptor, data[: len(data) // 2], position)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(OSError, match="No space"):
        file.append([frame(chain, 5_000)])
    monkeypatch.undo()
    chain.head = before
    file.append([frame(chain, 20)])
    read = contents(file.path.read_bytes())
    assert read is not None
    assert (len(read.frames), read.head) == (2, chain.head)
    assert file.path.stat().st_size == file.size
    file.close()


def test_a_write_returns_when_the_file_system_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    real = os.open

    def noting(path: str, flags: int, mode: int = 0o777) -> int:
        opened.append(flags)
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", noting)

    BufferFile.create(tmp_path / f"a{SUFFIX}", ChainBuffer("w").beginning(())).close()
    assert any(flags & os.O_DSYNC for flags in opened if flags & os.O_TRUNC)
