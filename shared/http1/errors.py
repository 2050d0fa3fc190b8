"""Why there is no response, or no complete one."""

from __future__ import annotations


class ExchangeError(Exception):
    """There is no complete response. The message says why, for the log."""


class InvalidRequestError(ExchangeError):
    """The request contains characters that a server could misread; nothing was sent."""


class BusyError(ExchangeError):
    """All connections stayed in use; nothing was sent."""


class ConnectError(ExchangeError):
    """There is no connection; nothing was sent."""


class SilentError(ExchangeError):
    """The server neither sends nor receives for too long."""


class BrokenOffError(ExchangeError):
    """The server closed the connection, or sent something that is not HTTP."""
