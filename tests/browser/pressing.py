"""A person who presses a button twice."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from tests.browser.site import Site
from tests.flow import Client, Pkce
from tests.servers import wait_until


def slow(page: Page, latency_ms: int) -> None:
    """Let every answer to the page come so much later."""
    if not latency_ms:
        return
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1},
    )


def press_twice(page: Page, button: Locator, gap_ms: int) -> None:
    """A double click of somebody's hand: the second one may meet the page after."""
    button.scroll_into_view_if_needed()
    button.click(trial=True)  # pages take no click in their first half second
    box = button.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(x, y)
    page.wait_for_timeout(gap_ms)
    page.mouse.click(x, y)


def named(page: Page, button: str) -> Locator:
    return page.get_by_role("button", name=button)


def connected(client: Client, pkce: Pkce, elsewhere: Site) -> None:
    """Every callback that came has the same code, and the first one that is redeemed is good for tokens."""
    wait_until(lambda: bool(elsewhere.calls))
    codes = {call.parameters["code"] for call in elsewhere.calls}
    assert len(codes) == 1
    first = client.redeem(codes.pop(), pkce)
    assert first.status_code == 200, first.text
    # The callback that came again is redeemed again by some clients: the tokens stay good.
    again = client.redeem(elsewhere.calls[0].parameters["code"], pkce)
    assert again.json()["error"] == "invalid_grant"
    assert client.refresh(first.json()["refresh_token"]).status_code == 200
    elsewhere.calls.clear()
