"""The choice of the language of a page (RFC 9110 §12.5.4, OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

from starlette.types import Scope

from shared.texts import ENGLISH, LANGUAGES, current_language

MAX_CHARACTERS = 512
"""The maximum length of a header or parameter; the rest is ignored."""
MOST_TAGS = 20

_RANGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,5})\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?\Z")


def language_of(scope: Scope) -> str:
    """Return the language for the page that answers a request: of `ui_locales`, else of the browser."""
    locales = _ui_locales(scope.get("query_string", b""))
    return (locales and of_locales(locales)) or of_accept_language(_accept_language(scope)) or ENGLISH


@functools.lru_cache(maxsize=256)
def of_locales(ui_locales: str) -> str | None:
    """Return the first language of `ui_locales` that pages can be shown in; None for none."""
    return _first(ui_locales[:MAX_CHARACTERS].split(" ")[:MOST_TAGS])


@functools.lru_cache(maxsize=256)
def of_accept_language(header: str) -> str | None:
    """Return the most preferred language of the header that pages can be shown in; None for none."""
    parts = header[:MAX_CHARACTERS].split(",")[:MOST_TAGS]
    ranges = [match for part in parts if (match := _RANGE.match(part))]
    weighted = [(float(match[2] or 1), match[1]) for match in ranges]
    return _first(tag for weight, tag in sorted(weighted, key=lambda pair: -pair[0]) if weight > 0)


@contextmanager
def in_language(language: str) -> Iterator[None]:
    """Render pages in `language`."""
    token = current_language.set(language)
    try:
        yield
    finally:
        current_language.reset(token)


def prefer_locales(ui_locales: str | None) -> None:
    """Render the page of the current request in a language of `ui_locales`, if there is one."""
    if ui_locales and (language := of_locales(ui_locales)):
        current_language.set(language)


def _first(tags: Iterable[str]) -> str | None:
    return next((language for tag in tags if (language := _lookup(tag))), None)


def _lookup(tag: str) -> str | None:
    """Return the language for a tag, shortened from its end until it matches (RFC 4647 §3.4)."""
    subtags = tag.lower().split("-")
    for length in range(len(subtags), 0, -1):
        wanted = "-".join(subtags[:length])
        if match := next((language for language in LANGUAGES if language.lower() == wanted), None):
            return match
    return None


def _accept_language(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"accept-language"]
    return b",".join(values)[:MAX_CHARACTERS].decode("latin-1")


def _ui_locales(query: bytes) -> str:
    if b"ui_locales=" not in query:
        return ""
    try:
        values = parse_qs(query.decode("latin-1"), max_num_fields=100).get("ui_locales", [""])
    except ValueError:
        return ""
    return values[0][:MAX_CHARACTERS]
