"""Every text of a page can be translated, and is; as a string it stays English."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from jinja2 import DictLoader
from markupsafe import escape

from auth_service.protocol.admin_access import DESCRIPTION, NAME
from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.rate_limit import Limit
from auth_service.protocol.reasons import Reason
from auth_service.web.http import wait_sentence
from shared.languages import in_language
from shared.pages.environment import environment
from shared.po_files import read_po
from shared.texts import LANGUAGES, Text, message_of, plural_text
from tests.source_files import ROOT

messages = runpy.run_path(str(ROOT / "scripts" / "messages.py"))["messages"]
LOCALES = sorted((ROOT / "shared" / "locale").glob("*.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)s")
TAG = re.compile(r"<[^>]*>")

# Names of programs, and names of parts of programs, are not translated.
NOT_TRANSLATED = {
    "Claude",
    "Claude Code",
    "ChatGPT",
    "VS Code",
    "Cursor",
    "Doorward",
    '"url": "',
    "· Doorward",
}


@pytest.mark.parametrize("path", LOCALES, ids=lambda path: path.stem)
def test_every_message_has_a_translation_with_the_same_placeholders_and_tags(path: Path) -> None:
    catalogue = read_po(path.read_text(encoding="utf-8"))
    expected = messages()
    assert set(catalogue.messages) == {message for message, _ in expected}
    for (message, plural), source in expected.items():
        forms = catalogue.messages[message]
        assert len(forms) == (2 if plural else 1), message
        for original, form in zip((message, plural or message), forms, strict=False):
            assert set(PLACEHOLDER.findall(form)) == set(PLACEHOLDER.findall(original)), (source, message)
            assert sorted(TAG.findall(form)) == sorted(TAG.findall(original)), (source, message)


def templates() -> list[Path]:
    # Directories with a dot have programs of others: the environment, and that of the documentation.
    return sorted(ROOT.glob("[!.]*/**/templates/*.html"))


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
def test_a_template_contains_no_text_that_is_not_marked_for_translation(path: Path) -> None:
    source = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    source = re.sub(r"\{% block main_class %\}.*?\{% endblock %\}", "", source)
    source = re.sub(r"\{%-?\s*trans\b.*?endtrans\s*-?%\}", "", source, flags=re.DOTALL)
    source = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "\x00", source, flags=re.DOTALL)
    source = re.sub(r"<(script|style)>.*?</\1>", "", source, flags=re.DOTALL)
    attributes = re.findall(r'(?:aria-label|placeholder|title|alt)="([^"]*)"', source)
    texts = [text.strip() for part in TAG.sub("\n", source).split("\n") for text in part.split("\x00")]
    unmarked = {text for text in [*texts, *attributes] if re.search("[A-Za-z]", text)}
    assert unmarked <= NOT_TRANSLATED


def test_a_text_is_english_as_a_string_and_translated_on_a_page() -> None:
    text = Text("The username or the password is wrong.")
    page = environment(DictLoader({"page": "{{ text }}|{{ _('Log in') }}"})).get_template("page")
    with in_language("de"):
        assert f"{text}" == "The username or the password is wrong."
        assert page.render(text=text) == "Der Benutzername oder das Passwort ist falsch.|Anmelden"
    assert page.render(text=text) == "The username or the password is wrong.|Log in"


def test_values_of_a_text_are_escaped_and_translated() -> None:
    text = Text("%(first)s and a second factor", first=Text("password"))
    attack = Text("Passkey %(number)s", number="<script>")
    with in_language("de"):
        assert escape(text) == "Passwort und zweitem Faktor"
        assert escape(attack) == "Passkey &lt;script&gt;"
    assert str(attack) == "Passkey <script>"


@pytest.mark.parametrize(("count", "german"), [(1, "vor 1 Minute"), (2, "vor 2 Minuten")])
def test_the_plural_is_that_of_the_language(count: int, german: str) -> None:
    with in_language("de"):
        assert escape(plural_text("%(count)s minute ago", "%(count)s minutes ago", count)) == german


def test_the_message_of_an_exception_keeps_its_translation() -> None:
    error = ValueError(Text("this identity is not connected"))
    with in_language("de"):
        assert escape(message_of(error)) == "diese Identität ist nicht verbunden"
    assert message_of(ValueError("other")) == "other"


@pytest.mark.parametrize(
    "text", ['msgid "a"\nmsgstr b', '"lost"\n', 'msgid ""\nmsgstr ""\n\nmsgid "a"\nmsgstr "b"']
)
def test_a_broken_catalogue_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.po|plural"):
        read_po(text)


def test_fuzzy_entries_are_left_out() -> None:
    header = 'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
    catalogue = read_po(f'{header}\n#, fuzzy\nmsgid "a"\nmsgstr "b"\n\nmsgid "c"\nmsgstr "d"\n"e"\n')
    assert (catalogue.translate("a"), catalogue.translate("c")) == (None, "de")


def test_german_is_among_the_languages() -> None:
    assert "de" in LANGUAGES


def test_a_wait_is_one_sentence_in_the_language_of_the_page() -> None:
    error = SlowDownError(Reason.RATE_LIMITED, Limit(1, 60).refusal, retry_after_s=90)
    page = environment(DictLoader({"page": "{{ text }}"})).get_template("page")
    with in_language("de"):
        assert page.render(text=wait_sentence(error)) == (
            "Zu viele Versuche aus Ihrem Netz. Versuchen Sie es in 2 Minuten noch einmal."
        )


def test_the_consent_page_names_the_administration_in_its_language() -> None:
    page = environment(DictLoader({"page": "{{ name }}: {{ description }}"})).get_template("page")
    with in_language("de"):
        assert page.render(name=NAME, description=DESCRIPTION).startswith(
            "die Verwaltung dieses Servers: Diesen Server verwalten"
        )
