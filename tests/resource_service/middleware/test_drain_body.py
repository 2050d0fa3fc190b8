"""A refusal waits for the body of its request, but not without a limit."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from resource_service.middleware.drain_body import MAX_BYTES
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service

BODY = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
SOON_S = 0.3


@contextmanager
def posting(service: Service, length: int, *headers: str) -> Iterator[socket.socket]:
    """A connection on which a request without a token has been sent, but for its body."""
    place = urlsplit(service.origin)
    lines = ["POST /mcp HTTP/1.1", f"Host: {place.netloc}", f"Content-Length: {length}", *headers, "", ""]
    with socket.create_connection((place.hostname, place.port), 20) as connection:
        connection.sendall("\r\n".join(lines).encode())
        yield connection


def says_nothing(connection: socket.socket) -> bool:
    connection.settimeout(SOON_S)
    try:
        return not connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(20)


@pytest.mark.requirement("RS-2")
def test_a_refusal_comes_once_the_body_is_here(service: Service, issuer: AuthorizationServer) -> None:
    with posting(service, len(BODY)) as connection:
        connection.sendall(BODY[:10])
        assert says_nothing(connection)
        connection.sendall(BODY[10:])
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


@pytest.mark.requirement("RS-2")
def test_a_body_that_never_comes_is_not_waited_for_forever(
    service: Service, issuer: AuthorizationServer
) -> None:
    with posting(service, len(BODY)) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


@pytest.mark.requirement("RS-2")
def test_a_long_body_is_not_waited_for(service: Service, issuer: AuthorizationServer) -> None:
    with posting(service, 100 * MAX_BYTES) as connection:
        connection.sendall(b" " * (MAX_BYTES + 1))
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


@pytest.mark.requirement("RS-2")
def test_a_client_that_waits_to_be_asked_for_its_body_is_not_asked(
    service: Service, issuer: AuthorizationServer
) -> None:
    with posting(service, len(BODY), "Expect: 100-continue") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")
