"""The key schema: written down, complete, and safe whatever an id holds."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from auth_service.storage import keys
from auth_service.storage.key_schema import SCHEMA
from shared.storage.key_spec import PREFIX, KeySpec

STORAGE_MD = Path(__file__).parents[2] / "docs" / "reference" / "storage.md"

NO_KEYS = {"schema_table", "revocations"}
"""Functions of the module that return no keys; the last returns a channel."""

BUILDERS: dict[str, Callable[..., str]] = {
    name: function
    for name, function in inspect.getmembers(keys, inspect.isfunction)
    if function.__module__ == keys.__name__ and not name.startswith("_") and name not in NO_KEYS
}

WITH_PARTS = {name: builder for name, builder in BUILDERS.items() if inspect.signature(builder).parameters}

HOSTILE = [
    "",
    "a:b",
    "a b",
    "a\nb",
    "a\x00b",
    "{slot}",
    "*",
    "=",
    "ü",
    "\ud800",
    "a" * 10_000,
    "https://client.example/metadata.json?a=b#c",
    "../x",
    "doorward:grant:1",
]


def built(builder: Callable[..., str], text: str) -> str:
    return builder(*[text] * len(inspect.signature(builder).parameters))


def pattern(spec: KeySpec) -> re.Pattern[str]:
    literal = re.split(r"\{[^}]*\}", PREFIX + spec.pattern)
    return re.compile("[^{}]+".join(map(re.escape, literal)))


def test_the_documentation_shows_the_schema() -> None:
    assert keys.schema_table() in STORAGE_MD.read_text()


@pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
@pytest.mark.parametrize("text", ["abc", *HOSTILE])
def test_every_key_is_of_exactly_one_family_short_and_plain(builder: Callable[..., str], text: str) -> None:
    key = built(builder, text)
    assert len([spec for spec in SCHEMA if pattern(spec).fullmatch(key)]) == 1
    assert len(key) < 600
    assert re.fullmatch(r"[A-Za-z0-9._~@/%+:=-]+", key)


def test_every_family_has_a_builder() -> None:
    built_keys = [built(builder, "abc") for builder in BUILDERS.values()]
    for spec in SCHEMA:
        assert any(pattern(spec).fullmatch(key) for key in built_keys), spec.pattern


@pytest.mark.parametrize("builder", WITH_PARTS.values(), ids=WITH_PARTS)
def test_different_ids_give_different_keys(builder: Callable[..., str]) -> None:
    texts = ["abc", *HOSTILE]
    hashed = [built(builder, text).rpartition(":")[2] for text in texts]
    everything = {built(builder, text) for text in [*texts, *hashed]}
    assert len(everything) == len({*texts, *hashed})


def test_a_subject_cannot_reach_into_the_consent_of_another() -> None:
    assert keys.consent("a:b", "c") != keys.consent("a", "b:c")
    assert keys.once("jti", "a", "b") != keys.once("jti", "a,b")
    assert keys.once("jti", "a", "b") != keys.once("jti", "ab")


def test_the_secret_in_a_session_or_pending_request_is_not_in_its_key() -> None:
    assert "secret" not in keys.session("secret")
    assert "secret" not in keys.pending("secret")


def test_an_id_of_a_metadata_document_stays_readable() -> None:
    assert keys.client("https://client.example/m.json") == "doorward:client:https://client.example/m.json"
