"""One chain of this process: its entries in memory, and in a file if there is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from pathlib import Path

from resource_service.journal.buffer_file import REWRITE_BYTES, SUFFIX, BufferFile
from resource_service.journal.chain_buffer import ChainBuffer
from resource_service.journal.frames import Frame
from shared.journal.chain import Head


class CallChain:
    """Stores frames in a file, off the event loop, before they are delivered.

    Args:
        file: None to keep entries in memory only.
        thread: runs one call at a time.
    """

    def __init__(self, buffer: ChainBuffer, file: BufferFile | None, thread: Executor) -> None:
        self.buffer = buffer
        self._file = file
        self._thread = thread
        self._unwritten: list[Frame] = []
        self._writing = asyncio.Lock()

    @classmethod
    def create(cls, writer: str, directory: Path | None, thread: Executor) -> CallChain:
        """Create a chain, with a file in `directory`.

        Raises:
            OSError: the file cannot be written.
        """
        buffer = ChainBuffer(writer)
        if directory is None:
            return cls(buffer, None, thread)
        return cls(buffer, BufferFile.create(directory / f"{writer}{SUFFIX}", buffer.beginning(())), thread)

    @property
    def is_durable(self) -> bool:
        """Whether entries are stored in a file."""
        return self._file is not None

    async def commit(self) -> None:
        """Store what was added.

        Raises:
            OSError: the file system does not accept it; the next call tries again.
        """
        async with self._writing:
            self._unwritten += self.buffer.seal()
            frames = tuple(self._unwritten)
            if frames and self._file is not None:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._file.append, frames)
            del self._unwritten[: len(frames)]
            self.buffer.store(frames)

    @asynccontextmanager
    async def settled(self) -> AsyncIterator[None]:
        """Let nothing be written meanwhile; what was added is among the frames of the buffer, but in no file.

        For a chain that another one takes the place of, which must repeat what no write has stored yet.
        """
        async with self._writing:
            self.buffer.store([*self._unwritten, *self.buffer.seal()])
            self._unwritten.clear()
            yield

    async def deliver(self, through: int, heads: Iterable[Head]) -> None:
        """Forget what was delivered; a file that became large is written again without it."""
        async with self._writing:
            self.buffer.deliver(through)
            if self._file is not None and self._file.size > self.buffer.bytes + REWRITE_BYTES:
                await self._rewrite(heads)

    async def close(self, heads: Iterable[Head], *, remove: bool) -> None:
        """Leave a file for the next process with what is not delivered, and the heads; or remove it."""
        async with self._writing:
            if self._file is None:
                return
            if not remove and not self._unwritten:
                await self._rewrite(heads)
            self._file.close(remove=remove)
            self._file = None

    async def _rewrite(self, heads: Iterable[Head]) -> None:
        if self._file is not None:
            beginning, frames = self.buffer.beginning(heads), self.buffer.frames
            rewrite = self._file.rewrite
            await asyncio.get_running_loop().run_in_executor(self._thread, rewrite, beginning, frames)
