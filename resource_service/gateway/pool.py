"""The process pool of one command: processes are started for a principal, counted, and ended when unused."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from subprocess import SubprocessError
from typing import TypeVar

import anyio
from starlette.types import Scope

from resource_service.gateway.environment import environment_for
from resource_service.gateway.errors import failed, too_busy
from resource_service.gateway.process import MAX_MESSAGE_BYTES, ServerProcess
from resource_service.gateway.process_account import ProcessAccount, process_account
from resource_service.gateway.stdio_connection import StdioConnection
from resource_service.introspection.lease_scope import lease_in
from resource_service.limits.person_slots import PersonSlots
from resource_service.limits.slots import Slot
from resource_service.principal import PersonKey, Principal, PrincipalKey, person_of, principal_in
from resource_service.reasons import Reason
from resource_service.targets import StdioTarget
from shared.logs import get_logger

LOOK_EVERY_S = 1.0

_log = get_logger(__name__)
Kind = TypeVar("Kind", bound=StdioConnection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on the processes of one command.

    Attributes:
        processes: the maximum number of running processes, `per_principal` of them for one person across all
            clients.
        idle_s: how long an unused process is kept.
        renewal_s: how long a process is kept after its last token has expired.
        silence_s: how long a server may send nothing about a call.
        max_message_bytes: the maximum size of a message from a process.
    """

    processes: int
    per_principal: int
    idle_s: float
    renewal_s: float
    silence_s: float = 3_600.0
    max_message_bytes: int = MAX_MESSAGE_BYTES


class ProcessPool:
    """Starts and ends the processes of `target` inside the context of `run`.

    Args:
        forwarded_environment: additional environment variables for the processes.
        common_share: the processes of each person at all processes of this service; None if they share no
            store.
        isolated: whether no process can read the environment of another one.
        key_variable: the environment variable in which a process gets the API key of its person.
    """

    def __init__(
        self,
        target: StdioTarget,
        limits: Limits,
        forwarded_environment: Mapping[str, str],
        common_share: PersonSlots | None = None,
        *,
        isolated: bool = False,
        key_variable: str | None = None,
    ) -> None:
        if key_variable is not None and not isolated:
            raise ValueError("an API key needs an isolated process")
        self._isolated = isolated
        self._key_variable = key_variable
        self._target = target
        self._limits = limits
        self._forwarded_environment = forwarded_environment
        self._common_share = common_share
        self._open: set[StdioConnection] = set()
        self._starting: Counter[PersonKey] = Counter()

    @property
    def size(self) -> int:
        """How many processes run."""
        return len(self._open)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Run the pool; leaving the context ends all processes."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._end_idle_ones)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    await _end(self._open)

    async def start(self, scope: Scope, converse: Callable[[ServerProcess, PrincipalKey], Kind]) -> Kind:
        """Start a process for the sole use of the principal of the request of `scope`.

        Raises:
            Refusal: all processes are in use, or a new one cannot be started.
        """
        principal = principal_in(scope)
        account = None if self._key_variable is None else process_account(scope)
        try:
            connection = await self._start(principal, converse, account)
        except BaseException:
            if account is not None:
                account.close()
            raise
        if account is not None:
            account.bind(connection)
        self.renew(connection, scope)
        return connection

    async def _start(
        self,
        principal: Principal,
        converse: Callable[[ServerProcess, PrincipalKey], Kind],
        account: ProcessAccount | None,
    ) -> Kind:
        person = principal.person
        spare = self._spare(person)
        self._open -= set(spare)
        self._starting[person] += 1
        try:
            await _end(spare)
            slot = await self._common_slot(person)
            try:
                connection = await self._started(principal, converse, account)
            except BaseException:
                self._free(slot)
                raise
        finally:
            self._starting -= Counter([person])
        self._open.add(connection)
        connection.on_end.append(lambda: self._open.discard(connection))
        connection.on_end.append(lambda: self._free(slot))
        return connection

    async def _started(
        self,
        principal: Principal,
        converse: Callable[[ServerProcess, PrincipalKey], Kind],
        account: ProcessAccount | None,
    ) -> Kind:
        key = {} if account is None or self._key_variable is None else {self._key_variable: account.key}
        try:
            process = await ServerProcess.start(
                self._target.arguments,
                environment_for(principal, {**self._forwarded_environment, **key}),
                max_message_bytes=self._limits.max_message_bytes,
                isolated=self._isolated,
                secret=None if account is None else account.key,
            )
        except (OSError, SubprocessError) as error:
            raise failed(
                Reason.COMMAND_NOT_STARTED, f"{self._target.log_name} cannot be started: {error}"
            ) from error
        return converse(process, principal.key)

    async def _common_slot(self, person: PersonKey) -> Slot | None:
        """Occupy a slot over all processes of the service; None if they do not count together.

        Raises:
            Refusal: the person has reached the limit, and uses every process.
        """
        if self._common_share is None:
            return None
        slot = await self._common_share.take(person, make_room=lambda: self._end_unused_one(person))
        if slot is None:
            detail = f"{person} has reached DOORWARD_STDIO_PROCESSES_PER_PRINCIPAL"
            raise too_busy(f"{detail} with {self._target.log_name}, over all processes of this service")
        return slot

    def _free(self, slot: Slot | None) -> None:
        if self._common_share is not None and slot is not None:
            self._common_share.free(slot)

    async def _end_unused_one(self, person: PersonKey) -> None:
        """End the longest unused process of a person, if there is one."""
        ended = _longest_unused([c for c in self._open if person_of(c.owner) == person], 1) or []
        self._open -= set(ended)
        await _end(ended)

    async def _end_those_asked_for(self) -> None:
        """End an unused process of each person who needs one elsewhere."""
        if self._common_share is None:
            return
        for person in {person_of(connection.owner) for connection in self._open if connection.unused}:
            if await self._common_share.is_asked_to_free_one(person):
                await self._end_unused_one(person)

    def renew(self, connection: StdioConnection, scope: Scope) -> None:
        """Keep a process running as long as the token of the request of `scope` is valid."""
        connection.tenure.renew(*lease_in(scope), extra_s=self._limits.renewal_s)

    def _spare(self, newcomer: PersonKey) -> list[StdioConnection]:
        """Return the processes to end to make room for one more: unused ones, the longest unused first."""
        own = [c for c in self._open if person_of(c.owner) == newcomer]
        spare = _longest_unused(own, len(own) + self._starting[newcomer] + 1 - self._limits.per_principal)
        if spare is None:
            detail = f"{newcomer} has reached DOORWARD_STDIO_PROCESSES_PER_PRINCIPAL"
            raise too_busy(f"{detail}: {len(own)} processes of {self._target.log_name} are in use")
        total = len(self._open) + self._starting.total() - len(spare)
        more = _longest_unused(self._open - set(spare), total + 1 - self._limits.processes)
        if more is None:
            detail = "DOORWARD_STDIO_PROCESSES is reached"
            raise too_busy(f"{detail}: {len(self._open)} processes of {self._target.log_name} are in use")
        return [*spare, *more]

    async def _end_idle_ones(self) -> None:
        while True:
            await anyio.sleep(min(LOOK_EVERY_S, self._limits.idle_s / 4, self._limits.silence_s / 4))
            for connection in self._open:
                connection.give_up_silent(self._limits.silence_s)
            before = asyncio.get_running_loop().time() - self._limits.idle_s
            idle = [
                connection for connection in self._open if not connection.held and connection.used_at < before
            ]
            for connection in idle:
                _log.info("MCP server idle", pid=connection.process.pid, idle_s=self._limits.idle_s)
            await _end(idle)
            await self._end_those_asked_for()


def _longest_unused(connections: Iterable[StdioConnection], count: int) -> list[StdioConnection] | None:
    """Return the `count` longest-unused connections; None if fewer are unused."""
    unused = sorted(
        (connection for connection in connections if connection.unused),
        key=lambda connection: connection.used_at,
    )
    return unused[: max(count, 0)] if len(unused) >= count else None


async def _end(connections: Iterable[StdioConnection]) -> None:
    await asyncio.gather(*(connection.close() for connection in list(connections)))
