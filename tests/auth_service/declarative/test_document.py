"""The file is parsed strictly: every problem is reported at once, with its line and place."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auth_service.crypto.secrets import digest
from auth_service.declarative.document import MAX_BYTES, parse_document
from auth_service.declarative.exported import exported
from auth_service.declarative.model import Document, InvalidDocumentError, State
from auth_service.declarative.schema import json_schema
from auth_service.protocol.access import Access
from shared.plain_yaml import read_values
from tests.auth_service.declarative.example import ADA, SECRET, STATE, read_secret

pytestmark = pytest.mark.requirement("ID-12")


def parsed(text: str) -> Document:
    return parse_document(text.encode(), read_secret)


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(InvalidDocumentError) as refused:
        parsed(text)
    return refused.value.problems


def test_names_are_read_in_the_form_in_which_they_are_compared() -> None:
    document = parsed(
        "people: {entries: {Ada: {email: ADA@Corp.example, admin: true, disabled: false}}}\n"
        "groups: {prune: true, entries: {ops: [ADA, Eve@corp.example, ada]}}\n"
    )
    assert document.people
    assert document.groups
    ada = document.people.entries["ada"]
    assert (ada.username, ada.email, ada.admin, ada.disabled, ada.name) == (
        "Ada",
        "ada@corp.example",
        True,
        False,
        None,
    )
    assert document.groups.entries == {"ops": frozenset({"ada", "eve@corp.example"})}
    assert (document.people.prune, document.groups.prune) == (False, True)
    assert (document.access, document.clients) == (None, None)


def test_words_that_other_yaml_readers_take_for_values_are_text() -> None:
    document = parsed("people: {entries: {no: {name: 'true'}, 12: {name: ~}}}")
    assert document.people
    assert {key: person.name for key, person in document.people.entries.items()} == {"no": "true", "12": "~"}


@pytest.mark.parametrize("reference", ["env:NIGHTLY", "file:/run/nightly"])
def test_a_secret_is_read_from_where_the_file_says(reference: str) -> None:
    document = parsed(f"clients: {{entries: {{nightly: {{secret: '{reference}'}}}}}}")
    assert document.clients
    assert document.clients.entries["nightly"].secret_hash == digest(SECRET)
    assert document.clients.entries["nightly"].metadata == {}


def test_every_problem_is_reported_at_once_with_its_line_and_place() -> None:
    text = """\
peple: {}
people:
  purge: true
  entries:
    ada:
      emial: ada@corp.example
      admin: yes
groups:
  entries:
    ops: [ada, "ada@"]
clients:
  entries:
    nightly: {scpe: a}
"""
    assert problems(text) == (
        "line 1: peple: there is no such key; did you mean people?",
        "line 3: people.purge: there is no such key; did you mean prune?",
        "line 6: people.entries.ada.emial: there is no such key; did you mean email?",
        "line 7: people.entries.ada.admin: this must be true or false",
        "line 10: groups.entries.ops.1: 'ada@' is not a person: use a username, an e-mail address, "
        'provider:address, subject:ID, issuer:URL or "*"',
        "line 13: clients.entries.nightly.scpe: there is no such key; did you mean scope?",
    )


BAD = {
    "[]": "the file: this must be a mapping",
    "": "the file is empty",
    "people": "this must be a mapping",
    "people:": "people: this must be a mapping",
    "people: {}": "people: the key entries is missing",
    "people: {entries: []}": "people.entries: this must be a mapping",
    "people: {prune: 1, entries: {}}": "people.prune: this must be true or false",
    "people: {entries: {ada: x}}": "people.entries.ada: this must be a mapping",
    "people: {entries: {a b: {}}}": "must not contain spaces",
    "people: {entries: {ada: {}, ADA: {}}}": "the same username as ada",
    "people: {entries: {ada: {}, ada: {}}}": "appears twice",
    "people: {entries: {ada: {name: [x]}}}": "one line of text",
    'people: {entries: {ada: {name: "a\\nb"}}}': "one line of text",
    'people: {entries: {ada: {name: "\\e[2J"}}}': "one line of text",
    f"people: {{entries: {{ada: {{name: {'x' * 1_001}}}}}}}": "at most 1000",
    "people: {entries: {ada: {email: ada}}}": "plain ASCII",
    "people: {entries: {ada: {subject: short}}}": "a subject has 16 to 64",
    "people: {entries: {ada: {password: hunter2}}}": "there is no such key",
    "people: {entries: {ada: {password_hash: hunter2}}}": "not a hash by argon2id or bcrypt",
    "people: {entries: {a: {email: a@b.example}, b: {email: A@b.example}}}": "a has the same email",
    "groups: {entries: {administrators: [ada]}}": "doorward users promote",
    "groups: {entries: {two words: [ada]}}": "is not a valid group name",
    "groups: {entries: {ops: ada}}": "groups.entries.ops: this must be a list",
    "groups: {entries: {ops: [[ada]]}}": "groups.entries.ops.0: this must be one line",
    "access: {entries: {}}": "access.entries: there is no such key",
    "access: {groups: {ops: {notes: '*'}}}": "'notes' is not the URL",
    "access: {people: {ada: {}}}": "must map resources to scopes",
    "clients: {entries: {'https://a.example/c': {}}}": "a client_id consists of",
    "clients: {entries: {'workload:x': {}}}": "a client_id consists of",
    "clients: {entries: {x: {software_statement: x}}}": "there is no such key",
    "clients: {entries: {x: {dpop_bound_access_tokens: 1}}}": "this must be true or false",
    f"clients: {{entries: {{x: {{secret: {SECRET}}}}}}}": "write env:NAME or file:PATH",
    "clients: {entries: {x: {secret: 'env:NOTHING'}}}": "env:NOTHING is missing",
    "clients: {entries: {x: {secret: 'env:SHORT'}}}": "32 to 255",
    "clients: {entries: {x: {secret: 'env:PLUS'}}}": "32 to 255",
    "clients: {entries: {x: {secret_sha256: abc}}}": "64 hexadecimal digits",
    "people: &a {entries: {}}": "anchors are not supported",
    "people: !!map {}": "tags are not supported",
    "people: {entries: {}": "not YAML",
    "[" * 20_000: "not YAML",
    " " * (MAX_BYTES + 1): "is larger than",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_file_is_refused(text: str) -> None:
    [problem, *_] = problems(text)
    assert BAD[text] in problem
    assert SECRET not in problem


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(InvalidDocumentError, match="not UTF-8"):
        parse_document(b"\xff", read_secret)


def test_an_export_has_hashes_only_on_demand_and_no_client_that_registered_itself() -> None:
    text = exported(STATE)
    assert "argon2" not in text
    assert digest(SECRET) not in text
    with_hashes = parsed(exported(STATE, with_credentials=True))
    assert with_hashes.people
    assert with_hashes.clients
    assert with_hashes.people.entries["ada"].password_hash == ADA.password_hash
    assert with_hashes.clients.entries.keys() == {"nightly"}


def test_rules_that_follow_from_the_settings_are_not_exported() -> None:
    assert "access" not in read_values(exported(State(access=Access())).encode())


def test_the_schema_names_exactly_the_keys_that_are_read() -> None:
    """The reader names its keys where it refuses another."""

    def keys_after(text: str) -> set[str]:
        [problem] = problems(text)
        return set(problem.partition("; there are ")[2].split(", "))

    def entries(schema: dict[str, Any]) -> set[str]:
        return set(schema["properties"]["entries"]["additionalProperties"]["properties"])

    sections = json_schema()["properties"]
    assert set(sections) == keys_after("'#': x")
    assert set(sections["access"]["properties"]) == keys_after("access: {'#': x}")
    assert entries(sections["people"]) == keys_after("people: {entries: {x: {'#': x}}}")
    client = sections["clients"]["properties"]["entries"]["additionalProperties"]
    patterns = client["patternProperties"]
    assert [bool(re.search(next(iter(patterns)), key)) for key in ("client_name#de", "name#de")] == [
        True,
        False,
    ]
    assert entries(sections["clients"]) == keys_after("clients: {entries: {x: {'#': x}}}")
