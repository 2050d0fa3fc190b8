"""Templates to pages that load nothing, under a strict Content-Security-Policy (DESIGN D11)."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import ChoiceLoader, PackageLoader
from markupsafe import Markup
from starlette.responses import HTMLResponse

from shared.assets import BRAND
from shared.logs import current_request_id
from shared.pages.environment import environment

# What is ours and has been read: none of it ends the element that it is put into.
_STYLE = Markup((BRAND / "doorward.css").read_text())  # noqa: S704
_SCRIPT = Markup((Path(__file__).parent / "copy.js").read_text())  # noqa: S704
_LOGO = Markup((BRAND / "doorward.svg").read_text().replace("<svg", '<svg aria-hidden="true"'))  # noqa: S704


def _source(text: str) -> str:
    """The source expression that allows `text` inside a page, and nothing else (CSP §2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {_source(_STYLE)}; img-src 'self'; script-src {_source(_SCRIPT)}; "
        "base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class StandalonePages:
    """Renders the templates of `package`, and those here.

    Args:
        package: has a folder ``templates``.
        icon: the path of the logo, for the tab of the browser.
        warning: shown on every page; None for none.
        context: what every template finds by name.
    """

    def __init__(self, package: str, *, icon: str, warning: str | None, **context: object) -> None:
        self._environment = environment(ChoiceLoader([PackageLoader("shared.pages"), PackageLoader(package)]))
        self._environment.globals.update(
            context, style=_STYLE, script=_SCRIPT, logo=_LOGO, icon=icon, warning=warning
        )

    def render(self, template: str, **context: object) -> HTMLResponse:
        """The page `template`, which finds `context` by name, and the id of the request."""
        html = self._environment.get_template(template).render(context, request_id=current_request_id.get())
        return HTMLResponse(html, headers=_HEADERS)
