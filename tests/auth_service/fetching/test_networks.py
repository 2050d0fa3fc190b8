"""Networks of the operator's own, which may be asked although they are not public."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from auth_service.fetching import Fetcher, FetchError
from auth_service.settings import AuthSettings
from tests.auth_service.service import USUAL
from tests.certificates import Authority
from tests.sites import HERE, HOST, Names, Site, document

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("SEC-12")]


@pytest.fixture
def inside(authority: Authority, names: Names) -> Iterator[Fetcher]:
    """A fetcher for which the network that `HERE` is in is one of the operator's."""
    fetcher = Fetcher(networks=[ip_network(f"{HERE}/32")], ssl_context=authority.trusting(), resolve=names)
    yield fetcher
    fetcher.close()


async def test_a_host_in_the_network_is_asked_by_its_name(inside: Fetcher, stranger: Site) -> None:
    stranger.answers["/document"] = document({"a": 1})
    assert await inside.fetch_json(f"https://{HOST}:{stranger.port}/document") == {"a": 1}


@pytest.mark.parametrize("address", ["127.0.0.2", "10.0.0.1", "169.254.169.254", "192.168.1.1"])
async def test_every_other_network_stays_forbidden(
    authority: Authority, stranger: Site, address: str
) -> None:
    fetcher = Fetcher(
        networks=[ip_network(f"{HERE}/32")],
        ssl_context=authority.trusting(),
        resolve=Names({HOST: [HERE, IPv4Address(address)]}),
    )
    with pytest.raises(FetchError):
        await fetcher.fetch_json(f"https://{HOST}:{stranger.port}/document")
    fetcher.close()
    assert stranger.contacts() == []


@pytest.mark.parametrize("url", ["https://127.0.0.1:{}/", "https://localhost:{}/", f"http://{HOST}:{{}}/"])
async def test_it_is_asked_by_name_and_https_only(inside: Fetcher, stranger: Site, url: str) -> None:
    with pytest.raises(FetchError):
        await inside.fetch_json(url.format(stranger.port))
    assert stranger.contacts() == []


def settings(networks: str) -> AuthSettings:
    members: dict[str, Any] = {**USUAL, "issuer": "https://auth.example", "store": "sqlite:///x.db"}
    return AuthSettings(**{**members, "fetch_networks": networks})


def test_networks_are_listed_with_commas() -> None:
    assert list(map(str, settings("10.0.0.0/8, fd00::/8").fetch_networks)) == ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize(
    "networks", ["169.254.0.0/16", "0.0.0.0/0", "fe80::1/128", "::/0", "10.0.0.1/8", "x"]
)
def test_link_local_addresses_are_never_among_them(networks: str) -> None:
    with pytest.raises(ValidationError):
        settings(networks)
