"""The sections with identity providers and resource servers: read, compared and exported."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.declarative.document import parse_document
from auth_service.declarative.exported import exported
from auth_service.declarative.model import InvalidDocumentError, SettingChange, State
from auth_service.declarative.plan import plan
from auth_service.declarative.schema import json_schema
from auth_service.declarative.stored_settings import DeclaredSetting
from shared.plain_yaml import read_values
from tests.auth_service.declarative.example import SECRET, read_secret

pytestmark = pytest.mark.requirement("ID-12")

SERVER = "resources: [{resource: 'https://wiki.example/mcp', name: Wiki}]"
PROVIDER = "issuer: 'https://id.example', client_id: x, allow: {everyone: true}"


def server(members: str = SERVER, entry_id: str = "wiki") -> str:
    return f"resource_servers: {{entries: {{{entry_id}: {{secret: 'env:NIGHTLY', {members}}}}}}}"


def provider(members: str = PROVIDER, entry_id: str = "corp") -> str:
    return f"identity_providers: {{entries: {{{entry_id}: {{{members}}}}}}}"


def planned(text: str, state: State | None = None) -> list[Any]:
    return plan(parse_document(text.encode(), read_secret), state or State(can_seal=True))


def problems(text: str, state: State | None = None) -> str:
    with pytest.raises(InvalidDocumentError) as refused:
        planned(text, state)
    assert SECRET not in str(refused.value)
    return "; ".join(refused.value.problems)


def after(*changes: SettingChange) -> State:
    """The state once these additions were applied to nothing."""
    settings: dict[str, dict[str, DeclaredSetting]] = {}
    for change in changes:
        assert change.after
        settings.setdefault(change.section, {})[change.name] = change.after
    return State(settings=settings, can_seal=True)


BAD = {
    server("resource: []"): "resource_servers.entries.wiki.resource: there is no such key",
    server("resources: []"): "resource_servers.entries.wiki.resources: Tuple should have at least 1",
    server("resources: [{resource: wiki, name: W}]"): "resource_servers.entries.wiki.resources.0.resource:",
    server("resources: [{resource: 'https://w.example', nme: W}]"): "resources.0.nme: Extra inputs",
    server(entry_id="a b"): "resource_servers.entries.a b.id:",
    server().replace("env:NIGHTLY", SECRET): "write env:NAME or file:PATH",
    server().replace("NIGHTLY", "SHORT"): "secret: ",
    server().replace("NIGHTLY", "NOTHING"): "env:NOTHING is missing",
    server().replace("secret: 'env:NIGHTLY', ", ""): "add secret: env:NAME or secret: file:PATH",
    provider("client_id: x, allow: {everyone: true}"): "issuer is missing",
    provider(PROVIDER.replace("everyone: true", "")): "it must have domains, groups or subjects",
    provider(PROVIDER.replace("everyone", "anybody")): "allow.anybody: Extra inputs",
    provider(f"{PROVIDER}, preset: myspace"): "identity_providers.entries.corp.preset:",
    provider(f"{PROVIDER}, reads_groups: perhaps"): "identity_providers.entries.corp.reads_groups:",
    provider(
        f"{PROVIDER}, secret: 'env:NIGHTLY'"
    ): "secret: there is no such key; did you mean client_secret?",
    provider(f"{PROVIDER}, client_secret: [x]"): "write env:NAME or file:PATH",
    provider("preset: github, client_id: x, client_secret: '', allow: {everyone: true}"): "requires a",
    provider("preset: github, client_id: x, allow: {everyone: true}"): "requires a client_secret",
    provider().replace(f"{{{PROVIDER}}}", "[]"): "identity_providers.entries.corp: this must be a mapping",
    "identity_providers: {}": "the key entries is missing",
    "identity_provider: {}": "did you mean identity_providers?",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_setting_is_refused_with_its_place(text: str) -> None:
    assert BAD[text] in problems(text)


def test_two_entries_for_one_issuer_or_one_resource_are_refused() -> None:
    two = f"entries: {{a: {{secret: 'env:NIGHTLY', {SERVER}}}, b: {{secret: 'env:NIGHTLY', {SERVER}}}}}"
    assert "a and b are both for https://wiki.example/mcp" in problems(f"resource_servers: {{{two}}}")
    state = after(*planned(provider()))
    assert "corp and other are both for https://id.example" in problems(provider(entry_id="other"), state)
    # What is removed frees its issuer.
    moved = provider(entry_id="other").replace("entries", "prune: true, entries")
    assert [(change.action, change.name) for change in planned(moved, state)] == [
        ("remove", "corp"),
        ("add", "other"),
    ]


def test_a_secret_needs_the_master_keys() -> None:
    assert "DOORWARD_MASTER_KEYS is needed" in problems(server(), State())
    assert len(planned(provider(), State())) == 1


def test_an_entry_replaces_the_one_with_its_id_but_for_a_secret_that_it_omits() -> None:
    with_secret = f"{PROVIDER}, label: Corp, client_secret: 'env:NIGHTLY'"
    [added] = planned(provider(with_secret))
    state = after(added)
    assert planned(provider(with_secret), state) == []
    [change] = planned(provider(PROVIDER), state)
    assert change.details == ("label: Corp -> none",)
    assert change.after.secret == SECRET
    [removed] = planned(provider(f"{PROVIDER}, label: Corp, client_secret: ''"), state)
    assert removed.details == ("client_secret: removed", "client_secret: from nowhere")
    [moved] = planned(provider(with_secret.replace("env:NIGHTLY", "file:/run/nightly")), state)
    assert moved.details == ("client_secret: from file:/run/nightly",)


def test_a_secret_is_in_neither_the_details_nor_the_text_of_a_change() -> None:
    changes = planned(f"{server()}\n{provider(f'{PROVIDER}, client_secret: env:NIGHTLY')}")
    assert SECRET not in repr(changes)
    assert SECRET not in exported(after(*changes))


def test_the_order_of_a_list_without_an_order_changes_nothing() -> None:
    def with_groups(groups: str) -> str:
        return provider(PROVIDER.replace("everyone: true", f"groups: [{groups}]"))

    state = after(*planned(with_groups("b, a")))
    assert planned(with_groups("a, b"), state) == []


def test_an_export_names_the_place_of_a_secret_and_leaves_nothing_to_do() -> None:
    changes = planned(f"{server()}\n{provider(f'{PROVIDER}, client_secret: env:NIGHTLY, logout: true')}")
    state = after(*changes)
    text = exported(state)
    assert read_values(text.encode())["identity_providers"]["entries"]["corp"] == {
        "issuer": "https://id.example",
        "client_id": "x",
        "allow": {"everyone": "true"},
        "logout": "true",
        "client_secret": "env:NIGHTLY",
    }
    assert planned(text, state) == []


@pytest.mark.parametrize("section", ["resource_servers", "identity_providers"])
def test_the_schema_is_closed_and_has_the_keys_that_are_read(section: str) -> None:
    entry = json_schema()["properties"][section]["properties"]["entries"]["additionalProperties"]
    assert "$ref" not in repr(entry)
    assert entry["additionalProperties"] is False
    refused = problems(f"{section}: {{entries: {{x: {{'#': x}}}}}}").partition(";")[2]
    assert set(entry["properties"]) == set(refused.partition("there are ")[2].partition(";")[0].split(", "))
    assert "id" not in entry["properties"]
    assert entry["properties"]["secret" if section == "resource_servers" else "client_secret"] == {
        "type": "string",
        "pattern": "^(env|file):.+",
    }
