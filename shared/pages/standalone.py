"""Self-contained pages under a strict Content-Security-Policy (DESIGN D11)."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import ChoiceLoader, PackageLoader
from markupsafe import Markup
from starlette.responses import HTMLResponse

from shared.appearance.brand import Brand
from shared.assets import BRAND
from shared.logs import current_request_id
from shared.pages.environment import environment
from shared.texts import current_language

# Our own reviewed files: none of them closes the element that it is inserted into.
_STYLE = Markup((BRAND / "doorward.css").read_text())  # noqa: S704
_SCRIPT = Markup((Path(__file__).parent / "copy.js").read_text())  # noqa: S704
_LOGO = Markup((BRAND / "doorward.svg").read_text().replace("<svg", '<svg aria-hidden="true"'))  # noqa: S704


def _source(text: str) -> str:
    """Return the source expression that allows exactly `text` inline (CSP §2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _headers(style: str, script: str, form_action: str) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src {_source(style)}; img-src 'self'; script-src {_source(script)}; "
            f"base-uri 'none'; frame-ancestors 'none'; form-action {form_action}"
        ),
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _logo(brand: Brand) -> Markup:
    image = Markup('<img src="{}" alt="" height="28">')
    return image.format(brand.icon) if brand.own_logo else _LOGO


class StandalonePages:
    """Renders the templates of `package` and of this one.

    Args:
        package: a package with a folder ``templates``.
        brand: the name, logo and colors.
        warning: shown on every page; None for none.
        script: added to the script of every page; trusted.
        form_action: the source expression of what forms may be sent to (CSP §6.4.1).
        context: variables for every template.
    """

    def __init__(
        self,
        package: str,
        *,
        brand: Brand,
        warning: str | None,
        script: str = "",
        form_action: str = "'none'",
        **context: object,
    ) -> None:
        style = _STYLE + Markup(brand.style)  # noqa: S704 -- trusted, see `Brand`
        whole_script = _SCRIPT + Markup(script)  # noqa: S704 -- trusted
        self._headers = _headers(style, whole_script, form_action)
        self._environment = environment(ChoiceLoader([PackageLoader("shared.pages"), PackageLoader(package)]))
        self._environment.globals.update(
            context, style=style, script=whole_script, logo=_logo(brand), brand=brand, warning=warning
        )

    def render(self, template: str, *, status: int = 200, **context: object) -> HTMLResponse:
        """Render `template` with the variables of `context` and the request id."""
        language = current_language.get()
        html = self._environment.get_template(template).render(
            context, request_id=current_request_id.get(), language=language
        )
        return HTMLResponse(html, status, headers={**self._headers, "Content-Language": language})
