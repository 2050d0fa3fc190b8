"""A server process and its clients: tracks requests, and routes each message of the server."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass

from resource_service.gateway import messages
from resource_service.gateway.errors import failed, too_busy
from resource_service.gateway.event_log import EventLog, Stream
from resource_service.gateway.messages import Json, RequestId
from resource_service.gateway.process import ProcessEndedError, ServerProcess, TooLong
from resource_service.gateway.process_lease import ProcessLease
from resource_service.gateway.stderr import printable
from resource_service.introspection.leases import Ending
from resource_service.messages import garbled
from resource_service.principal import PrincipalKey
from resource_service.reasons import Reason
from shared.logs import current_request_id, get_logger

MAX_PENDING = 256
LAST_WORDS_S = 0.5
REMEMBERED_KEYS = 1_024
"""For abandoned calls: their late answers must not affect other calls."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pending:
    """A request without an answer yet.

    Attributes:
        request_id: as the client wrote it; so is `progress_token`.
        asked_in: the id of the HTTP request that contained it.
    """

    stream: Stream
    method: str
    request_id: RequestId
    progress_token: RequestId | None
    asked_in: str


class StdioConnection(ABC):
    """One process for one principal. Either side can end it.

    Attributes:
        owner: the only principal that ever reaches it.
        used_at: when it was last used, by the event loop's clock.
        ended: whether it no longer accepts requests.
        tenure: the tokens that keep it running.
        on_end: callbacks for when it has ended.
        key_version: of the API key in its environment; None if it has none.
    """

    def __init__(self, process: ServerProcess, owner: PrincipalKey) -> None:
        self.owner = owner
        self.process = process
        self.event_log = EventLog()
        self.pending: dict[Hashable, Pending] = {}
        self.tenure = ProcessLease(self.end_for)
        self.on_end: list[Callable[[], None]] = [self.tenure.close]
        self.used_at = asyncio.get_running_loop().time()
        self.ended = False
        self.key_version: str | None = None
        self._holders = 0
        self._request_count = 0
        self._over: deque[Hashable] = deque(maxlen=REMEMBERED_KEYS)
        self._ending: asyncio.Task[None] | None = None
        # A separate context: its log lines do not belong to the request that happened to start it.
        self._pump = asyncio.create_task(self._run(), context=Context())

    @property
    def held(self) -> bool:
        """Whether a client is connected."""
        return self._holders > 0

    @property
    def unused(self) -> bool:
        """Whether it can be ended without harm: no client is connected and no answer is pending."""
        return not self._holders and not self.pending

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Mark a client as connected for the length of the context."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            self.used_at = asyncio.get_running_loop().time()

    async def close(self) -> None:
        """End the process; pending requests get an error."""
        self.ended = True
        await self.process.terminate()
        done, _ = await asyncio.wait({self._pump}, timeout=LAST_WORDS_S)
        if not done:
            self._pump.cancel()
            await asyncio.wait({self._pump})

    def end_for(self, ending: Ending) -> None:
        """End the process in the background; it accepts nothing any longer."""
        self.ended = True
        _log.info(
            "MCP server ended with its token",
            reason=ending.value,
            reason_code=ending.reason.code,
            pid=self.process.pid,
        )
        self._ending = asyncio.create_task(self.close(), context=Context())

    async def notify(self, line: bytes) -> None:
        """Send a message that needs no answer to the server.

        Raises:
            Refusal: the server has exited.
        """
        self.used_at = asyncio.get_running_loop().time()
        try:
            if self.ended:
                raise ProcessEndedError
            await self.process.write(line)
        except ProcessEndedError as error:
            raise failed(Reason.COMMAND_ENDED, f"the process {self.process.pid} has ended") from error

    async def _ask(self, key: Hashable, line: bytes, message: Json) -> Pending:
        """Send the request `message`, serialized as `line`; `key` identifies its answer.

        Raises:
            Refusal: the server has exited, or has too many pending requests.
        """
        if self.ended:
            raise failed(Reason.COMMAND_ENDED, f"the process {self.process.pid} has ended")
        if len(self.pending) >= MAX_PENDING:
            detail = f"the fixed limit on requests in progress is reached: {MAX_PENDING} for one process"
            raise too_busy(f"{detail} (process {self.process.pid})")
        self._request_count += 1
        self.used_at = asyncio.get_running_loop().time()
        pending = Pending(
            stream=self.event_log.open(f"r{self._request_count}"),
            method=message["method"],
            request_id=message["id"],
            progress_token=messages.progress_token_of(message),
            asked_in=current_request_id.get(),
        )
        self.pending[key] = pending
        try:
            await self.process.write(line)
        except ProcessEndedError:
            # The end of the process answers all pending requests; this ensures that it ends.
            self._ending = asyncio.create_task(self.process.terminate(), context=Context())
        except BaseException:
            self.forget(pending)
            raise
        return pending

    def forget(self, pending: Pending) -> None:
        """Drop a request that no client waits for."""
        self._over.extend(key for key, other in self.pending.items() if other is pending)
        self.pending = {key: other for key, other in self.pending.items() if other is not pending}
        self.event_log.discard(pending.stream)

    @abstractmethod
    async def _route(self, message: Json) -> None:
        """Deliver a message of the server to its stream."""

    async def _run(self) -> None:
        try:
            async for line in self.process.lines():
                if isinstance(line, TooLong):
                    self._lose(
                        line.excerpt,
                        Reason.COMMAND_OUTPUT_TOO_LARGE,
                        "it is larger than DOORWARD_STDIO_MAX_MESSAGE_BYTES",
                    )
                else:
                    await self._take(line)
        finally:
            await self._finish()

    async def _take(self, line: bytes) -> None:
        message = messages.read_line(line)
        if message is not None and messages.kind_of(message) is not None:
            self.used_at = asyncio.get_running_loop().time()
            await self._route(message)
        elif line.strip():
            self._lose(line, Reason.COMMAND_OUTPUT_UNREADABLE, garbled.reason_for(line))

    def _lose(self, line: bytes, reason: Reason, fault: str) -> None:
        """Handle a line that is not a message; if it was meant as an answer, fail the calls that await it."""
        text = printable(line, self.process.secret)
        _log.info("MCP server wrote an invalid message", pid=self.process.pid, reason=fault, line=text)
        if garbled.is_lost_answer(line):
            key = self._key_of(garbled.recovered_id(line))
            message = f"The MCP server sent a malformed response: {fault}."
            if key in self.pending:  # even if an earlier call, which is over, had the same id
                self.fail([key], reason, message)
            elif key not in self._over:
                self.fail(list(self.pending), reason, message)

    def _misaddressed(self, message: Json) -> None:
        """Handle an answer with an unknown id: it is a late one, or some call has lost its answer."""
        if self._key_of(message["id"]) in self._over:
            return
        alike = self._key_of(garbled.of_other_type(message["id"]))
        keys = [alike] if alike in self.pending else list(self.pending)
        self.fail(
            keys,
            Reason.COMMAND_OUTPUT_UNREADABLE,
            "The MCP server answered with an unknown request id.",
        )

    def give_up_silent(self, silence_s: float) -> None:
        """Fail the calls about which the server has been silent for too long."""
        before = time.monotonic() - silence_s
        keys = [key for key, pending in self.pending.items() if pending.stream.heard_at < before]
        self.fail(keys, Reason.UPSTREAM_TIMEOUT, "The MCP server did not respond in time.")

    def fail(
        self, keys: Iterable[Hashable], reason: Reason, text: str, *, code: int = messages.INTERNAL_ERROR
    ) -> None:
        """Answer calls with an error in the server's place; their ids become free."""
        for key in keys:
            pending = self.pending.pop(key)
            self._over.append(key)
            self._log_cut_off(pending, reason, text)
            data = {"request_id": pending.asked_in, "reason_code": reason.code}
            answer = messages.error(pending.request_id, code, text, data)
            self.event_log.add(pending.stream, messages.write_line(answer), last=True)

    @abstractmethod
    def _key_of(self, answered: RequestId | None) -> Hashable:
        """Return the key of the call that a server's answer with this id belongs to."""

    async def _finish(self) -> None:
        """Fail all pending calls, and make sure that the process ends."""
        self.ended = True
        await self.process.exited(within_s=LAST_WORDS_S)  # so that the exit status can be logged
        text = "The MCP server exited before it responded."
        self.fail(list(self.pending), Reason.COMMAND_ENDED, text, code=messages.CONNECTION_CLOSED)
        self.event_log.close()
        for callback in self.on_end:
            callback()
        await self.process.terminate()

    def _log_cut_off(self, pending: Pending, reason: Reason, text: str) -> None:
        _log.warning(
            "request cut off",
            reason=text,
            reason_code=reason.code,
            pid=self.process.pid,
            exit_status=self.process.exit_status,
            method=pending.method,
            request_id=pending.asked_in,
        )
