"""The other workers of this service: their private sockets, and connections to them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from shared.http1 import Client, Limits, UnixServer

CONNECT_S = 5.0
SILENCE_S = 86_400.0
"""The other worker limits the silence of its response, and its connections end with it."""

MAX_CONNECTIONS = 1_000


class Siblings:
    """Clients of the other workers.

    Args:
        folder: has one socket for each worker, with its name.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clients: dict[str, Client] = {}

    def client_of(self, worker: str) -> Client | None:
        """Return the client of a worker; None if there is no such worker."""
        path = self._folder / worker
        if worker not in self._clients and path.is_socket():
            limits = Limits(connect_s=CONNECT_S, silence_s=SILENCE_S, connections=MAX_CONNECTIONS)
            self._clients[worker] = Client(UnixServer(str(path), _is_sibling), limits)
        return self._clients.get(worker)

    async def forget(self, worker: str) -> None:
        """Forget a worker that has ended."""
        client = self._clients.pop(worker, None)
        if client is not None:
            await client.__aexit__(None, None, None)
        with suppress(OSError):
            (self._folder / worker).unlink()

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.__aexit__(None, None, None)
        self._clients.clear()


def _is_sibling(process_id: int) -> bool:
    """Check that a process has the same parent as this one.

    A command behind the gateway runs as the same user, and might put its own socket in place of one of ours
    to get tokens. Its parent is a worker.

    Raises:
        OSError: it is unknown, for example because this process has too many files open.
    """
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return int(stat.rpartition(")")[2].split()[1]) == os.getppid()
