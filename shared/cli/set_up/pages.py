"""The templates of the set-up page."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from shared.appearance.brand import Brand
from shared.assets import BRAND
from shared.pages.standalone import StandalonePages

ICON = "/doorward.svg"


def pages() -> StandalonePages:
    """Return the pages in the design of the others."""
    script = (Path(__file__).parent / "code.js").read_text(encoding="utf-8")
    return StandalonePages(
        "shared.cli.set_up", brand=Brand(icon=ICON), warning=None, script=script, form_action="'self'"
    )


async def icon(_request: Request) -> Response:
    """Return the logo for the browser tab."""
    return Response((BRAND / "doorward.svg").read_bytes(), media_type="image/svg+xml")
