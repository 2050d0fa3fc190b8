"""Documents as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from shared.storage.json_codec import JsonCodec, Members, Migration, UnreadableDocumentError


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    number: int
    scopes: tuple[str, ...] = ()
    aliases: tuple[str, ...] | None = None
    ended: bool | None = None
    extra: dict[str, Any] = field(default_factory=dict)


codec = JsonCodec(Document)
encode, decode = codec.encode, codec.decode


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


def test_members_with_their_default_are_left_out() -> None:
    assert encode(Document("ada", 1)) == b'{"v":1,"name":"ada","number":1,"extra":{}}'
    assert encode(Document("ada", 1, ("a",), ended=False)) == (
        b'{"v":1,"name":"ada","number":1,"scopes":["a"],"ended":false,"extra":{}}'
    )


def test_a_value_that_only_equals_the_default_is_written() -> None:
    @dataclass(frozen=True)
    class Flags:
        on: bool = True
        count: int = 0

    flags = Flags(on=cast("bool", 1), count=cast("int", False))
    assert JsonCodec(Flags).encode(flags) == b'{"v":1,"on":1,"count":false}'


def test_a_member_that_returns_to_its_default_is_removed() -> None:
    before = encode(Document("ada", 1, ("a",)))
    assert b"scopes" not in encode(Document("ada", 1), replacing=before)


def test_members_of_a_newer_release_are_ignored() -> None:
    assert decode(b'{"name": "ada", "number": 1, "colour": "blue"}') == Document("ada", 1)


@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"\xff", b"[]", b"1", b'"name"', b"null", b"{}", b'{"name":"a","number":1,"scopes":3}'],
)
def test_bytes_of_another_document_are_refused(value: bytes) -> None:
    with pytest.raises(UnreadableDocumentError):
        decode(value)


def test_a_remembered_document_is_that_of_its_bytes_alone() -> None:
    remembering = JsonCodec(Document, remembered=2)
    values = [encode(Document("ada", number)) for number in (1, 2, 3, 1, 2, 3)]
    assert [remembering.decode(value).number for value in values] == [1, 2, 3, 1, 2, 3]
    assert remembering.decode(values[0]) is remembering.decode(bytes(values[0]))
    for _ in range(2):
        with pytest.raises(UnreadableDocumentError):
            remembering.decode(b"{}")


def test_a_document_that_was_just_written_is_not_decoded_again() -> None:
    writing = JsonCodec(Document, remembered=1, just_written=2)
    documents = [Document("ada", number) for number in (1, 2, 3)]
    values = [writing.encode(document) for document in documents]
    assert writing.decode(values[2]) is writing.decode(values[2]) is documents[2]
    assert writing.decode(values[1]) is documents[1]
    assert writing.decode(values[0]) is not documents[0]
    assert writing.decode(values[0]) == documents[0]
    replacement = Document("bob", 4)
    assert writing.decode(writing.encode(replacement, replacing=values[0])) is replacement


def test_what_another_release_wrote_stays_in_a_document_that_is_written_twice() -> None:
    writing = JsonCodec(Document, remembered=4, just_written=4)
    once = writing.encode(Document("bob", 2), replacing=b'{"v":1,"name":"ada","number":1,"colour":"blue"}')
    twice = writing.encode(writing.decode(once), replacing=once)
    assert json.loads(twice) == {"v": 1, "name": "bob", "number": 2, "extra": {}, "colour": "blue"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes"])
def test_what_json_cannot_hold_is_refused_before_it_is_written(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(Document("ada", 1, extra={"value": value}))


@dataclass(frozen=True, slots=True)
class Leaf:
    name: str
    sizes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Tree:
    leaves: tuple[Leaf, ...]
    top: Leaf | None = None


trees = JsonCodec(Tree)


@pytest.mark.parametrize(
    "tree",
    [
        Tree(()),
        Tree((Leaf("a", ("1",)), Leaf("b", ()))),
        Tree((), Leaf("c", ("2", "3"))),
        Tree((), Leaf("d", None)),
    ],
)
def test_documents_within_documents_come_back_as_they_went(tree: Tree) -> None:
    assert trees.decode(trees.encode(tree)) == tree


def renamed(members: Members) -> Members:
    return {**members, "name": members.pop("nick")}


def counted(members: Members) -> Members:
    return {**members, "number": int(members["number"])}


later = JsonCodec(Document, (renamed, counted))


@pytest.mark.requirement("OP-5")
@pytest.mark.parametrize(
    "value",
    [
        b'{"nick":"ada","number":"1"}',  # written before documents had versions
        b'{"v":1,"nick":"ada","number":"1"}',
        b'{"v":2,"name":"ada","number":"1"}',
        b'{"v":3,"name":"ada","number":1}',
    ],
)
def test_a_document_of_every_release_before_is_migrated_when_it_is_read(value: bytes) -> None:
    assert later.decode(value) == Document("ada", 1)
    assert later.encode(Document("ada", 1), replacing=value).startswith(b'{"v":3,"name":"ada"')


@pytest.mark.requirement("OP-5")
def test_a_document_of_the_next_release_is_read_and_keeps_its_version_and_members_when_it_is_changed() -> (
    None
):
    newer = b'{"v":2,"name":"ada","number":1,"colour":"blue","shape":{"corners":3}}'
    assert decode(newer) == Document("ada", 1)
    changed = json.loads(encode(Document("bob", 2), replacing=newer))
    assert changed == {
        "v": 2,
        "name": "bob",
        "number": 2,
        "extra": {},
        "colour": "blue",
        "shape": {"corners": 3},
    }


@pytest.mark.requirement("OP-5")
def test_unknown_members_of_a_document_within_a_document_are_kept() -> None:
    newer = b'{"v":1,"leaves":[],"top":{"name":"a","sizes":[],"colour":"red"}}'
    assert json.loads(trees.encode(Tree((), Leaf("b", ())), replacing=newer))["top"]["colour"] == "red"


@pytest.mark.requirement("OP-5")
@pytest.mark.parametrize(
    ("cls", "migrations", "value"),
    [
        (Document, (), b'{"v":1,"name":"ada","number":1}'),
        (Document, (), b'{"v":1,"name":"ada","number":1,"colour":"blue"}'),
        (Document, (), b'{"v":2,"name":"ada","number":1}'),
        (Document, (renamed, counted), b'{"nick":"ada","number":"1"}'),
        (Document, (renamed, counted), b'{"v":4,"name":"ada","number":1,"colour":"blue"}'),
        (Tree, (), b'{"v":1,"leaves":[],"top":{"name":"a","sizes":[],"colour":"red"}}'),
        (Tree, (), b'{"v":1,"leaves":[],"top":null}'),
    ],
    ids=["known", "unknown member", "next version", "migrated", "later", "unknown inside", "nothing inside"],
)
def test_what_is_remembered_keeps_the_same_members(
    cls: type[Any], migrations: tuple[Migration, ...], value: bytes
) -> None:
    like, remembering = JsonCodec(cls, migrations), JsonCodec(cls, migrations, remembered=4)
    document = like.decode(value)
    for _ in range(2):
        assert remembering.encode(document, replacing=value) == like.encode(document, replacing=value)


def test_a_member_that_becomes_none_does_not_come_back_from_the_document_it_replaces() -> None:
    old = encode(Document("ada", 1, ended=True))
    assert "ended" not in json.loads(encode(Document("ada", 1), replacing=old))


@pytest.mark.requirement("OP-5")
@pytest.mark.parametrize("version", [0, -1, 3, 99, "1", None, 1.5, [1], {}])
def test_a_document_of_no_release_that_can_be_read_is_refused(version: object) -> None:
    value = json.dumps({"v": version, "name": "ada", "number": 1}).encode()
    with pytest.raises(UnreadableDocumentError):
        decode(value)
    with pytest.raises(UnreadableDocumentError):
        encode(Document("ada", 1), replacing=value)


@dataclass(frozen=True, slots=True)
class Renamed:
    parent_grants: tuple[str, ...] = field(default=(), metadata={"stored_as": "ancestors"})
    issuer: str | None = field(default=None, metadata={"stored_as": "vouched_by"})


def test_a_field_that_was_renamed_keeps_its_member_in_documents() -> None:
    renamed = JsonCodec(Renamed)
    document = Renamed(("a", "b"), "https://issuer.example")
    stored = renamed.encode(document)
    assert json.loads(stored) == {
        "v": 1,
        "ancestors": ["a", "b"],
        "vouched_by": "https://issuer.example",
    }
    assert renamed.decode(stored) == document
    assert renamed.encode(Renamed(), replacing=stored) == b'{"v":1}'
