"""The language of a page: of `ui_locales`, else of the browser, else English; hostile values cost nothing."""

from __future__ import annotations

import time

import pytest

from shared.languages import language_of, of_accept_language, of_locales


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-de-1996", "de"),
        ("fr, de;q=0.5", "de"),
        ("de;q=0.3, en;q=0.9", "en"),
        ("en;q=0.3, de", "de"),
        ("de;q=0", None),
        ("fr", None),
        ("*", None),
        ("", None),
        ("de;q=2", None),
        ("deutsch-", None),
        (",,;q=,de", "de"),
        ("../de", None),
    ],
)
def test_the_most_preferred_language_that_there_is_wins(header: str, language: str | None) -> None:
    assert of_accept_language(header) == language


@pytest.mark.parametrize(
    ("locales", "language"),
    [("fr de en", "de"), ("en de", "en"), ("fr", None), ("de-CH-x-a", "de"), ("\x00", None)],
)
def test_ui_locales_are_in_order_of_preference(locales: str, language: str | None) -> None:
    assert of_locales(locales) == language


def scope(query: bytes = b"", **headers: bytes) -> dict[str, object]:
    pairs = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return {"type": "http", "query_string": query, "headers": pairs}


def test_ui_locales_go_before_the_browser_and_english_is_the_last_resort() -> None:
    assert language_of(scope(b"ui_locales=de", accept_language=b"en")) == "de"
    assert language_of(scope(b"ui_locales=fr", accept_language=b"de")) == "de"
    assert language_of(scope(b"ui_locales=fr", accept_language=b"fr")) == "en"
    assert language_of(scope()) == "en"


@pytest.mark.parametrize(
    "value", [b"a" * 60_000, b"de;q=" + b"0" * 60_000, b"," * 60_000, b"\xff\xfe;q=\x80", b"x-" * 30_000]
)
def test_hostile_values_are_read_to_a_bound(value: bytes) -> None:
    started = time.process_time()
    for end in range(50):
        assert language_of(scope(b"ui_locales=" + value, accept_language=value + bytes([65 + end]))) == "en"
    assert time.process_time() - started < 1
