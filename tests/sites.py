"""Web servers of strangers, on loopback: they answer byte for byte as told, and note anyone who connects."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from auth_service.protocol.special_addresses import Address
from tests.servers import wait_until

HOST = "client.example"
HERE = IPv4Address("127.0.0.1")

Answer = Callable[[socket.socket, threading.Event], None]
"""Writes an answer to a connection; ends early when the event says that the site is closing."""


@dataclass
class Contact:
    """One connection that was accepted.

    Attributes:
        port: of the other side.
        request: method, path and so on, the first line; empty if nothing legible came.
        headers: by name in lower case.
        server_name: what the TLS handshake asked for (RFC 6066 §3).
    """

    port: int
    request: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    server_name: str | None = None


class Site:
    """A site.

    Args:
        context: for TLS; None for plain http.

    Attributes:
        answers: path to what is answered there; 404 for what is not listed.
    """

    def __init__(self, context: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self._context = context
        self._listener = socket.create_server((host, port))
        self._closing = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        self.answers: dict[str, Answer] = {}
        self._contacts: list[Contact] = []
        self._markers: set[int] = set()

    def contacts(self) -> list[Contact]:
        """Everyone who has connected, in order; also anyone who did so a moment ago and is not served yet."""
        with socket.create_connection(self._listener.getsockname()[:2]) as marker:
            port = marker.getsockname()[1]
            self._markers.add(port)
            # Connections are accepted in the order in which they were made.
            wait_until(lambda: any(contact.port == port for contact in list(self._contacts)))
        return [contact for contact in list(self._contacts) if contact.port not in self._markers]

    def serve(self) -> None:
        """Accept connections until the site is closed."""
        while not self._closing.is_set():
            with suppress(OSError):
                connection, peer = self._listener.accept()
                contact = Contact(peer[1])
                self._contacts.append(contact)
                threading.Thread(target=self._attend, args=(connection, contact), daemon=True).start()

    def close(self) -> None:
        """Accept no more, and let go of anyone who is still being answered."""
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _attend(self, connection: socket.socket, contact: Contact) -> None:
        connection.settimeout(10)
        with suppress(OSError), self._secured(connection, contact) as stream:
            _read_request(stream, contact)
            path = contact.request.split(" ")[1] if contact.request else ""
            self.answers.get(path, NOT_FOUND)(stream, self._closing)

    def _secured(self, connection: socket.socket, contact: Contact) -> socket.socket:
        if self._context is None:
            return connection

        def note(_socket: object, name: str | None, _context: object) -> None:
            contact.server_name = name

        with connection:
            self._context.sni_callback = note
            return self._context.wrap_socket(connection, server_side=True)


def _read_request(stream: socket.socket, contact: Contact) -> None:
    received = b""
    while b"\r\n\r\n" not in received and (chunk := stream.recv(65_536)):
        received += chunk
    head, _, contact.body = received.partition(b"\r\n\r\n")
    contact.request, *lines = head.decode("latin-1").split("\r\n")
    contact.headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    while len(contact.body) < int(contact.headers.get("content-length", 0)):
        contact.body += stream.recv(65_536)


def raw(*parts: bytes) -> Answer:
    """Exactly these bytes."""
    return lambda stream, _closing: stream.sendall(b"".join(parts))


def answer(
    body: bytes, *, status: str = "200 OK", headers: Mapping[str, str] | None = None, length: bool = True
) -> Answer:
    """An answer with a Content-Length, or one that ends when the connection does."""
    members = {"Content-Type": "application/json", **(headers or {})}
    if length:
        members["Content-Length"] = str(len(body))
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in members.items()), "", ""]
    return raw("\r\n".join(lines).encode(), body)


def document(members: object, **headers: str) -> Answer:
    """A JSON document; `headers` with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(json.dumps(members).encode(), headers=named)


def dripping(head: bytes, *, every_s: float) -> Answer:
    """`head` at once, then a byte now and then, for as long as anybody listens."""

    def drip(stream: socket.socket, closing: threading.Event) -> None:
        stream.sendall(head)
        while not closing.wait(every_s):
            stream.sendall(b" ")

    return drip


NOT_FOUND = answer(b"{}", status="404 Not Found")


@contextmanager
def site(context: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0) -> Iterator[Site]:
    """A running `Site` for the length of the context."""
    running = Site(context, host, port)
    thread = threading.Thread(target=running.serve, name="site", daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.close()
        thread.join()


class Names:
    """A resolver that answers as told, and counts."""

    def __init__(self, answers: dict[str, list[Address]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("no such name")
        return self.answers[host]
