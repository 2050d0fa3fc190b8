"""A server process and those who talk to it: who asked what, and to whom each of its messages goes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass

from resource_service.gateway import messages
from resource_service.gateway.messages import Json, RequestId
from resource_service.gateway.outbox import Outbox, Stream
from resource_service.gateway.process import ProcessEndedError, ServerProcess
from resource_service.gateway.refusals import failed, too_busy
from resource_service.gateway.stderr import printable
from resource_service.gateway.tenure import Tenure
from resource_service.introspection.leases import Ending
from resource_service.principal import PrincipalKey
from shared.logs import current_request_id, get_logger

MAX_PENDING = 256
LAST_WORDS_S = 0.5

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """A request that the server has yet to answer.

    Attributes:
        request_id: as the client wrote it; so is `progress_token`.
        asked_in: the id of the HTTP request that brought it.
    """

    stream: Stream
    method: str
    request_id: RequestId
    progress_token: RequestId | None
    asked_in: str


class Conversation(ABC):
    """One process, for one principal. It ends when either side ends it.

    Attributes:
        owner: nobody else ever gets to it.
        used_at: when anybody last had to do with it, by the event loop's clock.
        ended: it takes no more requests.
        tenure: the tokens that keep it.
        on_end: called once it has ended.
    """

    def __init__(self, process: ServerProcess, owner: PrincipalKey) -> None:
        self.owner = owner
        self.process = process
        self.outbox = Outbox()
        self.pending: dict[Hashable, Pending] = {}
        self.tenure = Tenure(self._end_for)
        self.on_end: list[Callable[[], None]] = [self.tenure.close]
        self.used_at = asyncio.get_running_loop().time()
        self.ended = False
        self._holders = 0
        self._asked = 0
        self._ending: asyncio.Task[None] | None = None
        # A context of its own: what it logs is not about the request that happened to start it.
        self._pump = asyncio.create_task(self._run(), context=Context())

    @property
    def held(self) -> bool:
        """Whether a client is connected."""
        return self._holders > 0

    @property
    def unused(self) -> bool:
        """Whether nobody would miss it at once: no client is connected and no answer is awaited."""
        return not self._holders and not self.pending

    @contextmanager
    def hold(self) -> Iterator[None]:
        """A client is connected for the length of the context."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            self.used_at = asyncio.get_running_loop().time()

    async def end(self) -> None:
        """End the process; whoever waits for an answer is told."""
        self.ended = True
        await self.process.end()
        done, _ = await asyncio.wait({self._pump}, timeout=LAST_WORDS_S)
        if not done:
            self._pump.cancel()
            await asyncio.wait({self._pump})

    def _end_for(self, ending: Ending) -> None:
        _log.info("MCP server ended with its token", reason=ending.value, pid=self.process.pid)
        self._ending = asyncio.create_task(self.end(), context=Context())

    async def say(self, line: bytes) -> None:
        """Hand the server a message that asks for no answer.

        Raises:
            Refusal: the server has gone.
        """
        self.used_at = asyncio.get_running_loop().time()
        try:
            if self.ended:
                raise ProcessEndedError
            await self.process.write(line)
        except ProcessEndedError as error:
            raise failed(f"the process {self.process.pid} has ended") from error

    async def _ask(self, key: Hashable, line: bytes, message: Json) -> Pending:
        """Hand the server the request `message`, written as `line`; `key` will tell its answer.

        Raises:
            Refusal: the server has gone, or has too much to do already.
        """
        if self.ended:
            raise failed(f"the process {self.process.pid} has ended")
        if len(self.pending) >= MAX_PENDING:
            raise too_busy(f"{MAX_PENDING} requests await an answer of process {self.process.pid}")
        self._asked += 1
        self.used_at = asyncio.get_running_loop().time()
        pending = Pending(
            self.outbox.open(f"r{self._asked}"),
            message["method"],
            message["id"],
            messages.progress_token_of(message),
            current_request_id.get(),
        )
        self.pending[key] = pending
        try:
            await self.process.write(line)
        except ProcessEndedError:
            # Its end answers whatever is pending; this makes sure that it comes.
            self._ending = asyncio.create_task(self.process.end(), context=Context())
        except BaseException:
            self.forget(pending)
            raise
        return pending

    def forget(self, pending: Pending) -> None:
        """Nobody waits for the answer any more."""
        self.pending = {key: other for key, other in self.pending.items() if other is not pending}
        self.outbox.discard(pending.stream)

    @abstractmethod
    async def _route(self, message: Json, line: bytes) -> None:
        """Put a message of the server where it belongs."""

    async def _run(self) -> None:
        try:
            async for line in self.process.lines():
                await self._take(line)
        except ValueError as error:
            _log.warning("MCP server broke the protocol", pid=self.process.pid, reason=str(error))
        finally:
            await self._finish()

    async def _take(self, line: bytes) -> None:
        message = messages.read_line(line)
        if message is not None and messages.kind_of(message) is not None:
            self.used_at = asyncio.get_running_loop().time()
            await self._route(message, line.strip())
        elif line.strip():
            _log.info("MCP server wrote what is no message", pid=self.process.pid, line=printable(line))

    async def _finish(self) -> None:
        """Tell all who wait, and make sure that the process ends."""
        self.ended = True
        await self.process.exited(within_s=LAST_WORDS_S)  # so that the log can say how
        for pending in self.pending.values():
            _log.warning(
                "request cut off",
                reason="the MCP server ended",
                pid=self.process.pid,
                exit_status=self.process.exit_status,
                method=pending.method,
                request_id=pending.asked_in,
            )
            self.outbox.add(pending.stream, messages.write_line(_cut_off(pending)), last=True)
        self.pending = {}
        self.outbox.close()
        for callback in self.on_end:
            callback()
        await self.process.end()


def _cut_off(pending: Pending) -> Json:
    text = "The MCP server ended before it had answered."
    return messages.error(
        pending.request_id, messages.CONNECTION_CLOSED, text, {"request_id": pending.asked_in}
    )
