"""The name, logo and colors on a page."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_ICON_TYPE = "image/svg+xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """The appearance of self-contained pages.

    Attributes:
        icon: the path of the logo, for the browser tab.
        own_logo: whether the logo in the header is that of `icon`, instead of ours.
        style: CSS that replaces our colors; trusted, because it is inserted into a page.
    """

    icon: str
    icon_type: str = DEFAULT_ICON_TYPE
    own_logo: bool = False
    name: str = "Doorward"
    style: str = ""
