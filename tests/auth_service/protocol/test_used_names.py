"""Names that are nearly those of other clients."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.client import Client
from auth_service.protocol.used_names import entry, is_elsewhere, is_nearly_same_name, origin
from tests.auth_service.protocol.builders import NOW, client

pytestmark = pytest.mark.requirement("ID-9")

HERE, THERE = "https://here.example/callback", "https://there.example/callback"


def at(*redirect_uris: str) -> Client:
    return client(redirect_uris=list(redirect_uris))


def document(domain: str, *redirect_uris: str) -> Client:
    return replace(at(*redirect_uris), client_id=f"https://{domain}/client.json", fresh_until=NOW)


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("Claude", "C l a u d e", True),
        ("Claude", "claude", True),
        ("Claude", "Cursor", False),
        ("Cursor", "Claude", False),
        ("...", "---", False),
    ],
)
def test_names_are_nearly_the_same_if_they_look_the_same(name: str, other: str, same: bool) -> None:
    assert is_nearly_same_name(client(client_name=name), client(client_name=other)) is same


@pytest.mark.parametrize(
    ("one", "other", "elsewhere"),
    [
        (at(HERE), at(HERE), False),
        (at(HERE), at(HERE, THERE), False),
        (at(HERE, THERE), at(HERE), True),
        (at(THERE), at(HERE), True),
        (document("a.example", HERE), document("a.example", THERE), False),
        (document("a.example", HERE), document("b.example", HERE), True),
        (document("a.example", HERE), at(HERE), True),
        (at(HERE), document("a.example", HERE), True),
    ],
)
def test_responses_go_elsewhere_unless_the_other_has_every_place_or_the_same_domain(
    one: Client, other: Client, elsewhere: bool
) -> None:
    assert is_elsewhere(one, other) is elsewhere


def test_clients_have_one_origin_if_they_have_the_same_domain_or_places() -> None:
    assert origin(document("a.example", HERE)) == origin(document("a.example", THERE))
    assert origin(at(HERE, THERE)) == origin(at(THERE, HERE))
    assert (
        len({origin(of) for of in (document("a.example", HERE), at(HERE), at(THERE), at(HERE, THERE))}) == 4
    )
    assert entry(at(HERE)) == f"{origin(at(HERE))}.client-1"
    assert len(origin(at(HERE))) == 32
