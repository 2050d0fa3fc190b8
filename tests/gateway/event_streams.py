"""Parts of event streams that a scripted upstream sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

EVENTS = "Content-Type: text/event-stream"


Write = Callable[[bytes], Awaitable[None]]
