"""The console is in the language of the browser, also its refusals (ID-11)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.auth_service.console import AtTheConsole
from tests.auth_service.service import AuthorizationServer
from tests.flow import Person, forms_of
from tests.stores import ON_ONE_STORE

pytestmark = [pytest.mark.requirement("ID-11"), ON_ONE_STORE]

SECTIONS = ("Clients", "Einladungen", "Personen", "Gruppen", "Zugriff")


@pytest.fixture
def console(server: AuthorizationServer) -> Iterator[AtTheConsole]:
    person = Person(trust_env=False)
    person.browser.headers["accept-language"] = "de"
    yield AtTheConsole(server, person)
    person.close()


def test_every_page_of_the_console_is_in_german_for_a_german_browser(console: AtTheConsole) -> None:
    texts = {
        "software": "Software, die sich hier registriert hat",
        "invitations": "Einladung erstellen",
        "people": "Person einladen",
        "person?name=wesen": "Konto seit",
        "groups": "Gruppe anlegen",
        "access": "Was darf eine Person verwenden?",
        "stops": "Nichts ist angehalten.",
        "definitions": "Definitionen von Werkzeugen",
        "new-client": "Client anlegen",
        "person?name=wesen&confirm=link": "Link erstellen",
    }
    for path, text in texts.items():
        page = console.open(path).text
        assert '<html lang="de"' in page, path
        assert text in page, path
        assert all(section in page for section in SECTIONS), path


def test_refusals_are_in_german_too(console: AtTheConsole) -> None:
    form = console.form(console.open("invitations"), "make")
    refused = console.post("invitations", {**form.fields, "uses": "0", "action": "make"})
    assert refused.status_code == 400
    assert "Geben Sie eine Zahl von 1 bis" in refused.text
    own = next(each for each in forms_of(console.open("person?name=wesen").text) if "subject" in each.fields)
    refused = console.post("person", {**own.fields, "action": "disable"})
    assert "Sie können sich nicht selbst sperren." in refused.text
