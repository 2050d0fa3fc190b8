"""The content of a backup, and what a restore makes of it (OP-4)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from auth_service.backup.backup_file import (
    About,
    BackupContent,
    Progress,
    UnsupportedBackupError,
    backup_lines,
)
from auth_service.backup.restoration import Restoration
from auth_service.crypto.encrypted_file import DamagedFileError
from shared.storage.compression import compress, expand
from shared.storage.entries import Entry, StoredDocument, StoredMembers

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-4")]

ABOUT = About(1_790_000_000, "1.2.3")
ENTRIES: list[Entry] = [
    StoredDocument("doorward:grant:1", bytes(range(256)), 1_790_000_000_000),
    StoredMembers("doorward:users", (("ada", None), ("bøb", 1_790_000_000_001))),
    StoredDocument("doorward:user:ada", b"", None),
]
NOW_MS = 1_789_000_000_000


async def batches(*batches: Sequence[Entry]) -> AsyncIterator[Sequence[Entry]]:
    for batch in batches:
        yield batch


async def content(*entries: Entry) -> bytes:
    lines = backup_lines(ABOUT, batches(entries[:1], entries[1:]), Progress())
    return b"".join([line async for line in lines])


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_entries_come_back_however_the_content_is_divided(size: int) -> None:
    whole = await content(*ENTRIES)
    backup = BackupContent(whole[start : start + size] for start in range(0, len(whole), size))
    assert backup.about == ABOUT
    assert list(backup.entries()) == ENTRIES


async def test_content_that_is_not_whole_is_refused() -> None:
    lines = (await content(*ENTRIES)).splitlines(keepends=True)
    for kept in (lines[:-1], [*lines[:2], *lines[3:]], [*lines, lines[-1]], [*lines, b"x"], [lines[0]]):
        with pytest.raises(DamagedFileError):
            list(BackupContent([b"".join(kept)]).entries())


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{}",
        b'{"key":"a"}',
        b'{"key":"a","value":"=","expires_at_ms":1}',
        b'{"index":"a","members":[1]}',
    ],
)
async def test_lines_of_another_form_are_refused(line: bytes) -> None:
    first, *_ = (await content()).splitlines(keepends=True)
    with pytest.raises(DamagedFileError):
        list(BackupContent([first, line, b"\n"]).entries())


@pytest.mark.parametrize("first", [b"", b"hello\n", b"{}\n", b"[1]\n", b'{"doorward_backup":"1"}\n'])
def test_a_file_of_another_kind_is_refused(first: bytes) -> None:
    with pytest.raises(DamagedFileError, match="not a backup"):
        BackupContent([first])


def test_a_backup_of_a_newer_release_is_refused_with_its_name() -> None:
    newer = json.dumps({"doorward_backup": 2, "created_at": 1, "release": "9.9"}).encode()
    with pytest.raises(UnsupportedBackupError, match=r"9\.9"):
        BackupContent([newer, b"\n"])


def document(key: str, **members: Any) -> StoredDocument:
    return StoredDocument(key, json.dumps(members).encode(), None)


def test_a_restore_leaves_out_what_was_revoked_or_has_expired() -> None:
    restoration = Restoration({"doorward:grant:2"}, NOW_MS)
    expired = StoredDocument("doorward:grant:3", b"", NOW_MS)
    kept: list[Entry] = [document("doorward:grant:1"), StoredMembers("doorward:users", (("ada", None),))]
    assert restoration.wanted([*kept, document("doorward:grant:2"), expired]) == kept
    assert (restoration.written, restoration.left_out) == (Progress(1, 1), Progress(1, 0))


def test_the_mark_of_an_incomplete_restore_is_not_restored() -> None:
    assert Restoration(set(), NOW_MS).wanted([document("doorward:restoration")]) == []


def test_accounts_and_clients_that_were_disabled_since_come_back_disabled() -> None:
    log = {"disabled doorward:subject:s1", "disabled doorward:client:c1"}
    renamed, other = (
        document("doorward:user:old-name", subject="s1"),
        document("doorward:user:bob", subject="s2"),
    )
    client = StoredDocument("doorward:client:c1", compress(b'{"v":1,"client_id":"c1"}'), 2 * NOW_MS)
    restored = Restoration(log, NOW_MS).wanted([renamed, other, client])
    assert restored[0] == document("doorward:user:old-name", subject="s1", disabled=True)
    assert restored[1] == other
    assert isinstance(restored[2], StoredDocument)
    assert json.loads(expand(restored[2].value)) == {"v": 1, "client_id": "c1", "disabled": True}
    assert restored[2].value[0] == client.value[0]
    assert restored[2].expires_at_ms == client.expires_at_ms
