"""The evidence of one whole walk with a healthy pair, recorded once."""

from __future__ import annotations

import asyncio
from functools import cache

from shared.cli.doctor.discovery import discover
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.fetch import Fetcher
from shared.cli.doctor.login.forms import form_filler
from shared.cli.doctor.login.listener import listening
from shared.cli.doctor.login.options import LoginOptions
from shared.cli.doctor.login.walk import LoginWalk
from shared.cli.doctor.profiles import PROFILES
from tests.doctor.pair import PASSWORD, USERNAME
from tests.doctor.serving import staging


@cache
def recorded() -> Evidence:
    """The evidence of a check with a login, as Cursor, with a step-up."""
    with staging() as stage:
        return asyncio.run(_walk(stage.put_on().mcp_url))


async def _walk(mcp_url: str) -> Evidence:
    options = LoginOptions(tool="write")
    async with Fetcher(timeout_s=10) as fetch, Fetcher(timeout_s=10, keep_cookies=True) as browser:
        evidence = await discover(mcp_url, fetch, PROFILES["cursor"])
        async with listening() as listener:
            visit = form_filler(browser, listener, USERNAME, PASSWORD)
            await LoginWalk(
                evidence=evidence, ask=fetch, visit=visit, listener=listener, options=options
            ).go()
    return evidence
