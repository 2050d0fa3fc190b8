"""Files of entries: what was written in part is recognized, and what is left can be continued."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from resource_service.journal.buffer_file import BufferFile
from resource_service.journal.chain_buffer import ChainBuffer
from resource_service.journal.frames import contents
from shared.journal.event import Event, EventKind

pytestmark = pytest.mark.requirement("JR-2")

CHAIN = "resource.a-process-of-22-letters.0"


def append(buffer: ChainBuffer, kind: EventKind, call: int) -> None:
    buffer.append(Event(kind=kind, time_ms=1_000, members={"call": call, "name": "größer\n"}))


def written(path: Path, groups: int = 5) -> ChainBuffer:
    """A file of groups in each of which one call begins, and of which the first and second have ended."""
    buffer = ChainBuffer(CHAIN)
    file = BufferFile.create(path, buffer.beginning(()))
    for call in range(groups):
        append(buffer, EventKind.CALL_BEGUN, call)
        if call < 2:
            append(buffer, EventKind.CALL_COMPLETED, call)
        frames = buffer.seal()
        file.append(frames)
        buffer.store(frames)
    file.close()
    return buffer


def test_a_file_says_what_has_not_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.calls"
    buffer = written(path)
    content = contents(path.read_bytes())
    assert content is not None
    assert content.head == buffer.head
    assert content.open_calls == {2, 3, 4}
    assert [frame.lines for frame in content.frames] == [frame.lines for frame in buffer.frames]


def test_a_file_ends_where_the_last_write_was_cut_or_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.calls"
    written(path)
    data = path.read_bytes()
    content = contents(data)
    assert content is not None
    whole = len(content.frames)
    lengths = set()
    for length in range(len(data)):
        cut = contents(data[:length])
        if cut is not None:
            assert cut.frames == content.frames[: len(cut.frames)]
            lengths.add(len(cut.frames))
    assert lengths == set(range(whole)), "the last byte belongs to the last frame"
    randomness = random.Random(7)  # noqa: S311
    for _ in range(300):
        changed = bytearray(data)
        changed[randomness.randrange(len(data))] ^= 1 << randomness.randrange(8)
        read = contents(bytes(changed))
        assert read is None or (
            len(read.frames) < whole and read.frames == content.frames[: len(read.frames)]
        )


def test_a_file_of_a_running_process_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "a.calls"
    file = BufferFile.create(path, ChainBuffer(CHAIN).beginning(()))
    assert BufferFile.adopt(path) is None
    file.close()
    adopted = BufferFile.adopt(path)
    assert adopted is not None
    adopted[0].close(remove=True)
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"neither length nor checksum\n")
    with pytest.raises(ValueError, match="not a file of the journal"):
        BufferFile.adopt(path)


def test_delivered_frames_leave_the_file_and_the_calls_that_began_in_them_stay_open(tmp_path: Path) -> None:
    path = tmp_path / "a.calls"
    written(path)
    adopted = BufferFile.adopt(path)
    assert adopted is not None
    file, content = adopted
    buffer = ChainBuffer(CHAIN, content)
    buffer.deliver(content.frames[3].last.sequence)
    file.rewrite(buffer.beginning([]), buffer.frames)
    append(buffer, EventKind.CALL_UNKNOWN, 2)
    file.append(buffer.seal())
    file.close()
    left = contents(path.read_bytes())
    assert left is not None
    assert (left.head, set(left.open_calls), len(left.frames)) == (buffer.head, {3, 4}, 2)


def test_a_write_that_failed_in_part_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.calls"
    buffer = ChainBuffer(CHAIN)
    file = BufferFile.create(path, buffer.beginning(()))
    with path.open("ab") as other:
        other.write(b"500 00000000\na part of a write")
    append(buffer, EventKind.CALL_BEGUN, 1)
    file.append(buffer.seal())
    file.close()
    content = contents(path.read_bytes())
    assert content is not None
    assert content.head == buffer.head
    assert b"a part" not in path.read_bytes()
