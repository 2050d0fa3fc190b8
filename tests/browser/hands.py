"""Two ways to use a page: with the keyboard alone, and without scripts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from playwright.sync_api import Locator, Page, expect

Control = Literal["button", "link"]
MOST_TAB_STOPS = 80
_IS_FOCUSED = "(element) => element === document.activeElement"
_HAS_RING = "(element) => getComputedStyle(element).outlineStyle !== 'none'"


class Hands(ABC):
    """Somebody at a page.

    Attributes:
        scripts: whether the browser runs scripts.
    """

    scripts = True

    def __init__(self, page: Page) -> None:
        self.page = page

    def fill(self, label: str, text: str) -> None:
        """Replace the text of the field with that label."""
        self._fill(self.page.get_by_label(label, exact=True), text)

    def press(self, name: str, role: Control = "button") -> None:
        """Press the first button with that name, or follow a link."""
        self._press(self.page.get_by_role(role, name=name, exact=True).first)

    def unfold(self, summary: str) -> None:
        """Open what is folded."""
        self._press(self.page.locator("summary", has_text=summary))

    def sees(self, heading: str) -> None:
        """Wait for the page with that heading."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    @abstractmethod
    def _fill(self, field: Locator, text: str) -> None: ...

    @abstractmethod
    def _press(self, control: Locator) -> None: ...


class Keyboard(Hands):
    """Reaches every control with the tab key, which must show where it is."""

    def _fill(self, field: Locator, text: str) -> None:
        self._reach(field)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def _press(self, control: Locator) -> None:
        self._reach(control)
        self.page.keyboard.press("Enter")

    def _reach(self, control: Locator) -> None:
        for _ in range(MOST_TAB_STOPS):
            if control.evaluate(_IS_FOCUSED):
                assert control.evaluate(_HAS_RING), control
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the tab key does not reach {control}")


class WithoutScripts(Hands):
    """Points and types, in a browser that runs no scripts."""

    scripts = False

    def _fill(self, field: Locator, text: str) -> None:
        field.fill(text)

    def _press(self, control: Locator) -> None:
        control.click()
