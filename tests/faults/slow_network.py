"""A network that delays and cuts: a proxy on loopback in front of one server, or balancing several."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.servers import free_port

CHUNK = 65_536


class SlowNetwork:
    """Passes bytes on, and those towards clients later, where a test says so.

    Attributes:
        port: where it listens.
        targets: the ports behind it, which get connections in turn; one that accepts none is passed over.
        delay_s: how much later the server's bytes arrive.
        only_replicas: whether only replicas get them later: connections that asked for PSYNC.
    """

    def __init__(self, *targets: int, only_replicas: bool = False) -> None:
        self.targets = deque(targets)
        self.port = free_port()
        self.delay_s = 0.0
        self.only_replicas = only_replicas
        self._is_cut = False
        self._loop = asyncio.new_event_loop()
        self._connections: dict[_Connection, tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="slow-network", daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def stop(self) -> None:
        """Cut everything for good."""
        self.cut()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self, *, spare: bytes | None = None) -> None:
        """Break every connection, with what is on its way, and refuse new ones.

        Args:
            spare: leave those on which a client has sent this.
        """
        asyncio.run_coroutine_threadsafe(self._cut(spare), self._loop).result(10)

    def mend(self) -> None:
        """Accept connections again."""
        self._is_cut = False

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _cut(self, spare: bytes | None) -> None:
        self._is_cut = True
        for connection, writers in self._connections.items():
            if spare is None or spare not in connection.greeting:
                for writer in writers:
                    writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        there = await self._open()
        if there is None:
            writer.transport.abort()
            return
        connection = _Connection(self, replica=not self.only_replicas)
        self._connections[connection] = writer, there[1]
        await asyncio.gather(connection.towards_server(reader, there[1]), connection.back(there[0], writer))
        del self._connections[connection]

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        self.targets.rotate()
        for port in tuple(self.targets):
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return None


class _Connection:
    def __init__(self, network: SlowNetwork, *, replica: bool) -> None:
        self._network = network
        self._is_slow = replica
        self.greeting = b""

    async def towards_server(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                self._is_slow = self._is_slow or b"PSYNC" in data
                self.greeting = self.greeting or data
                writer.write(data)
                await writer.drain()
        writer.close()

    async def back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.create_task(_arrive(under_way, writer))
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                delay_s = self._network.delay_s if self._is_slow else 0.0
                under_way.put_nowait((loop.time() + delay_s, data))
        if self._network.delay_s and self._is_slow:
            writer.transport.abort()  # the host is gone, and what it had not delivered
        under_way.put_nowait((loop.time(), b""))
        await arriving


async def _arrive(under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while True:
            due, data = await under_way.get()
            if not data:
                break
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def slow_network(*targets: int, only_replicas: bool = False) -> Iterator[SlowNetwork]:
    """A `SlowNetwork` in front of the servers on the ports `targets`."""
    network = SlowNetwork(*targets, only_replicas=only_replicas)
    network.start()
    try:
        yield network
    finally:
        network.stop()
