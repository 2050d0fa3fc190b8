"""Log lines in JSON, written without the logging framework: a line costs a third of the processor time."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

_encode = json.JSONEncoder(default=str).encode


class JsonLines:
    """Writes lines as the handler's formatter would.

    Args:
        handler: writes the lines of libraries to the same stream; its lock keeps lines whole.
        finish: converts the text of a line to the form in which it may be written.
    """

    def __init__(self, handler: logging.StreamHandler[TextIO], finish: Callable[[str], str]) -> None:
        self._handler = handler
        self._finish = finish

    def write(
        self, fields: Mapping[str, Any], *, event: str, level: str, logger: str, request_id: str
    ) -> None:
        """Write one line with the current time.

        Raises:
            Exception: the line cannot be written.
        """
        line = {**fields, "event": event, "level": level, "logger": logger, "timestamp": _timestamp()}
        if request_id:
            line.setdefault("request_id", request_id)
        text = self._finish(_encode(line))
        handler = self._handler
        handler.acquire()
        try:
            handler.stream.write(f"{text}\n")
            handler.flush()
        finally:
            handler.release()


def _timestamp() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
