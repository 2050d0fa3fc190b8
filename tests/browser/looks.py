"""Measurements of pages: contrast, and whether everything fits."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import Page, ViewportSize

SIZES: tuple[ViewportSize, ...] = (
    {"width": 1280, "height": 800},
    {"width": 390, "height": 844},
    # A window of 1280 by 800 at 200 %.
    {"width": 640, "height": 400},
)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

# WCAG 2.2 §1.4.3: the contrast of every text with what is behind it, by the formulas of its glossary.
_CONTRASTS = """
() => {
    const channels = (color) => color.match(/[\\d.]+/g).map(Number);
    const luminance = (color) => {
        const [r, g, b] = channels(color).slice(0, 3).map((value) => value / 255)
            .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        const color = getComputedStyle(element).backgroundColor;
        return channels(color)[3] === 0 ? behind(element.parentElement) : color;
    };
    const contrast = (element) => {
        const pair = [luminance(getComputedStyle(element).color), luminance(behind(element))];
        return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    };
    const isText = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim();
    const speaks = (element) => [...element.childNodes].some(isText);
    return [...document.body.querySelectorAll("*")]
        .filter((element) => element.checkVisibility() && speaks(element))
        .map((element) => [element.textContent.trim(), contrast(element)]);
}
"""
_WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
_RING = "() => getComputedStyle(document.activeElement).outlineStyle"
_FOCUSED = "() => document.activeElement.name || document.activeElement.textContent"


def faint_texts(page: Page) -> list[tuple[str, float]]:
    """Every text with a contrast under 4.5 to 1, and its contrast."""
    texts: list[tuple[str, float]] = page.evaluate(_CONTRASTS)
    assert texts
    return [(text, contrast) for text, contrast in texts if contrast < 4.5]


def overflows(page: Page) -> bool:
    """Whether one would have to scroll sideways."""
    needed, there = page.evaluate(_WIDTHS)
    return bool(needed > there)


def tab_stops(page: Page, count: int) -> list[str]:
    """Names of the next `count` controls that the tab key goes to, each with a ring that shows it."""
    names = []
    for _ in range(count):
        page.keyboard.press("Tab")
        assert page.evaluate(_RING) == "solid"
        names.append(str(page.evaluate(_FOCUSED)))
    return names
