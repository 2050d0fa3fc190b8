"""The stored form of every document, as released: read by this release and the previous one (OP-5)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from shared.storage.json_codec import JsonCodec, Members, Migration, UnreadableDocumentError
from tests.storage.stored_kinds import DIRECTORY, Kind, form, golden, kinds

pytestmark = pytest.mark.requirement("OP-5")

KINDS = kinds()
RELEASED = [(kind, version) for kind in KINDS for version in range(1, kind.version + 1)]
HOW = """the stored form of {0} has changed.
A new member with a default: run `python -m tests.storage.stored_kinds`, which writes its golden file again.
A member renamed, removed, or with another type or default: add a migration to {0}.MIGRATIONS first; the
golden files of earlier versions stay."""


def released(kind: Kind, version: int) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(kind.file(version).read_text())["document"]
    return content


def encoded(members: Members) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_form_of_a_document_changes_only_together_with_its_golden_file(kind: Kind) -> None:
    assert kind.file(kind.version).read_text() == golden(kind), HOW.format(kind.name)


@pytest.mark.parametrize(("kind", "version"), RELEASED, ids=str)
def test_a_document_of_every_released_form_is_read_without_loss(kind: Kind, version: int) -> None:
    codec = JsonCodec(kind.cls)
    members = released(kind, version)
    again = json.loads(codec.encode(codec.decode(encoded(members))))
    assert again["v"] == kind.version
    if version == kind.version:
        assert again == members
    unversioned = {name: value for name, value in members.items() if name != "v"}
    if version == 1:
        assert codec.decode(encoded(unversioned)) == codec.decode(encoded(members))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_previous_release_reads_a_newer_document_and_changes_it_without_loss(kind: Kind) -> None:
    """The rule for a next release: it adds members. This release stands for the previous one."""
    codec = JsonCodec(kind.cls)
    newer = {**released(kind, kind.version), "v": kind.version + 1, "added": {"by": ["the next release"]}}
    document = codec.decode(encoded(newer))
    assert json.loads(codec.encode(document, replacing=encoded(newer))) == newer
    with pytest.raises(UnreadableDocumentError, match="a newer release wrote it: version"):
        codec.decode(encoded({**newer, "v": kind.version + 2}))


def test_no_released_form_is_forgotten() -> None:
    assert {path.name for path in DIRECTORY.iterdir()} == {
        kind.file(version).name for kind, version in RELEASED
    }


def nickname_to_name(members: Members) -> Members:
    return {**members, "name": members.pop("nickname")}


@dataclass(frozen=True)
class Person:
    name: str
    MIGRATIONS: ClassVar[tuple[Migration, ...]] = (nickname_to_name,)


def test_every_codec_of_a_class_applies_the_migrations_that_the_class_declares() -> None:
    assert form(Person).keys() == {"name"}
    for codec in (JsonCodec(Person), JsonCodec(Person, remembered=4), JsonCodec(Person, compressed=True)):
        assert codec.version == 2
        assert codec.decode(b'{"v":1,"nickname":"ada"}') == Person("ada")
