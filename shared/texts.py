"""Texts for people, in the language of the request.

A `Text` is English wherever it is used as a string, so that logs and programs always see the same words. A
template renders it in the current language. Templates mark their own texts with ``_()`` and ``{% trans %}``.

A language is one file: ``shared/locale/de.po``.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Self

from shared.po_files import Translations, read_po

ENGLISH = "en"
_LOCALE = Path(__file__).parent / "locale"
LANGUAGES = (ENGLISH, *sorted(path.stem for path in _LOCALE.glob("*.po")))
"""The languages of the pages, by their tags (RFC 5646)."""

current_language: ContextVar[str] = ContextVar("current_language", default=ENGLISH)


@cache
def translations(language: str) -> Translations | None:
    """Return the translations into a language; None for English.

    They are read with the first page in the language: a start takes a twentieth of a second less.
    """
    if language not in LANGUAGES[1:]:
        return None
    return read_po((_LOCALE / f"{language}.po").read_text(encoding="utf-8"))


def gettext(message: str) -> str:
    """Return `message` in the current language."""
    catalogue = translations(current_language.get())
    return (catalogue and catalogue.translate(message)) or message


def ngettext(message: str, plural: str, count: int) -> str:
    """Return `message` or `plural`, as `count` requires, in the current language."""
    catalogue = translations(current_language.get())
    translated = catalogue.translate_plural(message, count) if catalogue else None
    return translated or (message if count == 1 else plural)


class Text(str):
    """A text that people read: English as a string, in the current language on a page.

    Args:
        message: with a ``%(name)s`` for each of `values`.
    """

    __slots__ = ("message", "values")
    message: str
    values: Mapping[str, object]

    def __new__(cls, message: str, **values: object) -> Self:
        text = super().__new__(cls, message % values if values else message)
        text.message, text.values = message, values
        return text

    def __html__(self) -> str:
        return self._rendered(gettext(self.message))

    def _rendered(self, translated: str) -> str:
        escaped = html.escape(translated)
        return (
            escaped % {name: _html(value) for name, value in self.values.items()} if self.values else escaped
        )


class _PluralText(Text):
    __slots__ = ("number", "plural")
    plural: str
    number: int

    def __html__(self) -> str:
        return self._rendered(ngettext(self.message, self.plural, self.number))


def _html(value: object) -> str:
    return value.__html__() if isinstance(value, Text) else html.escape(str(value))


def plural_text(message: str, plural: str, count: int) -> Text:
    """Return a text that depends on `count`, which both messages may contain as ``%(count)s``."""
    chosen = _PluralText(message if count == 1 else plural, count=count)
    chosen.message, chosen.plural, chosen.number = message, plural, count
    return chosen


class _Sentence(Text):
    __slots__ = ("clause",)
    clause: Text

    def __html__(self) -> str:
        return _as_sentence(self.clause.__html__())


def sentence_of(clause: Text) -> Text:
    """Return a clause as a sentence, with a capital letter and a period, in every language."""
    sentence = _Sentence(_as_sentence(str(clause)))
    sentence.clause = clause
    return sentence


def _as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def listed_text(texts: Sequence[str]) -> Text:
    """Return `texts`, separated by commas; each keeps its translation."""
    values = {f"text{number}": text for number, text in enumerate(texts)}
    return Text(", ".join(f"%({name})s" for name in values), **values)


def message_of(error: Exception) -> Text:
    """Return the message of an exception as a text, which keeps its translation."""
    message = error.args[0] if error.args else ""
    return message if isinstance(message, Text) else Text(str(message))
