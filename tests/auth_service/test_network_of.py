"""Which network a request comes from, and how far X-Forwarded-For is believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextvars import copy_context

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from auth_service.rate_limits import network_of
from auth_service.web.client_networks import ClientNetworks
from tests.auth_service.service import running

pytestmark = pytest.mark.requirement("AS-23", "SEC-14", "SEC-16")

PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("192.0.2.2", "192.0.2.2/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("/run/doorward.sock", "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_one_ipv4_address_or_one_ipv6_64_is_a_network(peer: str | None, network: str) -> None:
    assert network_of(peer, [], []) == network


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "network"),
    [
        # Nobody is trusted to speak for others but the proxies.
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1/32"),
        ("192.0.2.1", ["198.51.100.7", "10.0.0.1"], "192.0.2.1/32"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7/32"),
        ("10.0.0.1", [" 198.51.100.7 "], "198.51.100.7/32"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7/32"),
        ("fd00::1", ["2001:db8::5"], "2001:db8::/64"),
        # What a client wrote itself stands to the left of what the proxy saw.
        ("10.0.0.1", ["203.0.113.9", "198.51.100.7"], "198.51.100.7/32"),
        ("10.0.0.1", ["10.9.9.9", "198.51.100.7"], "198.51.100.7/32"),
        ("10.0.0.1", ["junk", "198.51.100.7"], "198.51.100.7/32"),
        ("10.0.0.1", ["198.51.100.7", "10.0.0.2"], "198.51.100.7/32"),
        # Nothing but proxies, or what a proxy passed on illegibly.
        ("10.0.0.1", [], "10.0.0.1/32"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2/32"),
        ("10.0.0.1", [""], "unknown"),
        ("10.0.0.1", ["junk"], "unknown"),
        # With a port, as some proxies write it.
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7/32"),
        ("10.0.0.1", ["[2001:db8::5]:4711"], "2001:db8::/64"),
        ("10.0.0.1", ["[2001:db8::5]"], "2001:db8::/64"),
        ("10.0.0.1", ['"[2001:db8::5]:4711"'], "2001:db8::/64"),
        ("10.0.0.1", ["198.51.100.7:4711", "10.0.0.2:80"], "198.51.100.7/32"),
        ("10.0.0.1", ["198.51.100.7:1:2"], "unknown"),
        ("10.0.0.1", ["[junk]:1"], "unknown"),
        ("10.0.0.1", [":4711"], "unknown"),
        ("10.0.0.1", ["198.51.100.7", "unknown"], "unknown"),
        (None, ["198.51.100.7"], "198.51.100.7/32"),
    ],
)
def test_proxies_are_believed_as_far_as_they_are_trusted(
    peer: str | None, forwarded_for: list[str], network: str
) -> None:
    assert network_of(peer, forwarded_for, PROXIES) == network


def request_from(peer: str, **headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "client": (peer, 1), "headers": pairs, "method": "GET", "path": "/"})


def warnings_of(networks: ClientNetworks, *requests: Request) -> list[str]:
    with capture_logs() as entries:
        for request in requests:
            # Each in a context of its own, as requests are: the network is noted there.
            copy_context().run(networks.network_of, request)
    return [entry["peer"] for entry in entries if entry["log_level"] == "warning"]


def test_a_header_from_an_untrusted_peer_is_warned_of_once_with_what_to_set() -> None:
    networks = ClientNetworks(PROXIES)
    plain, trusted = request_from("192.0.2.1"), request_from("10.0.0.1", x_forwarded_for="198.51.100.7")
    assert warnings_of(networks, plain, trusted) == []
    untrusted = request_from("192.0.2.1", x_forwarded_for="198.51.100.7")
    assert warnings_of(networks, untrusted, untrusted) == ["192.0.2.1"]
    with capture_logs() as entries:
        copy_context().run(ClientNetworks([]).network_of, untrusted)
    assert "DOORWARD_TRUSTED_PROXIES=192.0.2.1" in entries[0]["remedy"]


@pytest.mark.requirement("BOUND-3")
@pytest.mark.parametrize(
    ("headers", "network"),
    [
        ({"forwarded": "for=198.51.100.7;proto=https"}, "198.51.100.7/32"),
        ({"forwarded": 'for="[2001:db8::5]:4711"'}, "2001:db8::/64"),
        ({"forwarded": "for=203.0.113.9, for=198.51.100.7, for=10.0.0.2"}, "198.51.100.7/32"),
        ({"forwarded": "for=_hidden"}, "unknown"),
        ({"forwarded": "for=203.0.113.9, for=_hidden"}, "unknown"),
        ({"forwarded": 'for=203.0.113.9;x=", for=198.51.100.7'}, "unknown"),
        ({"forwarded": ", ".join(["for=203.0.113.9", *["for=10.0.0.2"] * 100])}, "unknown"),
        ({"x_forwarded_for": ", ".join(["203.0.113.9", *["10.0.0.2"] * 100])}, "unknown"),
        # Both: what they agree in, or what one of them names while the other names nothing.
        (
            {"forwarded": "for=198.51.100.7", "x_forwarded_for": "203.0.113.9, 198.51.100.7"},
            "198.51.100.7/32",
        ),
        ({"forwarded": "for=_hidden", "x_forwarded_for": "198.51.100.7"}, "198.51.100.7/32"),
        ({"forwarded": "for=198.51.100.7", "x_forwarded_for": "junk"}, "198.51.100.7/32"),
        # The client hid what the proxy appended to Forwarded, and wrote the other one itself.
        (
            {"forwarded": 'for=203.0.113.9;x=", for=198.51.100.7', "x_forwarded_for": "203.0.113.9"},
            "10.0.0.1/32",
        ),
        (
            {"forwarded": f"x={'y' * 5_000}, for=198.51.100.7", "x_forwarded_for": "203.0.113.9"},
            "10.0.0.1/32",
        ),
        # One of them was written by the client: neither is believed.
        ({"forwarded": "for=203.0.113.9", "x_forwarded_for": "198.51.100.7"}, "10.0.0.1/32"),
    ],
)
def test_a_proxy_may_report_in_either_header_and_in_both_only_the_same(
    headers: dict[str, str], network: str
) -> None:
    assert ClientNetworks(PROXIES).network_of(request_from("10.0.0.1", **headers)) == network
    assert ClientNetworks(PROXIES).network_of(request_from("192.0.2.1", **headers)) == "192.0.2.1/32"


def test_a_contradiction_is_warned_of_once() -> None:
    both = request_from("10.0.0.1", forwarded="for=203.0.113.9", x_forwarded_for="198.51.100.7")
    assert warnings_of(ClientNetworks(PROXIES), both, both) == ["10.0.0.1"]


def test_forwarded_from_an_untrusted_peer_is_warned_of_too() -> None:
    untrusted = request_from("192.0.2.1", forwarded="for=198.51.100.7")
    assert warnings_of(ClientNetworks(PROXIES), untrusted, untrusted) == ["192.0.2.1"]


@pytest.mark.parametrize("trusted", [True, False])
def test_a_caller_behind_a_proxy_learns_whether_the_proxy_is_trusted(
    new_store: Callable[[], str], *, trusted: bool
) -> None:
    believed = "believed" if trusted else "ignored"
    with running(new_store(), trusted_proxies=["127.0.0.0/8"] if trusted else []) as server:

        def header_for(method: str, **headers: str) -> str | None:
            response = server.http.request(method, f"{server.origin}/token", headers=headers)
            header: str | None = response.headers.get("doorward-forwarded")
            return header

        by_proxy = {"X-Forwarded-For": "198.51.100.7"}
        assert header_for("POST", **by_proxy) == believed
        assert header_for("POST", Forwarded="for=198.51.100.7") == believed
        assert header_for("POST", **by_proxy, Forwarded="for=203.0.113.9") == "ignored"
        assert header_for("POST") is None
        assert header_for("GET", **by_proxy) is None, "what may be cached says nothing about who asked"
