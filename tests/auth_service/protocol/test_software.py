"""Software that registers again and again, seen as one."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.client import UNUSED_TTL_S, Client
from auth_service.protocol.software import Software, grouped, places, software_key

pytestmark = pytest.mark.requirement("AS-7")

CLAUDE = {"client_name": "Claude", "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"]}
CURSOR = [
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "https://www.cursor.com/agents/mcp/oauth/callback",
    "http://localhost:8787/callback",
]


def client(client_id: str = "a", created_at: int = 0, used_at: int | None = None, **metadata: Any) -> Client:
    expires_at = created_at + UNUSED_TTL_S
    return Client(
        client_id=client_id,
        created_at=created_at,
        metadata={**CLAUDE, **metadata},
        expires_at=expires_at,
        used_at=used_at,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({}, {"redirect_uris": ["https://CLAUDE.ai/another/callback"]}),
        ({}, {"client_name": "Cla\u200bude"}),
        ({"software_id": "x"}, {"software_id": "x", "client_name": "Claude 2"}),
        ({"redirect_uris": ["http://127.0.0.1:1/"]}, {"redirect_uris": ["http://localhost:2/cb"]}),
    ],
)
def test_these_are_one_software(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert software_key(client(**one)) == software_key(client("b", 9, **other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"client_name": "Claude!"}),
        ({}, {"redirect_uris": ["https://evil.example/cb"]}),
        ({}, {"software_id": "x"}),
        ({"software_id": "x"}, {"software_id": "y"}),
        ({"client_name": "a", "redirect_uris": ["b:/"]}, {"client_name": "a1:b", "redirect_uris": []}),
    ],
)
def test_these_are_two(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert software_key(client(**one)) != software_key(client("b", **other))


def test_a_document_is_a_software_of_its_own() -> None:
    document = Client(
        client_id="https://claude.ai/client.json", created_at=0, metadata=CLAUDE, expires_at=10, fresh_until=5
    )
    assert software_key(document) != software_key(client())


def test_a_group_says_how_many_since_when_and_whether_anybody_uses_them() -> None:
    clients = [
        client("a", 1, used_at=7),
        client("b", 3),
        client("c", 2, used_at=5),
        client("d", 9, client_name="X"),
    ]
    other, claude = grouped(clients)
    assert other.name == "X"
    assert [member.client_id for member in claude.clients] == ["b", "c", "a"]
    assert (claude.first_at, claude.last_at, claude.used_at) == (1, 3, 7)
    assert [member.client_id for member in claude.unused] == ["b"]
    assert claude.places == ["claude.ai"]


def test_a_client_of_the_operator_and_one_that_is_kept_longer_are_not_unused() -> None:
    assert client().unused
    assert not Client(client_id="a", created_at=0, metadata=CLAUDE).unused
    assert not Client(client_id="a", created_at=0, metadata=CLAUDE, expires_at=180 * 86_400).unused, (
        "granted something before uses were noted"
    )


def test_a_group_goes_by_what_its_youngest_says_and_shows_four_places() -> None:
    hosts = [f"https://{name}.example/cb" for name in "edcba"]
    old = client("a", 1, software_id="x", client_name="Old", redirect_uris=hosts)
    (group,) = grouped([old, client("b", 2, software_id="x", client_name="New", redirect_uris=[])])
    assert group.name == "New"
    assert group.places == ["a.example", "b.example", "c.example", "d.example"]
    assert len(group.key) == 32


@pytest.mark.parametrize(("youngest_by_document", "domain"), [(True, "claude.ai"), (False, None)])
def test_a_group_has_the_domain_of_its_youngest(youngest_by_document: bool, domain: str | None) -> None:
    url = "https://claude.ai/client.json"
    documents = [
        Client(client_id=url, created_at=at, metadata=CLAUDE, fresh_until=fresh)
        for at, fresh in ((1, None), (2, 5))
    ]
    newest = documents if youngest_by_document else documents[::-1]
    assert Software("key", newest[::-1]).domain == domain


def test_places_are_hosts_apps_and_this_computer() -> None:
    assert places(client(redirect_uris=CURSOR)) == ["cursor:", "the user’s own computer", "www.cursor.com"]


@pytest.mark.parametrize(
    ("text", "matching"),
    [("claud", True), ("CLAUDE.AI", True), ("b", False), ("an-id", True), ("an-i", False)],
)
def test_a_group_is_found_by_name_place_or_the_whole_id(text: str, matching: bool) -> None:
    (group,) = grouped([client("an-id")])
    assert group.mentions(text) is matching
