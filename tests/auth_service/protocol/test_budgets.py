"""How much of an authorization request, and of a client's metadata, is kept."""

from __future__ import annotations

import pytest

from auth_service.protocol.budgets import (
    AUTHORIZATION_REQUEST,
    CLIENT_BYTES,
    MOST_RESOURCES,
    REQUEST_BYTES,
    check_client,
    check_request,
    known_parameters,
)
from auth_service.protocol.errors import InvalidClientMetadataError, InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration import parse_metadata
from tests.refusals import because

pytestmark = pytest.mark.requirement("BOUND-2")

REFUSED = [name for name, budget in AUTHORIZATION_REQUEST.items() if not budget.hint]
HINTS = [name for name, budget in AUTHORIZATION_REQUEST.items() if budget.hint]


@pytest.mark.parametrize("name", REFUSED)
def test_a_parameter_that_is_longer_than_its_budget_is_refused(name: str) -> None:
    most = AUTHORIZATION_REQUEST[name].most_bytes
    check_request(Parameters({name: "x" * most}))
    with pytest.raises(InvalidRequestError, match=f"{name} is too long"):
        check_request(Parameters({name: "x" * (most + 1)}))
    with pytest.raises(InvalidRequestError, match=f"{name} is too long"):
        check_request(Parameters({name: "\U0001f512" * (most // 4 + 1)}))


@pytest.mark.parametrize("name", HINTS)
def test_a_hint_that_is_longer_than_its_budget_is_left_out(name: str) -> None:
    most = AUTHORIZATION_REQUEST[name].most_bytes
    assert known_parameters(Parameters({name: "x" * (most - 1)})).get(name)
    assert known_parameters(Parameters({name: "x" * most})).get(name)
    assert known_parameters(Parameters({name: "x" * (most + 1)})).values == {}


def test_what_means_nothing_here_is_not_kept() -> None:
    known_values = known_parameters(Parameters({"state": "s", "x": "y", "client_secret": "z"}, ("r", "r")))
    assert known_values == Parameters({"state": "s"}, ("r",))


def test_all_parameters_together_have_a_budget_as_they_are_written() -> None:
    with pytest.raises(InvalidRequestError, check=because(Reason.REQUEST_TOO_LONG)):
        # Six bytes each in the store.
        check_request(Parameters({"state": "\x01" * 2_000}))
    with pytest.raises(InvalidRequestError):
        check_request(Parameters({}, tuple(f"https://{n}.example" for n in range(MOST_RESOURCES + 1))))
    with pytest.raises(InvalidRequestError):
        check_request(Parameters({}, ("https://a.example/" + "x" * 2_048,)))
    assert sum(budget.most_bytes for budget in AUTHORIZATION_REQUEST.values()) > REQUEST_BYTES


def test_a_request_may_take_all_of_its_budget() -> None:
    check_request(Parameters({}, tuple(f"https://{n}.example" for n in range(MOST_RESOURCES))))
    # What it is stored as: [{"state":"…"},["…"]]
    full = {"state": "x" * 2_048, "scope": "x" * 2_048, "claims": "x" * 2_048}
    room = REQUEST_BYTES - len('[{"state":"","scope":"","claims":""},[""]]') - 3 * 2_048
    check_request(Parameters(full, ("x" * room,)))
    with pytest.raises(InvalidRequestError, check=because(Reason.REQUEST_TOO_LONG)):
        check_request(Parameters(full, ("x" * (room + 1),)))


@pytest.mark.parametrize(("character", "written_bytes"), [("x", 1), ("ü", 2), ("\x01", 6)])
def test_the_metadata_of_a_client_has_a_budget(character: str, written_bytes: int) -> None:
    room = CLIENT_BYTES - len('{"client_name":""}')
    name = character * (room // written_bytes) + "x" * (room % written_bytes)
    check_client({"client_name": name})
    with pytest.raises(InvalidClientMetadataError, check=because(Reason.CLIENT_METADATA_TOO_LONG)):
        check_client({"client_name": name + "x"})


@pytest.mark.parametrize(
    "members",
    [
        {"contacts": ["x" * 1_000] * 10},
        {"redirect_uris": [f"https://app.example/{n}/{'x' * 1_900}" for n in range(5)]},
        {"jwks": {"keys": [{"kty": "EC", "x5c": ["A" * 9_000]}]}},
        {"jwks": {"keys": [], "unknown": "x" * 9_000}},
        {f"client_name#x-{n}": "x" * 200 for n in range(50)},
        {"software_statement": "x" * 9_000},
        {"grant_types": ["x" * 1_000] * 10},
    ],
)
def test_no_member_of_a_registration_gets_round_it(members: dict[str, object]) -> None:
    with pytest.raises(InvalidClientMetadataError, check=because(Reason.CLIENT_METADATA_TOO_LONG)):
        parse_metadata({"redirect_uris": ["https://app.example/callback"], **members})


@pytest.mark.parametrize("name", ["logo_uri", "logo_uri#de"])
def test_a_logo_that_is_sent_itself_is_dropped_and_refuses_nothing(name: str) -> None:
    body = {"redirect_uris": ["https://app.example/callback"], name: "Data:image/png;base64," + "A" * 9_000}
    metadata, translations = parse_metadata(body)
    assert (metadata.logo_uri, translations) == (None, {})
