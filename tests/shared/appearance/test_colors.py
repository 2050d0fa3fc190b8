"""Accent colors and their contrast."""

from __future__ import annotations

import re

import pytest

from shared.appearance.colors import DARK, LIGHT, Scheme, check_accent, contrast, hover_color
from shared.assets import BRAND

pytestmark = pytest.mark.requirement("ID-11")

STYLE = (BRAND / "doorward.css").read_text()
PALE_BUTTON = Scheme({"--card": "#000000"}, "#cccccc", "#000000")
IN_LIGHT, IN_DARK = STYLE.split("@media", 2)[:2]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21),
        ("#ffffff", "#ffffff", 1),
        ("#777777", "#ffffff", 4.478),
        ("#080808", "#000000", 1.0486),
        ("#ff0000", "#ffffff", 3.998),
        ("#0000ff", "#ffffff", 8.592),
        ("#00ff00", "#000000", 15.304),
    ],
)
def test_the_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.001)
    assert contrast(one, other) == contrast(other, one)


@pytest.mark.parametrize(("scheme", "style"), [(LIGHT, IN_LIGHT), (DARK, IN_DARK)])
def test_the_colors_that_are_compared_are_those_of_the_style_sheet(scheme: Scheme, style: str) -> None:
    properties = dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]+)", style))
    long = {name: re.sub(r"^#(.)(.)(.)$", r"#\1\1\2\2\3\3", color) for name, color in properties.items()}
    assert {name: long[name] for name in scheme.backgrounds} == scheme.backgrounds
    assert long["--door-ink"] == scheme.button_text
    assert check_accent(long["--door"], scheme)


@pytest.mark.parametrize(
    ("color", "scheme", "message"),
    [
        # Between white, where it has 4.54, and the page, where it has 4.09.
        ("#767676", LIGHT, r"with the background \(#f4f3ee\) is 4\.0\d:1, but must be at least 4\.5:1$"),
        ("#ff0000", LIGHT, r"with the background \(#f4f3ee\) is 3\.59:1"),
        ("#7e7e7e", DARK, r"with the background \(#1b211e\) is 4\.0\d:1"),
        ("#888888", PALE_BUTTON, r"with the button text \(#cccccc\) is 2\.2\d:1"),
    ],
)
def test_a_color_with_too_little_contrast_is_refused_with_the_ratio(
    color: str, scheme: Scheme, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check_accent(color, scheme)


@pytest.mark.parametrize(
    "text",
    ["red", "#f00", "b3261e", "#b3261e ", "#b3261e\n", "#b3261e80", "#b3261g", "#٣٣٣٣٣٣", "", "#000;}*{"],
)
def test_only_six_hexadecimal_digits_are_a_color(text: str) -> None:
    with pytest.raises(ValueError, match="the form #rrggbb"):
        check_accent(text, LIGHT)


def test_a_color_is_kept_in_lower_case() -> None:
    assert check_accent("#B3261E", LIGHT) == "#b3261e"


@pytest.mark.parametrize(("color", "scheme"), [("#b3261e", LIGHT), ("#ff8a80", DARK)])
def test_a_button_under_the_pointer_has_more_contrast_with_its_text(color: str, scheme: Scheme) -> None:
    hovered = hover_color(color, scheme)
    assert contrast(hovered, scheme.button_text) > contrast(color, scheme.button_text)


@pytest.mark.parametrize(
    ("accent", "scheme", "hover"), [("#ff8000", LIGHT, "#cc6600"), ("#000000", DARK, "#333333")]
)
def test_a_button_under_the_pointer_is_a_fifth_darker_or_lighter(
    accent: str, scheme: Scheme, hover: str
) -> None:
    assert hover_color(accent, scheme) == hover
