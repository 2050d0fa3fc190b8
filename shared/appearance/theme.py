"""The name, logo and colors of the pages, as the operator configured them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.appearance.brand import DEFAULT_ICON_TYPE, Brand
from shared.appearance.colors import DARK, LIGHT, hover_color
from shared.appearance.logo_files import Logo
from shared.appearance.settings import DEFAULT_NAME, AppearanceSettings

# The name contains a hash of the content, so the content never changes.
_IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The appearance of all pages; paths are relative to the root of the service.

    Attributes:
        folder: where the files are; it also has `doorward.svg`.
        style: the custom properties with the accent colors; empty for the defaults.
    """

    folder: str = "static"
    name: str = DEFAULT_NAME
    style: str = ""
    logo: Logo | None = None

    @classmethod
    def of(cls, settings: AppearanceSettings, *, folder: str = "static") -> Theme:
        """Return the configured theme."""
        light, dark = settings.accent_color, settings.accent_color_dark
        style = _style(light, dark) if light and dark else ""
        return cls(folder=folder, name=settings.site_name, style=style, logo=settings.logo)

    @property
    def style_path(self) -> str | None:
        """The path of the style sheet; None if there is none."""
        return f"{self.folder}/theme-{_digest(self.style.encode())}.css" if self.style else None

    @property
    def logo_path(self) -> str:
        """The path of the logo."""
        name = f"logo-{_digest(self.logo.data)}.{self.logo.suffix}" if self.logo else "doorward.svg"
        return f"{self.folder}/{name}"

    @property
    def logo_type(self) -> str:
        """The media type of the logo."""
        return self.logo.media_type if self.logo else DEFAULT_ICON_TYPE

    def brand(self, prefix: str) -> Brand:
        """Return the same for pages that load no style sheet.

        Args:
            prefix: the public path of the service.
        """
        return Brand(
            icon=f"{prefix}/{self.logo_path}",
            icon_type=self.logo_type,
            own_logo=self.logo is not None,
            name=self.name,
            style=self.style,
        )

    def routes(self) -> Iterator[Route]:
        """Yield the routes of the style sheet and the logo."""
        if self.style_path:
            yield _file(self.style_path, self.style.encode(), "text/css")
        if self.logo:
            yield _file(self.logo_path, self.logo.data, self.logo.media_type)


def _file(path: str, content: bytes, media_type: str) -> Route:
    async def serve(_request: Request) -> Response:
        return Response(content, headers={"Cache-Control": _IMMUTABLE}, media_type=media_type)

    return Route(f"/{path}", serve, methods=["GET"], include_in_schema=False)


def _style(light: str, dark: str) -> str:
    in_dark = (
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_properties(dark, hover_color(dark, DARK))} }} }}"
    )
    return f":root {{ {_properties(light, hover_color(light, LIGHT))} }}\n{in_dark}\n"


def _properties(accent: str, hover: str) -> str:
    return f"--door: {accent}; --door-over: {hover};"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
