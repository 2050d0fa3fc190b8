"""Run services side by side until a stop signal, or until one of them ends by itself."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from http import HTTPStatus
from http.client import HTTPException

from shared.cli.child import Child, Service, running
from shared.cli.console import CommandError, NegativeResultError
from shared.cli.health import status_of

START_TIMEOUT_S = 60.0
STOP_GRACE_S = 8.0
_POLL_S = 0.1
_ANSWER_TIMEOUT_S = 2.0
Goal = Coroutine[None, None, object]


class Replacement:
    """Replaces the services that `supervise` runs, at the request of another task of the same loop."""

    def __init__(self) -> None:
        self._requests: asyncio.Queue[Sequence[Service]] = asyncio.Queue()
        self._ready = asyncio.Event()

    async def replace(self, services: Sequence[Service]) -> None:
        """Stop the running services, start `services`, and return when they are healthy."""
        self._ready.clear()
        self._requests.put_nowait(services)
        await self._ready.wait()

    async def requested(self) -> Sequence[Service]:
        """Wait for the services to run instead."""
        return await self._requests.get()

    def done(self) -> None:
        """Note that the services are healthy."""
        self._ready.set()


async def _nothing() -> None:
    """Do nothing while the services start."""


async def supervise(
    services: Sequence[Service],
    on_ready: Callable[[], None],
    replacement: Replacement | None = None,
    while_starting: Callable[[], Awaitable[None]] = _nothing,
) -> None:
    """Run `services` until SIGINT, SIGTERM or SIGHUP, and stop all of them.

    Args:
        on_ready: called once, when all services are healthy.
        replacement: may replace the services meanwhile.
        while_starting: awaited once, after the processes of the services were created and before `on_ready`.

    Raises:
        CommandError: a service ended by itself, or was not healthy within `START_TIMEOUT_S`.
    """
    stop, replacement = _stop_signal(), replacement or Replacement()
    next_services = await _run(stop, services, replacement, on_ready=on_ready, while_starting=while_starting)
    while next_services:
        next_services = await _run(stop, next_services, replacement, on_ready=replacement.done)


async def _run(
    stop: asyncio.Event,
    services: Sequence[Service],
    replacement: Replacement,
    *,
    on_ready: Callable[[], None],
    while_starting: Callable[[], Awaitable[None]] = _nothing,
) -> Sequence[Service]:
    """Run services until the stop signal, or until others are requested; return these."""
    async with contextlib.AsyncExitStack() as stack:
        children = [
            await stack.enter_async_context(running(service, grace_s=STOP_GRACE_S)) for service in services
        ]
        await while_starting()
        if not await _before(stop, children, _all_healthy(services)):
            return ()
        on_ready()
        requested = asyncio.create_task(replacement.requested())
        try:
            return requested.result() if await _before(stop, children, _awaited(requested)) else ()
        finally:
            requested.cancel()


async def _awaited(task: asyncio.Task[Sequence[Service]]) -> None:
    await asyncio.wait({task})


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # With nohup, SIGHUP stays ignored. SIGINT is also ignored in a script's background job, but it is
        # handled here, because a person who sends it there means it.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop.set)
    return stop


async def _before(stop: asyncio.Event, children: Sequence[Child], goal: Goal) -> bool:
    """Wait for `goal`; return False if the stop signal came first.

    Raises:
        CommandError: a child ended first.
    """
    reached = asyncio.create_task(goal)
    stopped = asyncio.create_task(stop.wait())
    ends = {asyncio.create_task(child.ended()): child for child in children}
    tasks = {reached, stopped, *ends}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            return False
        for end, child in ends.items():
            if end.done():
                raise _ended_by_itself(child, end.result())
        await reached
        return True
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _ended_by_itself(child: Child, status: int) -> CommandError:
    service = child.service
    heading = f"the {service.name} exited unexpectedly (status {status}); the end of {service.log}:"
    return NegativeResultError("\n  ".join((heading, *child.last_lines)))


async def _all_healthy(services: Sequence[Service]) -> None:
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            await asyncio.gather(*map(_healthy, services))
    except TimeoutError:
        logs = " and ".join(str(service.log) for service in services)
        raise NegativeResultError(
            f"the services were not ready within {START_TIMEOUT_S:.0f} s; see {logs}"
        ) from None


async def _healthy(service: Service) -> None:
    while True:
        if await asyncio.to_thread(_status, service) == HTTPStatus.OK:
            return
        await asyncio.sleep(_POLL_S)


def _status(service: Service) -> int | None:
    with contextlib.suppress(OSError, HTTPException):
        return status_of(service.health_url, _ANSWER_TIMEOUT_S, service.ca_file)
    return None
