"""The way to the person who logs in."""

from __future__ import annotations

import asyncio
import webbrowser
from collections.abc import Awaitable, Callable

Visit = Callable[[str], Awaitable[None]]
"""Take somebody to an authorization URL; returns when there is nothing more to do but wait for the answer."""


class CannotLogInError(Exception):
    """The login cannot go on; the message says why, safe to print."""


def system_browser(say: Callable[[str], None]) -> Visit:
    """Opens the browser of this machine, and says the URL for one that is elsewhere."""

    async def visit(url: str) -> None:
        say(f"Log in in the browser; where none opens, go to\n{url}")
        await asyncio.to_thread(webbrowser.open, url)

    return visit
