"""A section of a task that can be cancelled from outside, without the rest of the task."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Cancellable:
    """A context that `cancel` ends early; execution continues after it.

    It counts cancellations as `asyncio.timeout` does, so that one of the whole task is not lost. It is an
    `anyio.CancelScope` without levels and deadlines, at a tenth of the time.

    Attributes:
        was_cancelled: whether the section was ended early.
    """

    __slots__ = ("_before", "_is_cancelled", "_task", "was_cancelled")

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._before = 0
        self._is_cancelled = self.was_cancelled = False

    def cancel(self) -> None:
        """End the section if it is under way. To be called by another task, as often as it likes."""
        if self._task is None or self._is_cancelled:
            return
        self._is_cancelled = True
        self._task.cancel()

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        if self._task is None:
            raise RuntimeError("a section belongs to a task")
        self._before = self._task.cancelling()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        # The error of a task refers to this object: in a cycle, both wait for the garbage collector.
        task, self._task = self._task, None
        if not self._is_cancelled or task is None:
            return False
        if task.uncancel() > self._before:
            return False  # the task itself was cancelled, too
        self.was_cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
        return self.was_cancelled
