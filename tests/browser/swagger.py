"""The docs page as a person uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, Response, Route, expect

from tests.browser.steps import allow, log_in

_METHODS_AND_PATHS = """
(blocks) => blocks.map((block) => [
    block.querySelector(".opblock-summary-method").innerText,
    block.querySelector(".opblock-summary-path").dataset.path,
])
"""


def leave_out_others(page: Page, *paths: str) -> None:
    """Let docs pages see the operations of these paths only."""

    def shorten(route: Route) -> None:
        response = route.fetch()
        document = response.json()
        document["paths"] = {path: item for path, item in document["paths"].items() if path in paths}
        route.fulfill(response=response, json=document)

    page.route("**/openapi.json", shorten)


@dataclass(frozen=True)
class DocsPage:
    """An open docs page.

    Attributes:
        base: the URL of the service that it describes.
    """

    page: Page
    base: str

    @classmethod
    def open(cls, page: Page, base: str, *only: str) -> DocsPage:
        """Open the page, if `only` is there with the operations of these paths.

        The page of the authorization server takes half the processor time with a few operations.
        """
        if only:
            leave_out_others(page, *only)
        page.goto(f"{base}/docs")
        expect(page.locator(".opblock").first).to_be_visible()
        return cls(page, base)

    def operations(self) -> set[tuple[str, str]]:
        """Method and path of everything on the page."""
        pairs = self.page.locator(".opblock-summary").evaluate_all(_METHODS_AND_PATHS)
        return {(method, path) for method, path in pairs}

    def operation(self, method: str, path: str) -> Locator:
        """One operation, unfolded."""
        block = self.page.locator(f".opblock-{method.lower()}").filter(
            has=self.page.locator(f'.opblock-summary-path[data-path="{path}"]')
        )
        if "is-open" not in (block.get_attribute("class") or "").split():
            block.locator(".opblock-summary-control").click()
        return block

    def execute(self, method: str, path: str, **fields: str) -> Response:
        """Press Execute, and wait until the page shows the answer.

        Args:
            fields: form fields to fill in first; the others are left as they are.
        """
        operation = self.operation(method, path)
        for name, value in fields.items():
            field = operation.locator(f'tr[data-property-name="{name}"]')
            choice = field.get_by_role("combobox")
            choice.select_option(value) if choice.count() else field.locator("input[type=text]").fill(value)
        with self.page.expect_response(
            lambda response: (response.request.method, response.url) == (method, f"{self.base}{path}")
        ) as response_info:
            operation.get_by_role("button", name="Execute").click()
        answer = response_info.value
        status_cell = operation.locator(".live-responses-table .response-col_status").nth(1)
        expect(status_cell).to_contain_text(str(answer.status))
        return answer

    def register(self) -> dict[str, Any]:
        """Register the example as it stands."""
        answer = self.execute("POST", "/register")
        assert answer.status == 201
        client: dict[str, Any] = answer.json()
        return client

    @property
    def dialog(self) -> Locator:
        """The part of the Authorize dialog that is about OAuth."""
        # The scheme of the admin API, of the same kind, comes last.
        return self.page.locator(".auth-container").filter(has_text="authorizationCode with PKCE").first

    def begin_to_authorize(self, client_id: str | None = None) -> Page:
        """Press Authorize, twice; returns the window that opens.

        Args:
            client_id: typed in; left out, the one that is there already.
        """
        self.page.get_by_role("button", name="Authorize", exact=True).first.click()
        if client_id:
            self.dialog.get_by_label("client_id:").fill(client_id)
        with self.page.expect_popup() as opened:
            self.dialog.get_by_role("button", name="Apply given OAuth2 credentials").click()
        return opened.value

    def authorize(self, client_id: str | None = None) -> None:
        """The whole way to a token, in a browser where nobody is logged in."""
        window = self.begin_to_authorize(client_id)
        log_in(window)
        with window.expect_event("close"):
            allow(window)
        expect(self.dialog.get_by_role("heading", name="Authorized", exact=True)).to_be_visible()
        self.close_dialog()

    def close_dialog(self) -> None:
        self.dialog.get_by_role("button", name="Close").click()
