"""The choice of the client to evict."""

from __future__ import annotations

import pytest

from auth_service.protocol.eviction import UNKNOWN_NETWORK, UnusedClient, eviction

pytestmark = pytest.mark.requirement("BOUND-3")


def held(**networks: int) -> list[UnusedClient]:
    """So many registrations of each network, made one after the other."""
    return [
        UnusedClient(1_000 + number, network, f"{network}-{number}")
        for network, count in networks.items()
        for number in range(count)
    ]


def evicted(unused: list[UnusedClient], newcomer: str, most: int = 100, **used: int) -> list[str]:
    candidates, count = eviction(unused, newcomer, used, most=most)
    return [client.client_id for client in candidates[:count]]


def test_the_oldest_of_the_network_that_holds_most_go_first() -> None:
    assert evicted(held(a=2, b=5), "c", most=2) == ["b-0", "b-1"]


def test_a_client_that_a_document_describes_is_not_registered_here() -> None:
    assert UnusedClient(0, "a", "client-1").is_registered is True
    assert UnusedClient(0, "a", "https://app.example/client").is_registered is False


def test_no_more_go_than_until_both_hold_the_same() -> None:
    assert evicted(held(a=3, b=8), "a") == ["b-0", "b-1", "b-2", "b-3"]
    assert evicted(held(a=6, b=8), "a") == ["b-0"]


@pytest.mark.parametrize("unused", [held(), held(a=5), held(a=5, b=5), held(a=5, b=6), held(a=9, b=5)])
def test_nobody_goes_for_a_network_that_holds_as_much_as_any(unused: list[UnusedClient]) -> None:
    assert evicted(unused, "a") == []


def test_a_network_that_holds_none_always_gets_room_for_one() -> None:
    assert evicted(held(a=1, b=1), "c") == ["a-0"]
    assert evicted(held(hosted=5), "c", hosted=99) == ["hosted-0"]


def test_networks_whose_clients_were_used_may_hold_more() -> None:
    assert evicted(held(hosted=50, flood=10), "c", most=1, hosted=9) == ["flood-0"]
    assert evicted(held(hosted=9, flood=10), "hosted", most=1, hosted=9) == ["flood-0"]
    assert evicted(held(hosted=50, flood=4), "c", most=1, hosted=9) == ["hosted-0"]


def test_a_network_gives_back_what_it_may_hold_beyond_the_newcomer() -> None:
    # 50 registrations weigh 5 each time that 9 of them were used: as much as 5 of a network with none.
    assert len(evicted(held(hosted=50), "c", hosted=9)) == 40


def test_one_goes_though_both_hold_nearly_the_same() -> None:
    assert evicted(held(hosted=23), "c", hosted=10) == [f"hosted-{number}" for number in range(12)]
    assert evicted(held(a=5, hosted=12), "a", hosted=1) == []
    assert evicted(held(a=5, b=7, c=6), "a") == ["b-0"]


@pytest.mark.parametrize("unused", [held(), held(a=5), held(a=9, b=5)])
def test_where_nobody_goes_nothing_is_removed(unused: list[UnusedClient]) -> None:
    assert eviction(unused, "a", {}, most=100) == ((), 0)


def test_an_entry_comes_back_from_its_text_and_sorts_by_age() -> None:
    entries = [
        UnusedClient(9, "192.0.2.0/32", "a"),
        UnusedClient(1_800_000_000, "2001:db8::/64", "https://c.example/a b"),
    ]
    assert [UnusedClient.parse(entry.text()) for entry in entries] == entries
    assert sorted(entry.text() for entry in entries) == [entry.text() for entry in entries]


def test_an_entry_of_an_earlier_release_counts_for_no_network() -> None:
    assert UnusedClient.parse("some-client-id") == UnusedClient(0, UNKNOWN_NETWORK, "some-client-id")
