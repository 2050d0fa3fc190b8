"""The actions of a person on the pages, found by their labels."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def log_in(page: Page, username: str = "wesen", password: str = "secret") -> None:
    """Fill in the login form and send it."""
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def allow(page: Page) -> None:
    page.get_by_role("button", name="Allow").click()


def deny(page: Page) -> None:
    page.get_by_role("button", name="Deny").click()


def sees(page: Page, heading: str) -> None:
    """Wait for the page of that heading."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
