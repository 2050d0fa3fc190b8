"""A wiped installation that is restored from an export with credentials behaves as before (ID-12)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from auth_service.crypto.keyring import KeyRing
from auth_service.declarative.applied import DeclarativeConfiguration
from auth_service.declarative.document import parse_document
from auth_service.declarative.exported import exported
from auth_service.declarative.model import AnyChange, InvalidDocumentError
from auth_service.declarative.plan import plan
from auth_service.federation.identities import Origin
from auth_service.protocol.access import closed_access
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.settings import MasterKey
from shared import base64url
from shared.clock import system_clock
from shared.storage.interface import Store
from tests.auth_service.declarative.example import SECRET, read_secret
from tests.auth_service.endpoints.passkey_pages import options_on, send, with_passkey
from tests.auth_service.endpoints.second_factors import (
    App,
    at_another_browser,
    is_logged_in,
    log_in,
    second_step,
    with_app,
)
from tests.auth_service.endpoints.soft_passkey import SoftPasskey
from tests.auth_service.service import MASTER_KEY, RESOURCE, AuthorizationServer, running
from tests.flow import Client, Person
from tests.servers import free_port
from tests.stores import NewStore

pytestmark = pytest.mark.requirement("ID-12")

PASSWORD = "seven moss harbours"
REDIRECT_URI = "http://127.0.0.1/callback"
ISSUER = "https://id.corp.example"
CONFIGURATION = f"""
people:
  entries:
    ada: {{name: Ada Lovelace, email: ada@corp.example, admin: true}}
    bob: {{}}
    carl: {{}}
    eve: {{disabled: true}}
    zoe: {{}}
groups: {{entries: {{readers: [ada, carl]}}}}
access:
  prune: true
  contact: it@corp.example
  groups:
    readers: {{{RESOURCE}: [notes:read]}}
    corp:ops: {{{RESOURCE}: "*"}}
clients:
  entries:
    editor: {{token_endpoint_auth_method: none, redirect_uris: ['{REDIRECT_URI}']}}
    paired: {{token_endpoint_auth_method: none, redirect_uris: ['{REDIRECT_URI}'], subject_type: pairwise}}
    nightly: {{grant_types: [client_credentials], secret: 'env:NIGHTLY'}}
    retired: {{grant_types: [client_credentials], secret: 'env:NIGHTLY', disabled: true}}
"""


def here(store: Store, master_key: str = MASTER_KEY) -> DeclarativeConfiguration:
    keys = KeyRing([MasterKey(key_id=1, key=SecretStr(master_key))])
    return DeclarativeConfiguration.of_store(store, system_clock, closed_access(), keys)


async def applied(store: Store, text: str) -> list[AnyChange]:
    configuration = here(store)
    changes = plan(parse_document(text.encode(), read_secret), await configuration.state())
    for change in changes:
        await configuration.apply(change)
    return changes


async def export(store: Store) -> str:
    return exported(await here(store).state(), with_credentials=True)


@dataclass
class Devices:
    """The devices of the people: they stay when the installation is wiped."""

    app: App
    passkey: SoftPasskey


@contextmanager
def installation(store_url: str, port: int) -> Iterator[AuthorizationServer]:
    issuer = f"http://localhost:{port}"
    with running(store_url, port=port, issuer=issuer, demo_user=False, access="closed") as server:
        server.origin = server.issuer
        yield server


async def filled(store: Store) -> None:
    """People and clients, each known by something else."""
    await applied(store, CONFIGURATION)
    accounts = here(store).accounts
    for user in await accounts.users.list():
        await accounts.users.set_password(user, PASSWORD)
    zoe = await accounts.users.named("zoe")
    identities = accounts.connected.identities
    federated = FederatedIdentity(issuer=ISSUER, subject="z", groups=("ops", "all"), names=("Zoe",))
    await identities.connect(federated, "corp", zoe.subject, origin=Origin.OWNER)
    await identities.note_login(federated)


def browser_of(username: str) -> Person:
    return at_another_browser(username, PASSWORD)


def set_up(server: AuthorizationServer) -> Devices:
    ada, bob = browser_of("ada"), browser_of("bob")
    app, _ = with_app(server, ada)
    passkey, _ = with_passkey(server, bob, verifies=False, count=0)
    ada.close()
    bob.close()
    return Devices(app, passkey)


def behaviour(server: AuthorizationServer, devices: Devices) -> dict[str, Any]:
    """The responses of a server to the people, their devices and the clients."""
    app = App(server, devices.app.totp.secret)
    return {
        "app": logged_in(server, "ada", lambda ada, page: second_step(ada, page, app.next_code())),
        "passkey": logged_in(
            server,
            "bob",
            lambda bob, page: send(bob, page, devices.passkey.get(options_on(page))),
        ),
        "disabled person": logged_in(server, "eve", lambda _, page: page),
        "tokens": [facts_of(server, client_id) for client_id in ("editor", "paired")],
        "clients": [token_status(server, client_id) for client_id in ("nightly", "retired")],
        "identity": server.with_store(known_by_identity),
    }


def logged_in(
    server: AuthorizationServer, username: str, step: Callable[[Person, httpx2.Response], httpx2.Response]
) -> tuple[str, str, bool]:
    person = browser_of(username)
    page = log_in(server, person)
    before = page.url.path, "second step needed" if is_logged_in(server, person) is False else "no step"
    step(person, page)
    after = is_logged_in(server, person)
    person.close()
    return *before, after


def facts_of(server: AuthorizationServer, client_id: str) -> dict[str, Any]:
    members = {"client_id": client_id, "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}
    carl = browser_of("carl")
    tokens = Client(server.origin, server.http, members).connect(
        carl, resource=RESOURCE, scope="openid notes:read notes:write"
    )
    carl.close()
    claims = json.loads(base64url.decode(tokens["id_token"].split(".")[1]))
    return {
        "sub": claims["sub"],
        "scope": tokens["scope"],
        "introspected": server.introspect(tokens["access_token"])["sub"],
    }


def token_status(server: AuthorizationServer, client_id: str) -> int:
    return server.http.post(
        f"{server.origin}/token",
        data={"grant_type": "client_credentials", "resource": RESOURCE, "scope": "notes:read"},
        auth=(client_id, SECRET),
    ).status_code


async def known_by_identity(store: Store) -> tuple[str, str, list[str]]:
    configuration = here(store)
    identity = await configuration.accounts.connected.identities.get(ISSUER, "z")
    assert identity
    user = await configuration.accounts.users.by_subject(identity.subject)
    assert user
    held = await configuration.access.control.held(identity.subject, RESOURCE)
    return user.username, identity.subject, sorted(held.scopes)


def test_a_wiped_installation_that_is_restored_behaves_as_before(new_store: NewStore) -> None:
    port, second = free_port(), new_store()
    with installation(new_store(), port) as server:
        server.with_store(filled)
        devices = set_up(server)
        before = behaviour(server, devices)
        text = server.with_store(export)
    with installation(second, port) as empty:
        assert len(empty.with_store(lambda store: applied(store, text))) > 10
        assert empty.with_store(lambda store: applied(store, text)) == [], "twice changes nothing"
        assert empty.with_store(export) == text
    with installation(second, port) as restored:
        restored.clock.advance(60)  # the codes that were used before the export stay used
        after = behaviour(restored, devices)
    assert after == before
    assert before["app"] == before["passkey"] == ("/second-factor", "second step needed", True)
    assert before["clients"] == [200, 400]
    public, pairwise = before["tokens"]
    assert public["sub"] != pairwise["sub"]
    assert before["identity"][::2] == ("zoe", ["*"])
    assert PASSWORD not in text
    assert devices.app.totp.secret not in text


@pytest.mark.anyio
async def test_what_was_encrypted_under_other_master_keys_is_refused(store: Store) -> None:
    await applied(store, CONFIGURATION)
    sealed = "people: {entries: {carl: {second_factors: {authenticator_app: {sealed: AQ}}}}}"
    for text in (sealed, "pairwise_subjects: {sealed_key: AQ}"):
        with pytest.raises(InvalidDocumentError, match="under other master keys"):
            await applied(store, text)


@pytest.mark.anyio
async def test_second_factors_and_identities_are_added_and_never_replaced(store: Store) -> None:
    await filled(store)
    key = "{credential_id: aaaa, public_key: bbbb, name: Phone}"
    text = f"people: {{entries: {{carl: {{second_factors: {{passkeys: [{key}]}}}}}}}}"
    assert len(await applied(store, text)) == 1
    assert await applied(store, text.replace("aaaa", "cccc")) == []
    identity = f"{{provider: corp, issuer: '{ISSUER}', subject: z}}"
    taken = f"people: {{entries: {{carl: {{identities: [{identity}]}}}}}}"
    with pytest.raises(InvalidDocumentError, match="is connected to zoe"):
        await applied(store, taken)
    silent = taken.replace("carl", "ada").replace("subject: z", "subject: a, origin: email")
    assert await applied(store, silent) == [], "an administrator is never linked silently"
