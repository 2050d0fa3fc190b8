"""Log lines in JSON, written without the logging framework: a line costs a third of the processor time."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, TextIO

MAX_WAITING = 256
"""Lines that wait for the event loop at most."""

_encode = json.JSONEncoder(default=str).encode


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream that may refuse them, as a file on a full disk does.

    No caller sees such an error, since a request must not fail for its log line. The handler counts the
    lines instead, and logs the number as soon as the stream takes lines again.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._failed = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of `record`."""
        try:
            self.put(f"{self.format(record)}{self.terminator}", 1)
        except Exception:  # noqa: BLE001 -- a fault of the caller; printed, as by every handler
            self.handleError(record)

    def put(self, text: str, lines: int) -> None:
        """Write `text`, which is as many `lines`, under the handler's lock."""
        with self.lock or nullcontext():
            if not self._has_written(text):
                self._failed += lines
            elif self._failed and self._has_written(self._report()):
                self._failed = 0

    def _has_written(self, text: str) -> bool:
        try:
            self.stream.write(text)
            self.flush()
        except OSError:
            return False
        return True

    def _report(self) -> str:
        event = "%d log lines could not be written when they were due; some may be missing"
        record = logging.LogRecord(__name__, logging.ERROR, __file__, 0, event, (self._failed,), None)
        return f"{self.format(record)}{self.terminator}"


class JsonLines:
    """Writes lines as the handler's formatter would.

    Args:
        handler: writes the lines of libraries to the same stream.
        finish: converts the text of a line to the form in which it may be written.
    """

    def __init__(self, handler: LineHandler, finish: Callable[[str], str]) -> None:
        self._handler = handler
        self._finish = finish
        self._waiting: list[str] = []
        self._second = (0, "")

    def write(
        self, fields: Mapping[str, Any], *, event: str, level: str, logger: str, request_id: str
    ) -> None:
        """Write one line with the current time.

        Raises:
            Exception: a field cannot be encoded.
        """
        line = {**fields, "event": event, "level": level, "logger": logger, "timestamp": _timestamp()}
        if request_id:
            line.setdefault("request_id", request_id)
        self._put(f"{self._finish(_encode(line))}\n")

    def write_soon(self, unfinished: str) -> None:
        """Write a line together with others that follow before the event loop runs again.

        Args:
            unfinished: a JSON object, except for its time and its end.
        """
        self._waiting.append(f'{self._finish(unfinished)}, "timestamp": "{self._now()}"}}\n')
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self.flush)
        elif len(self._waiting) >= MAX_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write the lines that wait."""
        if self._waiting:
            self._put("")

    def _put(self, text: str) -> None:
        """Write `text`, after the lines that wait."""
        waiting, self._waiting = self._waiting, []
        self._handler.put("".join((*waiting, text)), len(waiting) + bool(text))

    def _now(self) -> str:
        """Return what `_timestamp` would, so that lines sort by it; the text of the second is kept."""
        now = time.time()
        second = int(now)
        if second != self._second[0]:
            self._second = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        return f"{self._second[1]}.{int((now - second) * 1_000_000):06d}Z"


def _timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
