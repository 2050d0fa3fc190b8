"""Names that are written to be taken for others."""

from __future__ import annotations

import pytest

from auth_service.protocol.look_alikes import WELL_KNOWN, looks_like, mixes_scripts, skeleton

pytestmark = pytest.mark.requirement("ID-9")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Cl\u0430ude", "Claude"),
        ("CIaude", "Claude"),
        ("C1aude", "Claude"),
        ("\u0421ursor", "Cursor"),
        ("Cursor\u0301", "Cursor"),
        ("\uff23ursor", "Cursor"),
        ("ChatG\u0420T", "ChatGPT"),
        ("0penAI", "OpenAI"),
        ("Gerninl", None),
        ("Gernini", "Gemini"),
        ("VVindsurf", "Windsurf"),
        ("Z\u0435d", "Zed"),
        ("VS C\u03bfde", "VS Code"),
    ],
)
def test_a_name_with_letters_that_look_like_those_of_another_is_flagged(name: str, other: str | None) -> None:
    assert looks_like(name) == other


@pytest.mark.parametrize(
    "name",
    [
        *WELL_KNOWN,
        *map(str.lower, WELL_KNOWN),
        *("claude-code", "Cline for Zed", "Заметки", "Σημειώσεις", "Café", "An unnamed client", "x" * 80, ""),
    ],
)
def test_a_plain_name_is_not_flagged(name: str) -> None:
    assert looks_like(name) is None
    assert not mixes_scripts(name)


@pytest.mark.parametrize("name", ["\u0420aypal", "Acm\u0435 Notes", "Ac\u03bfme", "n\u0585tes"])
def test_a_word_with_letters_of_two_alphabets_is_flagged(name: str) -> None:
    assert mixes_scripts(name)


@pytest.mark.parametrize("name", ["Яндекс Mail", "Ελλάδα-Notes", "日本語 notes", "日本語notes"])
def test_words_in_different_alphabets_are_not_flagged(name: str) -> None:
    assert not mixes_scripts(name)


def test_marks_do_not_count_even_those_that_become_letters_in_lower_case() -> None:
    assert skeleton("Claud\u0301e\u0345") == skeleton("Claude")
