"""The log of `doorward up`: kept over restarts, and bounded."""

from __future__ import annotations

from pathlib import Path

from shared.cli.log_file import LogFile, earlier


def write(path: Path, *lines: bytes) -> None:
    with LogFile(path, max_bytes=20) as log:
        for line in lines:
            log.write(line)


def test_a_restart_goes_on_where_the_log_ended(tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    write(path, b"first\n")
    write(path, b"second\n")
    assert path.read_bytes() == b"first\nsecond\n"
    assert not earlier(path).exists()


def test_a_full_log_starts_over_and_the_one_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    write(path, *(b"line %d....\n" % number for number in range(7)))
    assert path.read_bytes() == b"line 6....\n"
    assert earlier(path).read_bytes() == b"line 5....\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["auth.log", "auth.log.1"]


def test_a_line_is_never_torn_however_long_it_is(tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    write(path, b"short\n", b"x" * 100 + b"\n", b"after\n")
    assert earlier(path).read_bytes() == b"x" * 100 + b"\n"
    assert path.read_bytes() == b"after\n"
