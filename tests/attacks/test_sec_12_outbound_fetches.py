"""SEC-12: what a stranger names is connected to only if it is meant, and public."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

import pytest

from auth_service.fetching import Fetcher
from auth_service.protocol.special_addresses import Address, special_use
from tests.attacks.listener import FORBIDDEN, PUBLIC, EverywhereIs, fetcher_to, listening, refuse
from tests.certificates import Authority
from tests.sites import HERE, HOST, Names, Site, document, site

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("SEC-12")]

ELSEWHERE = "127.0.0.2"

TWO_WAYS = (
    *("2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "0x7f.0.0.1", "127.1", "127.0.1", "0"),
    *("127.0.0.1.", "127.0.0.01", "10.0.0.1.", "1.1.1.1.1", "256.1.1.1", "127。0。0。1", "①②⑦.0.0.1"),
    *("localhost", "LOCALHOST", "localhost.", "%6c%6fcalhost", "local\thost", "client.example\\@127.0.0.1"),
    *("[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::1%25lo]", "[::1", "[v1.x]"),
    *("a..b", "-a.example", "a_b.example", ""),
)
NOT_PLAIN = (
    *(f"http://{HOST}/", f"ftp://{HOST}/", f"HTTPS://{HOST}/", f"//{HOST}/", f"{HOST}/", "", "https:///"),
    *(
        "file:///etc/passwd",
        "data:,x",
        "javascript:alert(1)",
        "unix:///run/docker.sock",
        "gopher://127.0.0.1/",
    ),
    *(
        f"https://user@{HOST}/",
        f"https://{HOST}@127.0.0.1/",
        f"https://{HOST}#@127.0.0.1/",
        f"https://{HOST}/#",
    ),
    *(f"https://{HOST}{port}/" for port in (":22", ":0", ":65536", ":", ":+443", ":0443")),
    *(f"https://{HOST}/\r\nX: y", f"https://{HOST}/ HTTP/1.1", f"https://{HOST}\n.evil.example/"),
    *(f" https://{HOST}/", f"https://{HOST}/" + "x" * 2_000),
)


@pytest.fixture
def listener(authority: Authority) -> Iterator[Site]:
    with listening(authority) as running:
        yield running


async def test_the_listener_is_reached_by_a_public_address_and_nothing_in_the_way(
    listener: Site, authority: Authority
) -> None:
    fetcher = fetcher_to(listener, authority, Names({HOST: [PUBLIC]}))
    assert await fetcher.fetch_json(f"https://{HOST}/") == {"secret": "of the network"}
    assert len(listener.contacts()) == 1
    fetcher.close()


@pytest.mark.parametrize("address", FORBIDDEN)
async def test_a_name_for_a_special_address_is_not_connected_to(
    listener: Site, authority: Authority, address: str
) -> None:
    fetcher = fetcher_to(listener, authority, Names({HOST: [ip_address(address)]}))
    error = await refuse(fetcher, f"https://{HOST}/")
    assert error.reason == "its server cannot be reached"
    assert listener.contacts() == []


@pytest.mark.parametrize("address", FORBIDDEN)
async def test_one_special_address_among_public_ones_forbids_the_name(
    listener: Site, authority: Authority, address: str
) -> None:
    fetcher = fetcher_to(listener, authority, Names({HOST: [PUBLIC, ip_address(address)]}))
    await refuse(fetcher, f"https://{HOST}/")
    assert listener.contacts() == []


@pytest.mark.parametrize("address", FORBIDDEN)
async def test_a_special_address_is_not_connected_to_by_itself(
    listener: Site, authority: Authority, address: str
) -> None:
    host = f"[{address}]" if ":" in address else address
    # The system's resolver, which gives an address for an address.
    fetcher = Fetcher(ssl_context=authority.trusting(), connections=EverywhereIs(listener, lie=True))
    await refuse(fetcher, f"https://{host}/")
    assert listener.contacts() == []


@pytest.mark.parametrize("host", TWO_WAYS)
async def test_a_host_that_could_be_read_in_two_ways_is_not_even_looked_up(
    listener: Site, authority: Authority, host: str
) -> None:
    names = Names({name: [PUBLIC] for name in (host, host.lower(), host.strip("[]."))})
    await refuse(fetcher_to(listener, authority, names), f"https://{host}/")
    assert names.asked == []
    assert listener.contacts() == []


@pytest.mark.parametrize("url", NOT_PLAIN)
async def test_a_url_that_is_not_plain_https_is_not_fetched(
    listener: Site, authority: Authority, url: str
) -> None:
    names = Names({HOST: [PUBLIC], "127.0.0.1": [PUBLIC], f"{HOST}\n.evil.example": [PUBLIC]})
    await refuse(fetcher_to(listener, authority, names), url)
    assert names.asked == []
    assert listener.contacts() == []


class Rebinding(Names):
    """A public address to anyone who checks, one inside to anyone who connects."""

    async def __call__(self, host: str, port: int) -> list[Address]:
        await super().__call__(host, port)
        return [PUBLIC] if len(self.asked) == 1 else [HERE]


async def test_a_name_that_changes_between_the_check_and_the_connection_gains_nothing(
    listener: Site, authority: Authority
) -> None:
    names, connections = Rebinding({HOST: []}), EverywhereIs(listener, lie=True)
    fetcher = Fetcher(ssl_context=authority.trusting(), resolve=names, connections=connections)
    await fetcher.get(f"https://{HOST}/", max_bytes=5_120)
    assert names.asked == [HOST]
    assert connections.told == [(str(PUBLIC), 443)]
    await refuse(fetcher, f"https://{HOST}/")
    assert connections.told == [(str(PUBLIC), 443)]


async def test_a_name_that_changes_is_not_followed_to_a_second_server(authority: Authority) -> None:
    """The same on real sockets: two servers, of which only the one that was checked is contacted."""
    context = authority.certifying(HOST)
    with site(context) as first, site(context, ELSEWHERE, first.port) as second:
        first.answers["/"] = second.answers["/"] = document({})

        class Changing(Names):
            async def __call__(self, host: str, port: int) -> list[Address]:
                await super().__call__(host, port)
                return [HERE] if len(self.asked) == 1 else [ip_address(ELSEWHERE)]

        names = Changing({HOST: []})
        fetcher = Fetcher(loopback=True, ssl_context=authority.trusting(), resolve=names)
        await fetcher.get(f"https://{HOST}:{first.port}/", max_bytes=5_120)
        fetcher.close()
        assert (len(first.contacts()), second.contacts(), names.asked) == (1, [], [HOST])


async def test_a_connection_to_another_address_is_closed_before_anything_is_sent(
    listener: Site, authority: Authority
) -> None:
    error = await refuse(
        fetcher_to(listener, authority, Names({HOST: [PUBLIC]}), lie=False), f"https://{HOST}/"
    )
    assert "instead of" in str(error.detail)
    (contact,) = listener.contacts()
    assert (contact.request, contact.server_name) == ("", None)


async def test_the_error_does_not_depend_on_what_is_inside_the_network(
    listener: Site, authority: Authority
) -> None:
    """A name that exists only inside, and one that does not exist at all, get the same answer."""
    descriptions = set()
    answers: Iterable[dict[str, list[Address]]] = (
        {},
        {HOST: []},
        {HOST: [HERE]},
        {HOST: [ip_address("10.0.0.1")]},
        {HOST: [ip_address("fd00::1")]},
    )
    for names in answers:
        error = await refuse(fetcher_to(listener, authority, Names(names)), f"https://{HOST}/")
        descriptions.add((error.reason, error.passing))
    assert descriptions == {("its server cannot be reached", True)}
    assert listener.contacts() == []


class TestTheDevelopmentSwitch:
    """It opens this machine, and nothing else."""

    @pytest.mark.parametrize(
        "address", [a for a in FORBIDDEN if a not in ("127.0.0.1", "127.255.255.254", "::1")]
    )
    async def test_every_other_special_address_stays_forbidden(
        self, listener: Site, authority: Authority, address: str
    ) -> None:
        names = Names({HOST: [ip_address(address)]})
        await refuse(fetcher_to(listener, authority, names, loopback=True), f"https://{HOST}/")
        assert listener.contacts() == []

    async def test_localhost_must_be_this_machine(self, authority: Authority) -> None:
        with site() as plain:
            plain.answers["/"] = document({})
            names = Names({"localhost": [PUBLIC]})
            await refuse(fetcher_to(plain, authority, names, loopback=True), "http://localhost/")
            assert plain.contacts() == []

    async def test_http_is_for_this_machine_alone(self, authority: Authority) -> None:
        with site() as plain:
            names = Names({HOST: [HERE]})
            await refuse(fetcher_to(plain, authority, names, loopback=True), f"http://{HOST}:{plain.port}/")
            assert plain.contacts() == []


@pytest.mark.parametrize(
    "address",
    [
        *(
            "1.1.1.1",
            "8.8.8.8",
            "93.184.215.14",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
        ),
        *(
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.254",
            "168.63.129.17",
            "11.0.0.1",
            "126.0.0.1",
        ),
        *(
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "64:ff9b::5db8:d70e",
        ),
    ],
)
def test_public_addresses_are_not_special(address: str) -> None:
    assert special_use(ip_address(address)) is None
