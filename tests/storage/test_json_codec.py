"""Documents as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from auth_service.storage.json_codec import UnreadableDocumentError, json_codec


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    number: int
    scopes: tuple[str, ...] = ()
    aliases: tuple[str, ...] | None = None
    ended: bool | None = None
    extra: dict[str, Any] = field(default_factory=dict)


encode, decode = json_codec(Document)


@pytest.mark.parametrize(
    "document",
    [
        Document("ada", 1),
        Document(
            "ådå \u2028\U0001f600\x00", -1, ("a", "b"), ("c",), ended=False, extra={"x": [1, None, "y"]}
        ),
        Document("", 2**63, (), (), ended=True),
    ],
)
def test_a_document_comes_back_as_it_went(document: Document) -> None:
    assert decode(encode(document)) == document


def test_the_same_document_is_always_the_same_bytes() -> None:
    document = Document("ada", 1, ("a",), extra={"b": 1, "a": 2})
    assert encode(decode(encode(document))) == encode(document)


def test_members_that_are_none_are_left_out() -> None:
    assert encode(Document("ada", 1)) == b'{"name":"ada","number":1,"scopes":[],"extra":{}}'


def test_members_of_a_newer_release_are_ignored() -> None:
    assert decode(b'{"name": "ada", "number": 1, "colour": "blue"}') == Document("ada", 1)


@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"\xff", b"[]", b"1", b'"name"', b"null", b"{}", b'{"name":"a","number":1,"scopes":3}'],
)
def test_bytes_that_are_no_such_document_are_refused(value: bytes) -> None:
    with pytest.raises(UnreadableDocumentError):
        decode(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes"])
def test_what_json_cannot_hold_is_refused_before_it_is_written(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(Document("ada", 1, extra={"value": value}))
