"""Special-use addresses, to which no request of a stranger may direct this server (RFC 6890 §2.2).

The tables copy IANA's special-purpose registries, because the result of `ipaddress.is_global` depends on the
Python release.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_IPV4 = {
    IPv4Network(network): use
    for network, use in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier's customers"),
        ("127.0.0.0/8", "loopback"),
        # In one cloud, the metadata service has a public address.
        ("168.63.129.16/32", "a cloud's own"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT"),
        ("192.88.99.0/24", "6to4 relays"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarks"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
}

# RFC 4291 §2.4: nothing outside of this block is global unicast today. It leaves out, among others, loopback,
# link-local, unique local and multicast addresses, and IPv4 addresses in mapped or compatible form.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_IPV6 = {
    IPv6Network(network): use
    for network, use in (
        ("2001::/23", "protocol assignments, Teredo"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
    )
}

# RFC 6052 §2.1: how a host without IPv4 reaches an IPv4 address; the special uses are those of that address.
_NAT64 = IPv6Network("64:ff9b::/96")


def special_use(address: Address) -> str | None:
    """Return the special use of `address`; None for an address of the public Internet."""
    if isinstance(address, IPv4Address):
        return _first(_IPV4, address)
    if address in _NAT64:
        return special_use(IPv4Address(address.packed[-4:]))
    if address not in _GLOBAL_UNICAST:
        return "not global unicast"
    return _first(_IPV6, address)


def _first(networks: dict[IPv4Network, str] | dict[IPv6Network, str], address: Address) -> str | None:
    return next((use for network, use in networks.items() if address in network), None)
