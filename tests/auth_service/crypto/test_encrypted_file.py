"""Encrypted files: refused if they were changed, and neither end waits for one that has failed (OP-4)."""

from __future__ import annotations

import asyncio
import errno
import io
import threading
import tracemalloc
from collections.abc import Iterator

import pytest

from auth_service.crypto.encrypted_file import (
    CHUNK_BYTES,
    DamagedFileError,
    WrongKeyError,
    decrypted,
    encrypted_to,
)
from auth_service.crypto.encryption_keys import Identity

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-4")]

KEY = Identity.generate()
MANY = 64
"""Chunks: more than a pipe and all buffers have room for."""


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = threading.active_count()
    yield
    left = [thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")]
    assert len(left) <= before


async def encrypted(chunks: int, *keys: Identity) -> bytes:
    file = io.BytesIO()
    async with encrypted_to(file, [key.to_public() for key in keys or (KEY,)]) as write:
        for number in range(chunks):
            await write(bytes([number]) * CHUNK_BYTES)
    return file.getvalue()


def opened(file: bytes, key: Identity = KEY) -> bytes:
    with decrypted(io.BytesIO(file), [key]) as chunks:
        return b"".join(chunks)


@pytest.mark.parametrize("chunks", [0, 1, 2, MANY])
async def test_content_comes_back_with_each_of_several_keys(chunks: int) -> None:
    other = Identity.generate()
    file = await encrypted(chunks, other, KEY)
    content = b"".join(bytes([number]) * CHUNK_BYTES for number in range(chunks))
    assert opened(file) == opened(file, other) == content
    with pytest.raises(WrongKeyError):
        opened(file, Identity.generate())


async def test_a_file_that_was_changed_cut_off_or_continued_is_refused() -> None:
    file = await encrypted(2)
    start = len(file) - 2 * (CHUNK_BYTES + 16)
    middle = start + CHUNK_BYTES + 16
    flipped = [
        file[:at] + bytes([file[at] ^ 1]) + file[at + 1 :] for at in (5, 30, start - 20, start, middle)
    ]
    cut = [file[:end] for end in (0, 10, start - 1, start, start + 9, middle, len(file) - 1)]
    for damaged in (*flipped, *cut, file + b"x", file + file[start:], file[:start] + file[middle:]):
        with pytest.raises((DamagedFileError, WrongKeyError)):
            opened(damaged)


class FullDisk(io.BytesIO):
    def write(self, data: object, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


async def write_chunks(file: io.BytesIO, *, then: Exception | None = None) -> None:
    async with asyncio.timeout(60), encrypted_to(file, [KEY.to_public()]) as write:
        for _ in range(MANY):
            await write(bytes(CHUNK_BYTES))
        if then:
            raise then


async def test_a_full_disk_ends_the_writes_with_its_error() -> None:
    with pytest.raises(OSError, match="No space left") as failed:
        await write_chunks(FullDisk())
    assert failed.value.errno == errno.ENOSPC


async def test_a_source_that_fails_ends_the_encryption() -> None:
    with pytest.raises(LookupError):
        await write_chunks(io.BytesIO(), then=LookupError())


def fail_after_a_chunk(file: bytes) -> None:
    with decrypted(io.BytesIO(file), [KEY]) as chunks:
        next(chunks)
        raise LookupError


async def test_a_reader_that_fails_ends_the_decryption() -> None:
    file = await encrypted(MANY)
    with pytest.raises(LookupError):
        fail_after_a_chunk(file)


class Nothing(io.BytesIO):
    def write(self, data: object, /) -> int:
        return len(bytes(data))  # type: ignore[call-overload]


async def test_memory_does_not_grow_with_the_content() -> None:
    tracemalloc.start()
    try:
        async with encrypted_to(Nothing(), [KEY.to_public()]) as write:
            for _ in range(4 * MANY):
                await write(bytes(CHUNK_BYTES))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * CHUNK_BYTES
