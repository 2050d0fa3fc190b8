"""axe-core, in every page of a browser context."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from playwright.sync_api import BrowserContext, Page, ViewportSize

from tests.browser.looks import SIZES, faint_texts, overflows
from tests.interop.toolbox import node_modules

NARROW, WIDE = ViewportSize(width=360, height=800), ViewportSize(width=1280, height=800)
EVERY_RULE: dict[str, Any] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
}
COLOURS: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
RUN = "(options) => axe.run(document, options).then((results) => results.violations)"
"""The results of rules that pass stay in the browser: they name each element of the page."""
Looks = tuple[ViewportSize, Literal["light", "dark"], dict[str, Any]]
LOOKS: tuple[Looks, ...] = ((NARROW, "light", EVERY_RULE), (WIDE, "dark", COLOURS))
"""No color depends on the width, and no rule about structure on the colors."""


@cache
def script() -> str:
    """Return the library."""
    return (node_modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def load_axe(context: BrowserContext) -> None:
    """Load axe-core into each page that the context opens from now on.

    The renderer keeps the compiled script. To send and compile it for each page took a third of the time.
    """
    context.add_init_script(script())


def violations(page: Page) -> list[tuple[str, str, str]]:
    """Return what is wrong with the page that is shown: where, by which rule, in which element.

    Its context has been through `load_axe`.
    """
    # What can be opened must be as good as what is open.
    page.evaluate("() => document.querySelectorAll('details').forEach((each) => { each.open = true })")
    wrong = []
    for size, scheme, options in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        violated = page.evaluate(RUN, options | {"resultTypes": ["violations"]})
        looks = f"{size['width']} {scheme}"
        wrong += [(looks, each["id"], each["nodes"][0]["html"]) for each in violated]
        wrong += [(looks, "faint", text) for text, _ in faint_texts(page)]
        if overflows(page):
            wrong.append((looks, "overflow", ""))
    for size in SIZES:
        if size == WIDE:
            continue  # measured already
        page.set_viewport_size(size)
        if overflows(page):
            wrong.append((f"{size['width']}", "overflow", ""))
    return wrong
