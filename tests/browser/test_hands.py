"""Every flow of a person works with the keyboard alone, and without scripts, but for passkeys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, expect

from tests.auth_service.endpoints.devices import Device
from tests.auth_service.endpoints.second_factors import PASSWORD, App, with_app
from tests.auth_service.service import RESOURCE
from tests.browser.hands import Hands, Keyboard, WithoutScripts
from tests.browser.site import Site
from tests.browser.visits import EVERYTHING, NEW_PASSWORD, SECRET_OF_SET_UP, Visit, visiting
from tests.flow import Person, Pkce

pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.long,
    pytest.mark.requirement("ID-11", "AS-25"),
]

T = TypeVar("T")
MEMBER = "First member (username, e-mail address, or another name from the access rules)"


class Flow:
    """Somebody with a new account, at the login page of the authorization server.

    Attributes:
        person: the same person at another browser, for what is not part of the flow.
    """

    def __init__(self, visit: Visit, hands: Hands, site: Site) -> None:
        self.visit, self.hands, self.site = visit, hands, site
        self.person: Person = self.elsewhere(visit.person)

    def elsewhere(self, call: Callable[[], T]) -> T:
        """Do something that is not part of the flow; Playwright keeps an event loop on this thread."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(call).result()

    def open(self, path: str) -> None:
        self.hands.page.goto(f"{self.visit.server.origin}/{path}")

    def log_in(self, path: str = "account") -> None:
        """Open a page that only the person may see."""
        self.open("login")
        self.enter(self.person.username, PASSWORD)
        self.hands.sees("Your account")
        self.open(path)

    def enter(self, username: str, password: str) -> None:
        """Fill in the login form and send it."""
        self.hands.fill("Username", username)
        self.hands.fill("Password", password)
        self.hands.press("Log in")

    def administer(self, path: str) -> None:
        """Open a page of the console."""
        self.open("admin")
        self.enter("wesen", "secret")
        self.hands.sees("Clients")
        self.open(f"admin/{path}")

    def new_password(self, button: str) -> None:
        """Fill in a new password, and send the form."""
        for label in ("New password", "Repeat new password"):
            self.hands.fill(label, NEW_PASSWORD)
        self.hands.press(button)


def second_step(flow: Flow) -> None:
    app, _ = flow.elsewhere(lambda: with_app(flow.visit.server, flow.person))
    flow.open("login")
    flow.enter(flow.person.username, PASSWORD)
    flow.hands.sees("Second step")
    flow.hands.fill("Code", app.next_code())
    flow.hands.press("Continue")
    flow.hands.sees("Your account")


def consent(flow: Flow) -> None:
    client = flow.visit.client(redirect_uris=[f"{flow.site.origin}/callback"])
    url = client.authorization_url(Pkce(), resource=RESOURCE, scope=EVERYTHING)
    flow.hands.page.goto(url)
    flow.enter(flow.person.username, PASSWORD)
    flow.hands.sees("Allow access?")
    flow.hands.press("Allow")
    assert "code" in flow.site.next_call().parameters


def device(flow: Flow) -> None:
    device = Device(flow.visit.server).begin(resource=RESOURCE, scope="notes:read")
    flow.open("device")
    flow.hands.fill("Code", device.authorization["user_code"])
    flow.hands.press("Continue")
    flow.enter(flow.person.username, PASSWORD)
    flow.hands.sees("Allow access?")
    flow.hands.press("Allow")
    flow.hands.sees("Device connected")


def password(flow: Flow) -> None:
    flow.log_in("password")
    flow.hands.fill("Current password", PASSWORD)
    flow.new_password("Change password")
    flow.hands.sees("Password changed")


def email(flow: Flow) -> None:
    flow.log_in("email")
    flow.hands.fill("New address", "ada@corp.example")
    flow.hands.fill("Current password", PASSWORD)
    flow.hands.press("Save")
    expect(flow.hands.page.get_by_role("main")).to_contain_text("is not confirmed yet")


def delete_account(flow: Flow) -> None:
    flow.log_in("delete-account")
    flow.hands.fill("Current password", PASSWORD)
    flow.hands.press("Delete account")
    flow.hands.sees("Account deleted")


def authenticator_app_and_recovery_codes(flow: Flow) -> None:
    flow.log_in("login-methods")
    flow.hands.press("Add an authenticator app", "link")
    flow.hands.sees("Add an authenticator app")
    key = flow.hands.page.locator("code.secret").inner_text().replace(" ", "")
    flow.hands.fill("Code", App(flow.visit.server, key).code())
    flow.hands.press("Add the app")
    flow.hands.sees("Recovery codes")
    flow.hands.press("I have saved the codes, continue", "link")
    flow.hands.sees("Login methods")
    flow.hands.press("Create new recovery codes", "link")
    flow.hands.sees("New recovery codes")
    flow.hands.press("Create new recovery codes")
    flow.hands.sees("Recovery codes")


def disconnect(flow: Flow) -> None:
    flow.elsewhere(lambda: flow.visit.client().connect(flow.person, resource=RESOURCE))
    flow.log_in()
    flow.hands.press("Disconnect Notizen", "link")
    flow.hands.sees("Disconnect?")
    flow.hands.press("Disconnect")
    expect(flow.hands.page.get_by_role("status")).to_contain_text("disconnected")


def log_out(flow: Flow) -> None:
    flow.log_in()
    flow.hands.press("Log out")
    flow.hands.sees("Logged out")


def one_time_link(flow: Flow) -> None:
    flow.open(flow.elsewhere(flow.visit.link))
    flow.new_password("Set password")
    flow.hands.sees("Password set")


def first_administrator(flow: Flow) -> None:
    flow.hands.page.goto(f"{flow.visit.fresh.origin}/set-up?link={SECRET_OF_SET_UP}")
    flow.hands.fill("Username", "ada")
    flow.new_password("Create administrator")
    flow.hands.sees("Administrator created")


def new_client(flow: Flow) -> None:
    flow.administer("new-client")
    flow.hands.fill("Name, as the consent page shows it", "Nightly report")
    flow.hands.press("Create client")
    flow.hands.sees("Nightly report")


def edit_person(flow: Flow) -> None:
    flow.administer(f"person?name={flow.person.username}")
    flow.hands.unfold("Username, name and address")
    flow.hands.fill("Name", "Ada Lovelace")
    flow.hands.press("Save")
    expect(flow.hands.page.get_by_label("Name", exact=True)).to_have_value("Ada Lovelace")


def new_group(flow: Flow) -> None:
    flow.administer("groups")
    flow.hands.unfold("New group")
    flow.hands.fill("Name of the group", "readers")
    flow.hands.fill(MEMBER, flow.person.username)
    flow.hands.press("Create group")
    flow.hands.sees("readers")


FLOWS = (
    *(second_step, consent, device, password, email, delete_account, authenticator_app_and_recovery_codes),
    *(disconnect, log_out, one_time_link, first_administrator, new_client, edit_person, new_group),
)


@pytest.fixture(scope="module", params=[Keyboard, WithoutScripts], ids=lambda hands: str(hands.__name__))
def kind(request: pytest.FixtureRequest) -> type[Hands]:
    kind: type[Hands] = request.param
    return kind


@pytest.fixture(scope="module")
def visit(kind: type[Hands], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """The servers, once for each way."""
    with visiting(tmp_path_factory.mktemp(kind.__name__)) as visit:
        yield visit


@pytest.mark.parametrize("walk", FLOWS, ids=lambda walk: str(walk.__name__))
def test_a_person_needs_no_mouse_and_no_scripts(
    walk: Callable[[Flow], None], visit: Visit, kind: type[Hands], chromium: Browser, elsewhere: Site
) -> None:
    with closing(chromium.new_context(java_script_enabled=kind.scripts)) as context:
        walk(Flow(visit, kind(context.new_page()), elsewhere))
