"""The accent colors of the pages, and their contrast (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import floor

MIN_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3: links and button texts are smaller than what may have less."""

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}\Z")
_HOVER_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Scheme:
    """The colors around the accent color; `doorward.css` has the same values.

    Attributes:
        backgrounds: custom property to color, of all backgrounds with links.
        button_text: the color of the text on an accented button.
        hover: what the accent color is mixed with under the pointer: away from the button text.
    """

    backgrounds: dict[str, str]
    button_text: str
    hover: str


LIGHT = Scheme({"--paper": "#f4f3ee", "--card": "#ffffff", "--field": "#fbfaf7"}, "#ffffff", "#000000")
DARK = Scheme({"--paper": "#121614", "--card": "#1b211e", "--field": "#141917"}, "#10201a", "#ffffff")


def check_accent(color: str, scheme: Scheme) -> str:
    """Return an accent color in lower case.

    Raises:
        ValueError: it is not ``#rrggbb``, or its contrast is too low.
    """
    if not _COLOR.match(color):
        raise ValueError("a color must have the form #rrggbb")
    against = {"the background": _worst_background(color, scheme), "the button text": scheme.button_text}
    for what, other in against.items():
        ratio = contrast(color, other)
        if ratio < MIN_CONTRAST:
            # Rounded down: 4.499 must not be reported as 4.50.
            rounded = floor(ratio * 100) / 100
            raise ValueError(
                f"the contrast with {what} ({other}) is {rounded:.2f}:1, "
                f"but must be at least {MIN_CONTRAST}:1"
            )
    return color.lower()


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def hover_color(accent: str, scheme: Scheme) -> str:
    """Return the color of an accented button under the pointer."""
    pairs = zip(_channels(accent), _channels(scheme.hover), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * _HOVER_SHARE):02x}" for a, b in pairs)


def _worst_background(color: str, scheme: Scheme) -> str:
    """Return the background of `scheme` with the lowest contrast to `color`."""
    return min(scheme.backgrounds.values(), key=lambda background: contrast(color, background))


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


def _luminance(color: str) -> float:
    # WCAG 2.2, relative luminance.
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
