"""Files encrypted in the age format (https://age-encryption.org/v1), with pyrage.

pyrage reads and writes files. Programs here produce and consume chunks, so it runs in a thread, at the other
end of a pipe, which bounds what is in memory. The end that fails closes the pipe, which ends the other one.
"""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import BinaryIO, cast

import pyrage

from auth_service.crypto.encryption_keys import Identity, Recipient

CHUNK_BYTES = 64 * 1024
_NO_MATCH = "No matching keys found"

Write = Callable[[bytes], Awaitable[None]]


class WrongKeyError(Exception):
    """The file is not encrypted to this key."""


class DamagedFileError(Exception):
    """The file is not in the format, was changed, or cut off."""


@asynccontextmanager
async def encrypted_to(file: BinaryIO, recipients: Sequence[Recipient]) -> AsyncIterator[Write]:
    """Encrypt what is written into `file`, which is complete at the end of the context.

    If the context ends with an exception, the file looks complete but is not: delete it.

    Raises:
        OSError: the file cannot be written.
    """
    reading, writing = _pipe()
    output = _Output(file)

    def encrypt() -> None:
        with reading:
            output.raising(lambda: pyrage.encrypt_io(reading, output, recipients))

    async def write(data: bytes) -> None:
        await asyncio.to_thread(writing.write, data)

    encryption = asyncio.create_task(asyncio.to_thread(encrypt))
    try:
        with writing:
            yield write
    except BrokenPipeError:
        await encryption  # Its failure is the reason.
        raise
    finally:
        await asyncio.gather(encryption, return_exceptions=True)
    await encryption


@contextmanager
def decrypted(file: BinaryIO, identities: Sequence[Identity]) -> Iterator[Iterator[bytes]]:
    """Open an encrypted file: the value of the context iterates over its authenticated chunks.

    Raises:
        WrongKeyError: while iterating; the file is encrypted to another key.
        DamagedFileError: while iterating; the file is not in the format, was changed or cut off. Chunks
            before that were authentic.
    """
    reading, writing = _pipe()

    def decrypt() -> None:
        with writing:
            _decrypt(file, writing, identities)

    with ThreadPoolExecutor(1) as executor:
        decryption = executor.submit(decrypt)

        def chunks() -> Iterator[bytes]:
            while chunk := reading.read1(CHUNK_BYTES):
                yield chunk
            decryption.result()

        # Closed before the executor waits for the thread, which may be waiting for room in the pipe.
        with reading:
            yield chunks()


class _Output(io.BufferedIOBase):
    """A file that remembers why it could not be written; pyrage only passes on the text."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._failure: OSError | None = None

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        try:
            return self._file.write(data)
        except OSError as error:
            self._failure = error
            raise

    def raising(self, use: Callable[[], object]) -> None:
        """Call `use`, and raise the failure of the file rather than one that was caused by it."""
        try:
            use()
        except pyrage.EncryptError as error:
            raise self._failure or error from error


def _decrypt(file: BinaryIO, into: io.BufferedWriter, identities: Sequence[Identity]) -> None:
    try:
        pyrage.decrypt_io(cast("io.BufferedIOBase", file), into, identities)
    except pyrage.DecryptError as error:
        if str(error) == _NO_MATCH:
            raise WrongKeyError("the file is encrypted to another key") from error
        raise DamagedFileError(
            f"the file is not in the age format, or was changed or cut off: {error}"
        ) from error
    except OSError as error:
        if error.errno is not None:  # of the operating system
            raise
        raise DamagedFileError(f"the file was changed or cut off: {error}") from error


def _pipe() -> tuple[io.BufferedReader, io.BufferedWriter]:
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb")
