"""A request to the fork server: one message on a stream socket, with file descriptors."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass

PID_BYTES = 4
"""The process id in the response."""
_LENGTH_BYTES = 4
_DESCRIPTORS = 4


@dataclass(frozen=True, kw_only=True)
class Request:
    """A Python program to run.

    Attributes:
        module: to run as ``python -m`` does.
        arguments: what follows it on the command line.
        strict: whether warnings are errors, as with ``-W error``.
        cheap_hashes: whether it hashes passwords in under a millisecond.
        new_session: whether it leads a session of its own.
        executable: the program that it takes for the interpreter, to start others with; empty: the real one.
    """

    module: str
    arguments: list[str]
    environment: dict[str, str]
    directory: str
    strict: bool
    cheap_hashes: bool
    new_session: bool = False
    executable: str = ""


@dataclass(frozen=True, kw_only=True)
class Descriptors:
    """The standard streams of the program, and where its exit status is to be written."""

    stdin: int
    stdout: int
    stderr: int
    status: int


def send(channel: socket.socket, request: Request, descriptors: Descriptors) -> None:
    """Send a request."""
    text = json.dumps(asdict(request)).encode()
    length = len(text).to_bytes(_LENGTH_BYTES, "big")
    socket.send_fds(channel, [length], list(asdict(descriptors).values()))
    channel.sendall(text)


def receive(channel: socket.socket) -> tuple[Request, Descriptors] | None:
    """The next request; None once the other end is closed."""
    try:
        length, descriptors, _flags, _address = socket.recv_fds(channel, _LENGTH_BYTES, _DESCRIPTORS)
    except ConnectionResetError:  # a launcher was killed before it had read the process id
        return None
    if not length:
        return None
    text = channel.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
    stdin, stdout, stderr, status = descriptors
    return Request(**json.loads(text)), Descriptors(stdin=stdin, stdout=stdout, stderr=stderr, status=status)
