"""HTTP by hand: requests that no client library would send."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.auth_service.service import AuthorizationServer

ANSWER_WITHIN_S = 20
ODD_NETWORK = "127.0.0.77"
"""The network of these requests, so that their rate limits affect no other test."""


@dataclass(frozen=True)
class Answer:
    """The response; status 0 if the connection was closed without one."""

    status: int
    headers: dict[str, str]
    body: str


def send(server: AuthorizationServer, request: bytes) -> Answer:
    """Send `request` as it is and read until the server closes the connection, which it must ask for."""
    place = urlsplit(server.origin)
    there, here = (place.hostname, place.port), (ODD_NETWORK, 0)
    with socket.create_connection(there, ANSWER_WITHIN_S, here) as connection:
        connection.sendall(request)
        received = bytearray()
        try:
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionResetError:
            pass  # it had heard enough
    return _parsed(bytes(received))


def request_bytes(
    method: str, target: str | bytes, headers: list[tuple[str, bytes]], body: bytes = b""
) -> bytes:
    """A request over one connection, well-formed but for what is put into it."""
    raw_target = target if isinstance(target, bytes) else target.encode()
    lines = [method.encode() + b" " + raw_target + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close"]
    lines += [name.encode() + b": " + value for name, value in headers]
    if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _parsed(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    if not status_line:
        return Answer(0, {}, "")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    return Answer(int(status_line.split(" ")[1]), headers, body.decode("utf-8", "replace"))
