"""Each endpoint that changes something says which event records it, so that none is forgotten (JR-1)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import auth_service
from shared.journal.event import EventKind
from tests.auth_service.service import AuthorizationServer
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("JR-1", "JR-3")

NOTHING_DECIDED = "decides nothing about somebody known"
"""Begins or continues a request, asks a question, or delivers what others have decided."""

RECORDED: dict[str, EventKind | str] = {
    "/register": EventKind.CLIENT_REGISTERED,
    "/register/{client_id}": EventKind.CLIENT_CHANGED,
    "/par": NOTHING_DECIDED,
    "/token": EventKind.TOKENS_ISSUED,
    "/device_authorization": NOTHING_DECIDED,
    "/introspect": NOTHING_DECIDED,
    "/revoke": EventKind.GRANT_REVOKED,
    "/events": "records the calls of the resource service",
    "/revocations": NOTHING_DECIDED,
    "/userinfo": NOTHING_DECIDED,
    "/login": EventKind.LOGIN,
    "/passkey-login": EventKind.LOGIN,
    "/second-factor": EventKind.LOGIN,
    "/device": NOTHING_DECIDED,
    "/set-up": EventKind.ACCOUNT,
    "/consent": EventKind.CONSENT,
    "/account": EventKind.ACCOUNT,
    "/password": EventKind.ACCOUNT,
    "/disconnect-identity": EventKind.ACCOUNT,
    "/email": EventKind.ACCOUNT,
    "/delete-account": EventKind.ACCOUNT,
    "/set-password": EventKind.ACCOUNT,
    "/login-methods": EventKind.ACCOUNT,
    "/add-authenticator": EventKind.ACCOUNT,
    "/add-passkey": EventKind.ACCOUNT,
    "/recovery-codes": EventKind.ACCOUNT,
    "/connect/{link}": NOTHING_DECIDED,  # the provider's response is recorded, as an event of the account
    "/connected-account": NOTHING_DECIDED,
    "/definitions": NOTHING_DECIDED,
    "/approve/{approval}": EventKind.ACCOUNT,
    "/call-approval": EventKind.ACCOUNT,
}
IDS_OF_PEOPLE = {"user_subject", "created", "invited", "deleted"}


@ON_ONE_STORE
def test_each_endpoint_that_changes_something_has_its_event(server: AuthorizationServer) -> None:
    changing = {
        path
        for path, item in server.get("/openapi.json").json()["paths"].items()
        if item.keys() & {"post", "put", "patch", "delete"} and not path.startswith(("/admin", "/api/admin"))
    }
    assert changing == RECORDED.keys()


def test_an_administrators_act_on_a_person_is_recorded_with_the_subject() -> None:
    acts = [(place, names) for place, names in _audited() if "user" in names]
    assert len(acts) > 10
    assert [place for place, names in acts if not names & IDS_OF_PEOPLE] == []


def _audited() -> Iterator[tuple[str, set[str | None]]]:
    """Yield each call of `Actor.audit` with the names of its members."""
    for path in Path(auth_service.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="audit"), keywords=keywords):
                    yield f"{path.name}:{node.lineno}", {each.arg for each in keywords}
