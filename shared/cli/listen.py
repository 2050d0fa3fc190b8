"""Choose and check the addresses on which a service listens."""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

from shared.cli.console import CommandError


def loopback_host(port: int, option: str) -> str:
    """Return the host to listen on so that every client reaches the service at ``localhost``.

    Some clients try only 127.0.0.1, others only ::1, so the service listens on both if the machine has both.

    Args:
        option: the command-line option for another port, for the message.

    Raises:
        CommandError: something else listens on the port.
    """
    addresses = {
        address[:2] for *_, address in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)
    }
    usable = [_can_bind(str(host), port, option) for host, _ in addresses]
    return "localhost" if all(usable) else "127.0.0.1"


def check_address(host: str, port: int) -> None:
    """Check that a service can listen on `port` of `host`.

    Raises:
        CommandError: the service cannot; the message says what to do.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CommandError(f"--host {host}: {error.strerror}") from error
    if not any(_can_bind(str(address[0]), port, "--port") for *_, address in addresses):
        raise CommandError(f"--host {host} is not an address of this machine")


def _can_bind(host: str, port: int, option: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"port {port} is used by another program; stop it, or choose another port with {option}"
            ) from error
        if error.errno == errno.EACCES:
            raise CommandError(
                f"port {port} requires more privileges; choose a port above 1023 with {option}"
            ) from error
        return False
    return True


def own_url(host: str, port: int, *, tls: bool) -> str:
    """Return the URL at which other machines reach a service that listens on `host`.

    On all addresses, it is the one that the name of this machine has, as in a container.

    Raises:
        CommandError: other machines do not reach it.
    """
    fault = "DOORWARD_REPLICA_URL=auto: "
    address = _address_in(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        raise CommandError(
            f"{fault}other machines do not reach --host {host}; choose an address of this machine, or 0.0.0.0"
        )
    scheme = "https" if tls else "http"
    if address is None or not address.is_unspecified:
        return f"{scheme}://{_in_url(address or host)}:{port}"
    name = socket.gethostname()
    reachable = [ip for ip in _addresses_of(name, port) if address.version == 6 or ip.version == 4]
    if not reachable:
        raise CommandError(
            f"{fault}the name {name} has no address for other machines;"
            f" set the URL instead, such as {scheme}://10.0.0.5:{port}"
        )
    preferred = min(reachable, key=lambda ip: ip.version != address.version)
    return f"{scheme}://{_in_url(preferred)}:{port}"


def _address_in(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that `host` is; None if it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _addresses_of(name: str, port: int) -> list[IPv4Address | IPv6Address]:
    """Return the addresses of `name` that other machines may reach."""
    try:
        addresses = [address[0] for *_, address in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
    except OSError:
        return []
    return [ip for ip in map(ip_address, addresses) if not (ip.is_loopback or ip.is_link_local)]


def _in_url(host: IPv4Address | IPv6Address | str) -> str:
    return f"[{host}]" if isinstance(host, IPv6Address) else str(host)
