"""Logs: one line an event, JSON or for the eye, with the request id, and never a token in it."""

from __future__ import annotations

import logging
import re
import sys
from contextvars import ContextVar
from typing import Literal, TextIO

import structlog
from pydantic_settings import BaseSettings, SettingsConfigDict
from structlog.typing import EventDict, Processor, WrappedLogger

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
"""The id of the request being served in this context; empty outside of one."""

# The handles of this project authenticate whoever holds them, wherever they were put by mistake.
_HANDLE = re.compile(r"dw_([a-z]{2})_[A-Za-z0-9_-]{8,}")

# Chatter, and uvicorn's access lines hold query strings, where codes and tokens have been seen to travel.
_QUIET = ("httpx2", "httpcore2", "mcp", "sse_starlette", "uvicorn.access")


class LogSettings(BaseSettings):
    """Read from ``DOORWARD_LOG_FORMAT`` and ``DOORWARD_LOG_LEVEL``.

    Attributes:
        format: ``auto`` is ``console`` on a terminal and ``json`` elsewhere.
    """

    model_config = SettingsConfigDict(env_prefix="DOORWARD_LOG_", frozen=True, extra="ignore")

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


def configure_logs(settings: LogSettings | None = None, *, stream: TextIO | None = None) -> None:
    """Send everything that this process logs, libraries included, through one handler.

    To be called once, by whatever starts the process; a later call replaces the handler.

    Args:
        settings: read from the environment where left out.
        stream: standard error where left out.
    """
    settings = settings or LogSettings()
    stream = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared_processors(), processors=_rendering(settings.format, stream)
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level.upper())
    _take_over_libraries(verbose=settings.level == "debug")


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose keyword arguments become fields of the line."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _take_over_libraries(*, verbose: bool) -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET if verbose else logging.WARNING)


def _shared_processors() -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
    ]


def _rendering(form: str, stream: TextIO) -> list[Processor]:
    console = form == "console" or (form == "auto" and stream.isatty())
    rendering: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if console:
        # The default formatter prints local variables beside a traceback: tokens and secrets among them.
        plain = structlog.dev.plain_traceback
        rendering.append(structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain))
    else:
        rendering += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    return [*rendering, _blot_out_handles]


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if request_id := current_request_id.get():
        event.setdefault("request_id", request_id)
    return event


def _blot_out_handles(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
    return _HANDLE.sub(r"dw_\1_***", str(line))
