"""Reads message catalogues: `.po` files of GNU gettext, without a compiled form."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from gettext import c2py

_STRING = re.compile(r'^(msgid_plural|msgid|msgstr(?:\[(\d)\])?)?\s*(".*")$')


@dataclass(frozen=True, slots=True)
class Translations:
    """The translations of one language.

    Attributes:
        messages: message to its translation; a message with a plural has one for each plural form.
        plural_form: the number of the plural form for a count.
    """

    messages: Mapping[str, tuple[str, ...]]
    plural_form: Callable[[int], int]

    def translate(self, message: str) -> str | None:
        """Return the translation of `message`; None without one."""
        return self.messages.get(message, (None,))[0]

    def translate_plural(self, message: str, count: int) -> str | None:
        """Return the plural form of the translation for `count`; None without a translation."""
        forms = self.messages.get(message)
        return forms[self.plural_form(count)] if forms else None


def read_po(text: str) -> Translations:
    """Parse a catalogue; fuzzy entries and those without a translation are left out.

    Raises:
        ValueError: a line is not in the format of `.po` files, or the header states no plural forms.
    """
    messages = {
        entry["msgid"]: tuple(entry[name] for name in sorted(entry) if name.startswith("msgstr"))
        for entry in _entries(text)
    }
    header = "".join(messages.pop("", ()))
    if not messages:
        return Translations({}, c2py("0"))
    plural = re.search(r"plural=([^;]+);", header)
    if plural is None:
        raise ValueError("the header of the catalogue states no plural forms")
    translated = {message: forms for message, forms in messages.items() if all(forms)}
    return Translations(translated, c2py(plural[1]))


def _entries(text: str) -> Iterator[dict[str, str]]:
    for block in re.split(r"\n\s*\n", text):
        lines = block.strip().splitlines()
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            continue
        if entry := _entry(line.strip() for line in lines if not line.startswith("#")):
            yield entry


def _entry(lines: Iterator[str]) -> dict[str, str]:
    entry: dict[str, str] = {}
    name = ""
    for line in lines:
        match = _STRING.match(line)
        if match is None or not (match[1] or name):
            raise ValueError(f"not a line of a .po file: {line}")
        name = match[1] or name
        entry[name] = entry.get(name, "") + ast.literal_eval(match[3])
    return entry
