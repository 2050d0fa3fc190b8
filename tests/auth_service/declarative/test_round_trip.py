"""A file applied to a store: nothing is left to do afterwards, and an export restores what there was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from auth_service.administration.access_rules import AccessRuleAdministration
from auth_service.administration.actors import Actor
from auth_service.declarative.applied import DeclarativeConfiguration
from auth_service.declarative.document import parse_document
from auth_service.declarative.exported import exported
from auth_service.declarative.model import AnyChange, State
from auth_service.declarative.plan import plan
from auth_service.protocol.access import Access, closed_access
from auth_service.protocol.access_rules import parse_rule, rules_of
from auth_service.storage import keys
from auth_service.users.sessions import SessionRepository
from shared.clock import system_clock
from shared.storage import Store
from shared.storage.interface import Store as AnyStore
from tests.auth_service.access.announced import Announced
from tests.auth_service.declarative.example import SECRET, read_secret
from tests.auth_service.service import RESOURCE, AuthorizationServer, running
from tests.flow import Client, Person
from tests.stores import NewStore

pytestmark = pytest.mark.requirement("ID-12")

PASSWORD = "seven moss harbours"
REDIRECT_URI = "http://127.0.0.1/callback"
CONFIGURATION = f"""
people:
  entries:
    Ada: {{name: Ada Lovelace, email: ada@corp.example, admin: true}}
    bob: {{}}
    eve: {{disabled: true}}
groups:
  entries:
    readers: [ada, later@corp.example]
access:
  # Otherwise the rules that follow from the settings would stay: everything for administrators.
  prune: true
  contact: it@corp.example
  groups:
    readers:
      {RESOURCE}: [notes:read]
clients:
  entries:
    editor: {{token_endpoint_auth_method: none, redirect_uris: ['{REDIRECT_URI}']}}
    nightly: {{grant_types: [client_credentials], secret: 'env:NIGHTLY'}}
"""


def here(store: AnyStore) -> DeclarativeConfiguration:
    return DeclarativeConfiguration.of_store(store, system_clock, closed_access())


async def applied(store: AnyStore, text: str) -> list[AnyChange]:
    """Apply a file; what was done."""
    configuration = here(store)
    changes = plan(parse_document(text.encode(), read_secret), await configuration.state())
    for change in changes:
        await configuration.apply(change)
    return changes


async def state_of(store: AnyStore) -> State:
    return await here(store).state()


async def give_passwords(store: AnyStore) -> None:
    accounts = here(store).accounts
    for user in await accounts.users.list():
        await accounts.users.set_password(user, PASSWORD)


@pytest.mark.anyio
async def test_a_file_that_was_applied_and_its_export_leave_nothing_to_do(store: Store) -> None:
    assert len(await applied(store, CONFIGURATION)) == 7
    assert await applied(store, CONFIGURATION) == []
    await give_passwords(store)
    for with_credentials in (True, False):
        assert await applied(store, exported(await state_of(store), with_credentials=with_credentials)) == []


@pytest.mark.anyio
async def test_a_rule_that_a_file_has_set_is_known_as_such(store: Store) -> None:
    rules = here(store).access.rules
    await applied(store, "access: {prune: true, people: {ada: {'*': '*'}}}")
    (declared,) = rules_of((await rules.load()).access or Access())
    added = parse_rule("person", "bob", RESOURCE, "*")
    await AccessRuleAdministration(rules).add(Actor(name="wesen", subject=None, via="console"), added)
    current = await rules.load()
    assert current.source_of(declared.rule_id) == "file"
    assert current.source_of(added.rule_id) == "store"


@pytest.mark.anyio
async def test_each_kind_of_change_is_made_and_logged_once_without_secrets(store: Store) -> None:
    await applied(store, CONFIGURATION)
    text = """
people:
  prune: true
  entries:
    ada: {name: '', email: '', admin: false}
    bob: {name: Bob, email: ada@corp.example, admin: true, accepts_links: false}
    eve: {disabled: false}
    zoe: {}
groups: {prune: true, entries: {readers: [bob], writers: [ada]}}
access: {prune: true, people: {bob: {'*': '*'}}}
clients: {prune: true, entries: {editor: {client_name: Editor}}}
"""
    # An address moves in two steps: another account may only get it when it is free.
    await applied(store, "people: {entries: {ada: {email: ''}}}")
    with capture_logs() as logs:
        changes = await applied(store, text)
    lines = [line for line in logs if line["event"] == "configuration changed"]
    assert [line["name"] for line in lines] == [change.name for change in changes]
    assert "ada@corp.example" not in str([line for line in lines if line["section"] == "people"])
    assert await applied(store, text) == []
    state = await state_of(store)
    ada, bob = state.people["ada"], state.people["bob"]
    assert (ada.name, ada.email, ada.admin) == (None, None, False)
    assert (bob.name, bob.email, bob.admin, bob.accepts_links) == ("Bob", "ada@corp.example", True, False)
    assert not state.people["eve"].disabled
    assert state.groups == {"readers": frozenset({"bob"}), "writers": frozenset({"ada"})}
    assert state.clients.keys() == {"editor"}
    assert await here(store).accounts.users.by_email("ada@corp.example") == bob


@pytest.mark.anyio
@pytest.mark.parametrize("text", ["{bob: {disabled: true}}", "{bob: {password_hash: '%s'}}"])
async def test_a_person_who_is_disabled_or_gets_another_password_loses_the_sessions(
    store: Store, text: str
) -> None:
    await applied(store, CONFIGURATION)
    await give_passwords(store)
    state = await state_of(store)
    sessions = SessionRepository(store, system_clock, ttl_s=600)
    await sessions.begin(state.people["bob"], "the secret of a session")
    entries = text.replace("%s", state.people["eve"].password_hash)
    await applied(store, f"people: {{entries: {entries}}}")
    assert await sessions.find("the secret of a session") is None


@pytest.mark.anyio
async def test_a_file_applied_after_an_interruption_completes_the_rest(store: Store) -> None:
    configuration = here(store)
    document = parse_document(CONFIGURATION.encode(), read_secret)
    changes = plan(document, await configuration.state())
    for change in changes[:4]:
        await configuration.apply(change)
    assert plan(document, await configuration.state()) == changes[4:]


@pytest.mark.anyio
@pytest.mark.parametrize("recorded", [True, False])
async def test_a_username_that_a_provider_suggested_gives_nothing_after_a_restoration_either(
    store: Store, recorded: bool
) -> None:
    accounts, subject = here(store).accounts, "the-subject-of-mallory"
    await applied(store, f"access: {{people: {{ada: {{'{RESOURCE}': '*'}}}}}}")
    user = await accounts.users.add_federated(subject, "ada", name=None, email=None)
    assert user
    if not recorded:
        user = await accounts.users.change(user, lambda stored: replace(stored, provider_username=None))
    text = exported(await state_of(store), with_credentials=True)
    await accounts.delete(user)
    assert [change.name for change in await applied(store, text)] == ["ada"]
    assert not (await here(store).access.control.held(subject, RESOURCE)).anything
    await applied(store, "people: {entries: {ada: {provider_username: ''}}}")
    assert (await here(store).access.control.held(subject, RESOURCE)).anything


@pytest.mark.anyio
@pytest.mark.requirement("ID-4")
@pytest.mark.parametrize("values", ["admin: false", "email: ''", "provider_username: ada"])
async def test_resource_servers_hear_of_a_change_of_what_rules_know_a_person_by(
    store: Store, values: str
) -> None:
    await applied(store, "people: {entries: {zoe: {admin: true}, ada: {admin: true, email: a@b.example}}}")
    ada = (await state_of(store)).people["ada"]
    await store.index_add(keys.subject_grants(ada.subject), "the-grant", ttl_s=None)
    announced = Announced(store)
    await applied(announced.store, f"people: {{entries: {{ada: {{{values}}}}}}}")
    calls = [call for call in announced.calls if call.startswith(("changed", "replace"))]
    assert calls == ["changed the-grant", "replace", "changed the-grant"]


@contextmanager
def installation(store_url: str) -> Iterator[AuthorizationServer]:
    with running(store_url, demo_user=False, access="closed") as server:
        yield server


def at_store(server: AuthorizationServer, call: Callable[[AnyStore], Awaitable[Any]]) -> Any:
    return server.with_store(call)


def behaviour(server: AuthorizationServer) -> dict[str, object]:
    """The responses of a server to people and clients of the configuration."""
    editor = Client(
        server.origin,
        server.http,
        {"client_id": "editor", "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"},
    )
    ada = Person("ada", PASSWORD, trust_env=False)
    tokens = editor.connect(ada, resource=RESOURCE, scope="notes:read notes:write")
    facts = server.introspect(tokens["access_token"])
    pages = {}
    for username in ("bob", "eve"):
        person = Person(username, PASSWORD, trust_env=False)
        page = person.log_in(person.open(f"{server.origin}/account"))
        pages[username] = (page.status_code, "wrong" in page.text.lower())
        person.close()
    ada.close()
    nightly = server.http.post(
        f"{server.origin}/token",
        data={"grant_type": "client_credentials", "resource": RESOURCE, "scope": "notes:read"},
        auth=("nightly", SECRET),
    )
    return {
        "subject": facts["sub"],
        "username": facts["username"],
        "scope": facts["scope"],
        "pages": pages,
        "nightly": nightly.status_code,
        "tokens": sorted(tokens),
    }


def test_a_wiped_installation_restored_from_an_export_behaves_the_same(new_store: NewStore) -> None:
    async def export(store: AnyStore) -> str:
        await applied(store, CONFIGURATION)
        await give_passwords(store)
        return exported(await state_of(store), with_credentials=True)

    with installation(new_store()) as server:
        text = at_store(server, export)
        before = behaviour(server)
    with installation(new_store()) as restored:
        at_store(restored, lambda store: applied(store, text))
        after = behaviour(restored)
        listed = at_store(restored, state_of)
    assert after == before
    assert before["scope"] == "notes:read"
    assert before["nightly"] == 200
    assert exported(listed, with_credentials=True) == text
