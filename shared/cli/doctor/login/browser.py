"""Send the person who logs in to the authorization endpoint."""

from __future__ import annotations

import asyncio
import webbrowser
from collections.abc import Awaitable, Callable

Visit = Callable[[str], Awaitable[None]]
"""Take somebody to an authorization URL; returns when there is nothing more to do but wait for the answer."""


class CannotLogInError(Exception):
    """The login cannot continue; the message says why and is safe to print."""


def system_browser(say: Callable[[str], None]) -> Visit:
    """Return a visit that opens the browser of this machine, and prints the URL for other machines."""

    async def visit(url: str) -> None:
        say(f"Log in in the browser. If no browser opens, go to\n{url}")
        await asyncio.to_thread(webbrowser.open, url)

    return visit
