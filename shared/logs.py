"""Logs: one line per event, as JSON or for reading, with the request id and without tokens."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from contextvars import ContextVar
from typing import Literal, TextIO

import structlog
from pydantic_settings import BaseSettings, SettingsConfigDict
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from shared.log_lines import JsonLines, LineHandler
from shared.traces.current import current_trace_id

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
"""The id of the request being served in this context; empty outside of one."""

# Tokens, codes and secrets of this project, which must not be logged even where one was sent by mistake.
# Links have a second part.
_HANDLE = re.compile(r"dw_([a-z]{2})_[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{8,})?")

_OURS = ("resource_service", "shared")
"""The packages that are used in processes of other programs."""

# Loggers that show secrets at their lower levels: links, codes and ids of pending requests in query strings
# (uvicorn.access), keys in URLs of operators (httpx2), headers (httpcore2), arguments and results of tools.
_QUIET = ("httpx2", "httpcore2", "mcp", "sse_starlette", "uvicorn.access")


class LogSettings(BaseSettings):
    """Log settings, read from ``DOORWARD_LOG_FORMAT`` and ``DOORWARD_LOG_LEVEL``.

    Attributes:
        format: ``auto`` means ``console`` on a terminal and ``json`` elsewhere.
    """

    model_config = SettingsConfigDict(env_prefix="DOORWARD_LOG_", frozen=True, extra="ignore")

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Logger:
    """Writes events. Keyword arguments become fields of the line.

    A line below the configured level costs a comparison.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._levels = logging.getLogger(name)
        self._structured: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)

    def debug(self, event: str, **fields: object) -> None:
        """Log details that help to find a fault in this project."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Log a normal event."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log an event that an operator should look at."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Log an event that an operator must look at."""
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """Log the exception that is being handled, with its traceback."""
        self._structured.exception(event, **fields)

    def _write(self, level: int, event: str, fields: dict[str, object]) -> None:
        lines = _json_lines if _is_ours() else None
        if lines is None:
            self._structured.log(level, event, **fields)
            return
        if not self._levels.isEnabledFor(level):
            return
        if trace_id := current_trace_id():
            fields.setdefault("trace_id", trace_id)
        try:
            lines.write(
                fields,
                event=event,
                level=_LEVELS[level],
                logger=self._name,
                request_id=current_request_id.get(),
            )
        except Exception:  # noqa: BLE001 -- reported as for every handler, and never to the caller
            self._structured.log(level, event, **fields)


_LEVELS = {level: logging.getLevelName(level).lower() for level in (10, 20, 30, 40)}
_json_lines: JsonLines | None = None
_processors: list[Processor] = []


def _is_ours() -> bool:
    """Check that structlog is configured by `_configure_structlog`, and no test captures its events."""
    processors = structlog.get_config()["processors"]
    return processors is _processors and processors[0] is structlog.stdlib.filter_by_level


def configure_logs(settings: LogSettings | None = None, *, stream: TextIO | None = None) -> None:
    """Send everything that this process logs, including libraries, through one handler.

    Call it once, when the process starts; a later call replaces the handler.

    Args:
        settings: by default read from the environment.
        stream: by default standard error.
    """
    settings = settings or LogSettings()
    stream = stream or sys.stderr
    _configure_structlog()
    root = logging.getLogger()
    root.handlers = [handler := _handler(settings.format, stream)]
    _write_directly(settings.format, handler)
    root.setLevel(settings.level.upper())
    for name in _OURS:
        _give_back(name)
    _take_over_libraries()


def configure_command_logs() -> None:
    """Send the warnings of a command to standard error, unless it has configured its logs.

    Raises:
        ValueError: the settings of logs in the environment are invalid.
    """
    if not structlog.is_configured():
        configure_logs(LogSettings(level="warning"))


def configure_own_logs(settings: LogSettings | None = None, *, stream: TextIO | None = None) -> None:
    """Send only the logs of this project through a separate handler, for use as a library in another process.

    If that process has configured structlog itself, nothing is changed.

    Args:
        settings: by default read from the environment.
        stream: by default standard error.
    """
    if structlog.is_configured():
        return
    settings = settings or LogSettings()
    _configure_structlog()
    handler = _handler(settings.format, stream or sys.stderr)
    _write_directly(settings.format, handler)
    for name in _OURS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(settings.level.upper())


def get_logger(name: str) -> Logger:
    """Return a logger whose keyword arguments become fields of the line."""
    return Logger(name)


def lines_written_directly() -> JsonLines | None:
    """Return what writes lines without the logging framework; None if they are not JSON."""
    return _json_lines


def _write_directly(form: str, handler: LineHandler) -> None:
    global _json_lines
    _json_lines = None if _is_console(form, handler.stream) else JsonLines(handler, _blotted_out)


def _configure_structlog() -> None:
    _processors[:] = [
        structlog.stdlib.filter_by_level,
        *_shared_processors(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ]
    structlog.configure(
        processors=_processors,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _handler(form: str, stream: TextIO) -> LineHandler:
    handler = LineHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared_processors(), processors=_rendering(form, stream)
        )
    )
    return handler


def _give_back(name: str) -> None:
    """Let the logger `name` pass every level to the root handler, and to no other."""
    logger = logging.getLogger(name)
    logger.handlers, logger.propagate = [], True
    logger.setLevel(logging.NOTSET)


def _take_over_libraries() -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        _give_back(name)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _shared_processors() -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_ids,
    ]


def _rendering(form: str, stream: TextIO) -> list[Processor]:
    rendering: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if _is_console(form, stream):
        rendering.append(_escape_controls)
        rendering.append(
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=_traceback)
        )
    else:
        rendering += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    return [*rendering, _blot_out_handles]


def _is_console(form: str, stream: TextIO) -> bool:
    return form == "console" or (form == "auto" and stream.isatty())


def _add_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if request_id := current_request_id.get():
        event.setdefault("request_id", request_id)
    if trace_id := current_trace_id():
        event.setdefault("trace_id", trace_id)
    return event


def _escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape control characters: request data must not control a terminal or start a new log line."""
    return {name: _escaped(value) if isinstance(value, str) else value for name, value in event.items()}


def _traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """Print a traceback without local variables, which may contain tokens and secrets.

    It is indented, so that no line of it can be mistaken for a log entry.
    """
    for line in "".join(traceback.format_exception(*exc_info)).splitlines():
        out.write(f"\n  {_escaped(line)}")


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _blot_out_handles(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
    return _blotted_out(str(line))


def _blotted_out(line: str) -> str:
    return _HANDLE.sub(r"dw_\1_***", line) if "dw_" in line else line
