"""Pages are in the language that the request or the browser asks for."""

from __future__ import annotations

import re

import pytest

from tests.auth_service.service import AuthorizationServer
from tests.flow import Person, Pkce

GERMAN = {"accept-language": "de-DE, en;q=0.5", "accept": "text/html"}


PATHS = ("/login", "/device", "/logout", "/login-methods", "/authorize", "/nothing", "/")


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_in_the_language_of_the_browser(server: AuthorizationServer, path: str) -> None:
    person = Person(trust_env=False)
    page = person.browser.get(f"{server.origin}{path}", headers=GERMAN, follow_redirects=True)
    accept = {"accept": "text/html"}
    english = person.browser.get(f"{server.origin}{path}", headers=accept, follow_redirects=True)
    person.close()
    assert ('<html lang="de">' in page.text, page.headers["content-language"]) == (True, "de")
    assert ('<html lang="en">' in english.text, english.headers["content-language"]) == (True, "en")
    assert "accept-language" in ", ".join(page.headers.get_list("vary")).lower()
    titles = [re.findall("<h1>(.+?)</h1>", each.text) for each in (page, english)]
    assert titles[0] != titles[1]


def test_an_error_after_a_form_is_in_the_language_too(server: AuthorizationServer) -> None:
    person = Person("nobody", "wrong", trust_env=False)
    person.browser.headers["accept-language"] = "de"
    page = person.log_in(person.open(f"{server.origin}/login"))
    person.close()
    assert (page.status_code, "Der Benutzername oder das Passwort ist falsch." in page.text) == (401, True)


def test_every_page_of_a_request_is_in_the_language_of_its_ui_locales(server: AuthorizationServer) -> None:
    client, person = server.register(), Person(trust_env=False)
    login = person.open(client.authorization_url(Pkce(), ui_locales="fr de"))
    consent = person.log_in(login)
    person.close()
    assert (login.url.path, consent.url.path) == ("/login", "/consent")
    assert "<h1>Anmelden</h1>" in login.text
    assert "<h1>Zugriff erlauben?</h1>" in consent.text


def test_the_metadata_lists_the_languages(server: AuthorizationServer) -> None:
    metadata = server.http.get(f"{server.origin}/.well-known/openid-configuration").json()
    assert metadata["ui_locales_supported"] == ["en", "de"]
