"""Answers about accounts that are understood, and those that are not."""

from __future__ import annotations

from typing import Any

import pytest

from resource_service.connected_accounts.answers import (
    ConnectLink,
    Credential,
    MalformedAccountError,
    account_from_wire,
    check_resource,
)
from shared.disconnections import (
    MAX_DISCONNECTIONS,
    Disconnection,
    MalformedDisconnectionsError,
    disconnections_from_wire,
    disconnections_to_wire,
)

ISSUER = "https://login.example"
CONNECTED = {"status": "connected", "authorization": "Bearer s", "version": "1", "expires_in": 5}
NOT_CONNECTED = {
    "status": "not_connected",
    "provider": "GitHub",
    "connect_url": f"{ISSUER}/connect/1",
    "elicitation_id": "1",
    "expires_in": 600,
}


HERE = "https://mcp.example/issues"


@pytest.mark.parametrize("members", [CONNECTED, NOT_CONNECTED])
@pytest.mark.parametrize(
    ("named", "is_joined", "accepted"),
    [
        ({"resource": HERE}, True, True),
        ({"resource": f"{HERE}/"}, True, True),
        ({"resource": HERE}, False, True),
        ({}, False, True),
        ({}, True, False),
        ({"resource": "https://mcp.example/all"}, True, False),
        ({"resource": "https://mcp.example/all"}, False, False),
        ({"resource": None}, True, False),
        ({"resource": [HERE]}, False, False),
    ],
)
def test_an_account_is_used_only_for_its_resource(
    members: dict[str, Any], named: dict[str, Any], is_joined: bool, accepted: bool
) -> None:
    """An earlier authorization server names none: it may answer for the resource that joins this one."""
    if accepted:
        check_resource(members | named, HERE, is_joined=is_joined)
        return
    with pytest.raises(MalformedAccountError):
        check_resource(members | named, HERE, is_joined=is_joined)


def test_a_credential_and_a_link_are_understood() -> None:
    assert account_from_wire(CONNECTED, ISSUER) == Credential(secret="Bearer s", version="1", expires_in=5)
    unlimited = {name: value for name, value in CONNECTED.items() if name != "expires_in"}
    assert account_from_wire(unlimited, ISSUER) == Credential(secret="Bearer s", version="1", expires_in=None)
    key = {"status": "connected", "api_key": "k", "version": "1"}
    assert account_from_wire(key, ISSUER) == Credential(
        secret="k", version="1", expires_in=None, is_api_key=True
    )
    assert account_from_wire(NOT_CONNECTED, ISSUER) == ConnectLink(
        provider="GitHub", url=f"{ISSUER}/connect/1", elicitation_id="1", expires_in=600
    )


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"status": "other"},
        CONNECTED | {"authorization": "Bearer s\r\nX: y"},
        CONNECTED | {"authorization": ""},
        CONNECTED | {"authorization": "x" * 20_000},
        CONNECTED | {"authorization": None},
        CONNECTED | {"api_key": None},
        CONNECTED | {"api_key": "Bearer k\r\nX: y"},
        CONNECTED | {"version": 1},
        CONNECTED | {"expires_in": "5"},
        CONNECTED | {"expires_in": -1},
        CONNECTED | {"expires_in": True},
        NOT_CONNECTED | {"connect_url": "https://other.example/connect/1"},
        NOT_CONNECTED | {"connect_url": f"{ISSUER}.other.example/connect/1"},
        NOT_CONNECTED | {"connect_url": "javascript:alert(1)"},
        NOT_CONNECTED | {"provider": "Git\nHub"},
        NOT_CONNECTED | {"provider": "x" * 101},
        NOT_CONNECTED | {"elicitation_id": ""},
        NOT_CONNECTED | {"expires_in": None},
    ],
)
def test_anything_else_is_malformed_and_not_quoted(document: Any) -> None:
    with pytest.raises(MalformedAccountError) as raised:
        account_from_wire(document, ISSUER)
    assert "Bearer" not in str(raised.value)


def test_disconnections_survive_the_wire() -> None:
    ended = (Disconnection("alice", "https://mcp.example/github", "3"),)
    assert disconnections_from_wire(disconnections_to_wire(ended)) == ended
    assert disconnections_to_wire(ended * (MAX_DISCONNECTIONS + 1)) is None
    assert disconnections_from_wire(None) is None


@pytest.mark.parametrize(
    "document",
    [
        {},
        "x",
        [None],
        [{"sub": "a", "resource": "r"}],
        [{"sub": "a", "resource": "r", "version": 1}],
        [{"sub": "a" * 3_000, "resource": "r", "version": "1"}],
        [{"sub": "a", "resource": "r", "version": "1"}] * (MAX_DISCONNECTIONS + 1),
    ],
)
def test_a_list_of_disconnections_that_is_not_understood_is_refused(document: object) -> None:
    with pytest.raises(MalformedDisconnectionsError):
        disconnections_from_wire(document)
