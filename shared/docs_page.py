"""The API docs page: Swagger UI, served from the package, so it works offline (DESIGN D11)."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import fastapi_offline
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from shared.appearance.brand import Brand
from shared.asgi import asks_for_page, not_found
from shared.assets import BRAND, Assets

_SWAGGER_UI = Path(fastapi_offline.__file__).parent / "static"
_OURS = Path(__file__).parent / "docs_assets"
_OUR_BRAND = Brand(icon="doorward.svg")

ASSETS = "docs/assets"
"""The path of the files of the page, below the root of the service."""

_DOCS = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title · API</title>
<link rel="icon" href="$icon" type="$icon_type">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
<link rel="stylesheet" href="docs/assets/docs.css">
$style
</head>
<body>
<header><img src="$icon" alt="" height="28"> $name</header>
$warning
<p id="elsewhere" class="note" hidden>A login can only come back to this page at its own address:
<a href="$public_url/docs">$public_url/docs</a></p>
<div id="docs" data-public-url="$public_url" data-scopes="$scopes"></div>
<noscript><p class="note">This page needs JavaScript; what it shows is in
<a href="openapi.json">openapi.json</a>.</p></noscript>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/docs.js"></script>
</body>
</html>
""")

_REDIRECT = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Authorized · $title</title>
<link rel="icon" href="$icon" type="$icon_type">
</head>
<body>
<p id="outcome">Nothing waits for this answer here. Go back to the docs page and press Authorize again.</p>
<script src="assets/oauth2-redirect.js" data-issuer="$issuer"></script>
</body>
</html>
""")


def mount_docs(
    app: FastAPI,
    *,
    title: str,
    public_url: str,
    issuer: str,
    scopes: Iterable[str],
    brand: Brand = _OUR_BRAND,
    warning: str | None = None,
) -> None:
    """Serve ``/docs``, and ``/docs/oauth2-redirect``, the redirect URI of its *Authorize* button.

    The page uses relative links, so it works under any prefix; the redirect URI depends only on the
    settings (DESIGN D8).

    Args:
        public_url: the public URL of `app`, without a slash at its end.
        issuer: the authorization server that *Authorize* leads to.
        scopes: the scopes that are preselected.
        brand: the name and logo in the header, and the accent color; the others are those of Swagger UI.
        warning: shown at the top; None for none.
    """
    attributes = {"title": title, "public_url": public_url, "issuer": issuer, "scopes": " ".join(scopes)}
    attributes.update(name=brand.name, icon_type=brand.icon_type)
    values = {name: escape(text) for name, text in attributes.items()}
    values["warning"] = f'<p class="note" role="note">{escape(warning)}</p>' if warning else ""
    # Inserted unescaped: trusted, see `Brand`.
    values["style"] = f"<style>{brand.style}</style>" if brand.style else ""
    headers = {"Content-Security-Policy": _policy(public_url, issuer)}
    page = HTMLResponse(_DOCS.substitute(values, icon=_icon(brand, ASSETS)), headers=headers)
    redirect = HTMLResponse(_REDIRECT.substitute(values, icon=_icon(brand, "assets")), headers=headers)

    async def docs(_request: Request) -> Response:
        return page

    async def oauth2_redirect(_request: Request) -> Response:
        return redirect

    async def without_slash(request: Request) -> Response:
        if not asks_for_page(request.scope):
            return not_found(request.scope)
        return RedirectResponse("../docs", 303)

    app.add_route("/docs", docs, include_in_schema=False)
    app.add_route("/docs/", without_slash, include_in_schema=False)
    app.add_route("/docs/oauth2-redirect", oauth2_redirect, include_in_schema=False)
    app.mount(f"/{ASSETS}", Assets(_OURS, BRAND, _SWAGGER_UI))


def _icon(brand: Brand, assets: str) -> str:
    return escape(brand.icon) if brand.own_logo else f"{assets}/{_OUR_BRAND.icon}"


def _policy(*called: str) -> str:
    """Return a Content-Security-Policy that allows only our script, and connections only to the services."""
    origins = " ".join(sorted({f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, called)}))
    # Swagger UI uses data: images for its arrows, and style attributes for its layout.
    return (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        f"connect-src 'self' {origins}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
