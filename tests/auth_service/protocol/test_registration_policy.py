"""Where registered clients may have codes sent, and how often a permission to register is good."""

from __future__ import annotations

import pytest

from auth_service.protocol.errors import InvalidRedirectUriError
from auth_service.protocol.registration_policy import InitialAccessToken, Quota, RedirectHosts, use_up

pytestmark = pytest.mark.requirement("AS-7")

HOSTS = RedirectHosts(allowed=("*.example.com", "example.com"), denied=("bad.example.com",))


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/cb",
        "https://app.example.com/cb",
        "https://APP.EXAMPLE.COM/cb",
        "https://app.example.com:8443/cb",
        "http://127.0.0.1/cb",
        "http://localhost:3000/cb",
        "cursor://anysphere.cursor-mcp/cb",
    ],
)
def test_hosts_on_the_list_apps_and_loopback_are_allowed(uri: str) -> None:
    HOSTS.check([uri])


@pytest.mark.parametrize(
    "uri",
    [
        "https://bad.example.com/cb",
        "https://BAD.example.com/cb",
        "https://other.example/cb",
        "https://example.com.evil.example/cb",
        "https://notexample.com/cb",
    ],
)
def test_other_hosts_are_not(uri: str) -> None:
    with pytest.raises(InvalidRedirectUriError):
        HOSTS.check(["https://example.com/cb", uri])


def test_without_lists_every_host_is_allowed() -> None:
    RedirectHosts().check(["https://anything.example/cb"])
    with pytest.raises(InvalidRedirectUriError):
        RedirectHosts(denied=("*.evil.example",)).check(["https://a.evil.example/cb"])


def test_a_permission_is_used_up() -> None:
    token = InitialAccessToken(uses_left=2, expires_at=100)
    once, used = use_up(token, 0)
    assert used
    assert once == InitialAccessToken(1, 100)
    twice, used = use_up(once, 99)
    assert used
    assert twice is not None
    assert use_up(twice, 99) == (None, False)


def test_a_permission_ends() -> None:
    assert use_up(InitialAccessToken(1, 100), 100) == (None, False)
    assert use_up(InitialAccessToken(1, 100), 101) == (None, False)


def test_a_permission_of_an_older_release_was_made_by_nobody_known() -> None:
    token = InitialAccessToken(1, 100)
    assert (token.made_at, token.made_by) == (0, None)


@pytest.mark.parametrize(
    ("clients", "percent", "unused"), [(1_000, 50, 500), (99, 10, 9), (200, 100, 200), (3, 10, 1), (3, 0, 1)]
)
def test_a_part_of_the_room_is_for_clients_that_are_not_used_yet(
    clients: int, percent: int, unused: int
) -> None:
    assert Quota.with_unused_share(clients, unused_percent=percent) == Quota(clients, unused)
