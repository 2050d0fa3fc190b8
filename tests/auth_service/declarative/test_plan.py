"""Which changes lead from the current state to what a file declares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth_service.access.groups import MAX_GROUPS_OF_MEMBER
from auth_service.declarative.clients_file import METADATA
from auth_service.declarative.document import parse_document
from auth_service.declarative.exported import exported
from auth_service.declarative.model import AnyChange, InvalidDocumentError, State
from auth_service.declarative.plan import plan
from auth_service.protocol.access import Access, closed_access
from auth_service.protocol.client import Client
from auth_service.users.repository import User
from tests.auth_service.declarative.example import ADA, CLIENT, SECRET, STATE, read_secret

pytestmark = pytest.mark.requirement("ID-12")

EVE = User(subject="the-subject-of-eve-0", username="eve", password_hash="", created_at=0, admin=True)
BOTH = State(people={"ada": ADA, "eve": EVE})
NOTES = "https://notes.example/mcp"


def planned(text: str, state: State | None = None) -> list[AnyChange]:
    return plan(parse_document(text.encode(), read_secret), state or State())


def summary(text: str, state: State | None = None) -> list[str]:
    return [f"{change.action} {change.section} {change.name}" for change in planned(text, state)]


def details(text: str, state: State | None = None) -> tuple[str, ...]:
    [change] = planned(text, state)
    return change.details


def refused(text: str, state: State | None = None) -> str:
    with pytest.raises(InvalidDocumentError) as error:
        planned(text, state)
    return str(error.value)


@pytest.mark.parametrize("with_credentials", [True, False])
def test_an_export_changes_nothing_where_it_was_made(with_credentials: bool) -> None:
    assert planned(exported(STATE, with_credentials=with_credentials), STATE) == []


def test_an_export_with_hashes_declares_everything_to_an_empty_installation() -> None:
    assert summary(exported(STATE, with_credentials=True), State(access=closed_access())) == [
        "add people Ada",
        "add groups ops",
        "change access rules",
        "add clients nightly",
    ]


@pytest.mark.parametrize("section", ["people", "groups", "clients"])
def test_what_a_section_does_not_name_is_left_alone_unless_it_is_pruned(section: str) -> None:
    state = replace(STATE, people={"ada": ADA})
    assert planned(f"{section}: {{entries: {{}}}}", state) == []
    [change] = planned(f"{section}: {{prune: true, entries: {{}}}}", state)
    assert (change.action, change.section) == ("remove", section)


def test_a_client_that_registered_itself_is_never_pruned_or_declared() -> None:
    assert summary("clients: {prune: true, entries: {}}", STATE) == ["remove clients nightly"]
    assert "registered itself" in refused("clients: {entries: {stranger: {client_name: x}}}", STATE)


def test_values_of_a_person_that_are_not_named_stay() -> None:
    assert planned("people: {entries: {ADA: {}}}", BOTH) == []
    text = "people: {entries: {ada: {name: '', email: new@corp.example, disabled: true}}}"
    assert details(text, BOTH) == (
        f"name: {ADA.name} -> none",
        "email: ada@corp.example -> new@corp.example",
        "disabled: false -> true",
    )


def test_a_link_by_address_stays_forbidden_until_the_file_allows_it() -> None:
    assert details("people: {entries: {ada: {accepts_links: true}}}", BOTH) == (
        "accepts_links: false -> true",
    )
    assert details("people: {entries: {eve: {accepts_links: false}}}", BOTH) == (
        "accepts_links: true -> false",
    )


def test_a_password_hash_is_not_part_of_the_difference_that_is_shown() -> None:
    other = ADA.password_hash.replace("m=256", "m=512")
    [line] = details(f"people: {{entries: {{ada: {{password_hash: '{other}'}}}}}}", BOTH)
    assert line == "password: changed; sessions and connections end"


def test_a_new_person_without_a_password_is_pointed_out() -> None:
    assert "doorward users reset" in details("people: {entries: {bob: {}}}")[-1]


CONFLICTS = {
    "people: {entries: {ada: {subject: another-subject-000}}}": "which never changes",
    f"people: {{entries: {{bob: {{subject: {ADA.subject}}}}}}}": "doorward users rename",
    "people: {entries: {bob: {email: ada@corp.example}}}": "Ada has this e-mail address",
    "people: {entries: {eve: {admin: false}}}": "no administrator would remain",
    "people: {entries: {eve: {disabled: true}}}": "no administrator would remain",
    "people: {prune: true, entries: {ada: {}}}": "no administrator would remain",
}


@pytest.mark.parametrize("text", CONFLICTS)
def test_what_cannot_be_done_to_people_is_refused(text: str) -> None:
    assert CONFLICTS[text] in refused(text, BOTH)


def test_another_administrator_may_take_the_place_of_the_last_one() -> None:
    text = "people: {entries: {eve: {admin: false}, ada: {admin: true}}}"
    assert summary(text, BOTH) == ["change people eve", "change people Ada"]
    assert summary("people: {prune: true, entries: {zoe: {admin: true}}}", BOTH)[-1] == "add people zoe"


def test_the_address_of_a_pruned_account_is_free() -> None:
    text = "people: {prune: true, entries: {eve: {email: ada@corp.example}}}"
    assert summary(text, BOTH) == ["remove people Ada", "change people eve"]


def test_the_members_of_a_named_group_become_those_of_the_file() -> None:
    state = State(groups={"ops": frozenset({"ada", "eve"}), "dev": frozenset({"ada"})})
    text = "groups: {entries: {ops: [eve, bob], new: [eve], dev: []}}"
    assert summary(text, state) == ["remove groups dev", "change groups ops", "add groups new"]
    assert planned(text, state)[1].details == ("+ bob", "- ada")
    assert planned("groups: {entries: {gone: []}}", state) == []


def test_a_member_of_too_many_groups_is_refused() -> None:
    names = ", ".join(f"g{number}: [ada]" for number in range(MAX_GROUPS_OF_MEMBER))
    assert planned(f"groups: {{entries: {{{names}}}}}")
    one_more = State(groups={"ops": frozenset({"ada"})})
    assert "groups: ada would be in more than" in refused(f"groups: {{entries: {{{names}}}}}", one_more)


def test_rules_that_the_file_does_not_name_stay_unless_pruned() -> None:
    state = State(access=closed_access(), access_version=3)
    text = f"groups: {{ops: {{'{NOTES}': [a, b]}}}}"
    added = f"+ groups ops {NOTES}: a b"
    assert details(f"access: {{{text}}}", state) == (added,)
    assert details(f"access: {{prune: true, {text}}}", state) == ("- groups administrators *: *", added)
    assert planned("access: {groups: {}}", state) == []


def test_the_first_rules_say_that_everything_else_is_closed_from_then_on() -> None:
    lines = details("access: {contact: it@corp.example}")
    assert lines == (
        "access rules take effect: access that no rule grants is refused",
        "+ contact: it@corp.example",
    )


def test_rules_that_would_become_too_large_are_refused() -> None:
    people = {f"p{number}": {"*": frozenset({"*"})} for number in range(2_000)}
    state = State(access=Access(people=people), access_version=1)
    assert "more than 2000" in refused("access: {people: {ada: {'*': '*'}}}", state)


def test_members_of_a_client_that_are_not_named_stay_and_empty_ones_go() -> None:
    text = "clients: {entries: {nightly: {client_name: '', scope: a b}}}"
    assert details(text, STATE) == ("client_name: Nightly -> none", "scope: none -> a b")


def test_another_secret_is_a_rotation_and_the_same_is_nothing() -> None:
    text = "clients: {entries: {nightly: {secret: 'env:NIGHTLY'}}}"
    assert planned(text, STATE) == []
    rotated = replace(STATE, clients={"nightly": replace(CLIENT, secret_hash="0" * 64)})
    assert details(text, rotated) == ("secret: rotated; the previous one works for a week",)
    assert SECRET not in repr(planned(text, rotated))


BAD_CLIENTS = {
    "{grant_types: [client_credentials]}": "needs a secret: add secret",
    "{grant_types: [password], secret: 'env:NIGHTLY'}": "grant_types must be among",
    "{grant_types: password, secret: 'env:NIGHTLY'}": "grant_types",
    "{secret: 'env:NIGHTLY'}": "redirect_uris is missing",
    "{token_endpoint_auth_method: none, secret: 'env:NIGHTLY', redirect_uris: [http://localhost/]}": (
        "cannot have a secret"
    ),
    "{token_endpoint_auth_method: private_key_jwt, grant_types: [client_credentials]}": "requires jwks",
    "{token_endpoint_auth_method: maybe, grant_types: [client_credentials]}": "must be one of",
    "{redirect_uris: [javascript:x], token_endpoint_auth_method: none}": "redirect_uris",
    "{redirect_uris: {a: b}, token_endpoint_auth_method: none}": "redirect_uris",
}


@pytest.mark.parametrize("metadata", BAD_CLIENTS)
def test_metadata_that_no_client_may_have_is_refused_with_its_place(metadata: str) -> None:
    message = refused(f"clients: {{entries: {{x: {metadata}}}}}")
    assert message.startswith("clients.entries.x: ")
    assert BAD_CLIENTS[metadata] in message


def test_a_client_with_every_member_is_exported_and_read_as_it_is() -> None:
    keys = {
        "keys": [{"kty": "EC", "crv": "P-256", "x": "f830", "y": "x_FE", "ext": True, "key_ops": ["verify"]}]
    }
    metadata: dict[str, Any] = {
        "redirect_uris": ["https://a.example/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "contacts": ["it@a.example"],
        "jwks": keys,
        "software_version": "1.0",
        "subject_type": "pairwise",
        "require_pushed_authorization_requests": False,
    }
    assert metadata.keys() <= set(METADATA)
    client = Client(client_id="all", created_at=0, metadata=metadata)
    text = exported(State(clients={"all": client}))
    assert planned(text, State(clients={"all": client})) == []
    [added] = planned(text)
    assert getattr(added, "metadata", None) == metadata


def test_problems_of_all_sections_are_reported_together() -> None:
    message = refused("people: {entries: {eve: {admin: false}}}\nclients: {entries: {x: {}}}", BOTH)
    assert "people: no administrator" in message
    assert "clients.entries.x: " in message
