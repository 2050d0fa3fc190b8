"""The process that forks: ``python -m tests.forking.server DESCRIPTOR DESCRIPTOR``.

The first is of a socket where requests come in, the second of one that listens for connections.
"""

from __future__ import annotations

import atexit
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
import warnings
from contextlib import suppress
from typing import NoReturn

from auth_service.crypto import passwords
from tests.forking.preload import preload
from tests.forking.request import PID_BYTES, Descriptors, Request, receive
from tests.hashing import CHEAP


class RequestLoop:
    """Forks a process for each request, and writes its exit status where the request says.

    Args:
        channel: requests come in and process ids go out; its end is that of the server and its processes.
        listener: where `tests.forking.launch` connects, for one request; the end of that connection is the
            end of its process.
    """

    def __init__(self, channel: socket.socket, listener: socket.socket) -> None:
        self._channel = channel
        self._listener = listener
        self._statuses: dict[int, int] = {}
        self._launched: dict[socket.socket, int | None] = {}
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._selector = selectors.DefaultSelector()

    def next_child(self) -> Request:
        """Serve until the other end is closed. Returns in the child, and in the child only."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for each in (self._channel, self._listener, self._woken):
            self._selector.register(each, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in self._selector.select()}
            if self._woken in ready:
                self._woken.recv(4096)
                self._collect()
            if self._listener in ready:
                self._connect()
            for connection in (self._channel, *self._launched):
                if connection in ready and (request := self._serve(connection)):
                    return request

    def _connect(self) -> None:
        connection, _ = self._listener.accept()
        self._launched[connection] = None
        self._selector.register(connection, selectors.EVENT_READ)

    def _serve(self, connection: socket.socket) -> Request | None:
        """Fork as the next request says; returns it in the child."""
        received = receive(connection)
        if received is None:
            self._disconnect(connection)
            return None
        request, descriptors = received
        pid = os.fork()
        if pid == 0:
            self._leave()
            _become(request, descriptors)
            return request
        for descriptor in (descriptors.stdin, descriptors.stdout, descriptors.stderr):
            os.close(descriptor)
        self._statuses[pid] = descriptors.status
        if connection in self._launched:
            self._launched[connection] = pid
        with suppress(BrokenPipeError):
            connection.sendall(pid.to_bytes(PID_BYTES, "big"))
        return None

    def _disconnect(self, connection: socket.socket) -> None:
        if connection is self._channel:
            self._end()
        self._selector.unregister(connection)
        connection.close()
        pid = self._launched.pop(connection)
        if pid in self._statuses:
            os.kill(pid, signal.SIGKILL)

    def _collect(self) -> None:
        """Report the processes that have ended; only then may their ids be given out again."""
        for pid, descriptor in list(self._statuses.items()):
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                continue
            status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
            with suppress(BrokenPipeError):  # nobody waits for it
                os.write(descriptor, str(status).encode())
            os.close(self._statuses.pop(pid))
            os.waitpid(pid, 0)

    def _leave(self) -> None:
        """Let go of what is the server's, in a child."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for each in (self._channel, self._listener, *self._launched, self._woken, self._wake):
            each.close()
        for descriptor in self._statuses.values():
            os.close(descriptor)

    def _end(self) -> NoReturn:
        for pid in self._statuses:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)


def _become(request: Request, descriptors: Descriptors) -> None:
    """Take on the streams, environment and directory of the program."""
    for number, descriptor in enumerate((descriptors.stdin, descriptors.stdout, descriptors.stderr)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.close(descriptors.status)
    os.chdir(request.directory)
    os.environ.clear()
    os.environ.update(request.environment)
    if shift_s := float(os.environ.pop("TEST_CLOCK_SHIFT_S", "0")):
        _shift_clock(shift_s)
    sys.argv[1:] = request.arguments
    if request.strict:
        warnings.simplefilter("error")
    if request.cheap_hashes:
        passwords.COST = CHEAP
    if request.new_session:
        os.setsid()
    sys.executable = request.executable or sys.executable


def _shift_clock(shift_s: float) -> None:
    """Let the program see the clock of a host that is `shift_s` seconds ahead; `shared.clock` reads this."""
    true_time = time.time
    time.time = lambda: true_time() + shift_s


def _end_without_cleaning_up(status: int) -> NoReturn:
    """End as the interpreter does, except that memory is left to the kernel.

    To free all that was imported, a process would copy every page that it shares with the fork server. Where
    warnings are errors it does so nevertheless: unclosed resources are noticed then.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 -- what the interpreter does first
    atexit._run_exitfuncs()  # noqa: SLF001 -- and then
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # a closed pipe, for which the interpreter has an exit status of its own
            sys.exit(status)
    os._exit(status & 0xFF)


if __name__ == "__main__":
    preload()
    # The program ends as the main module of its process: with its exit status, or with its traceback.
    sockets = [socket.socket(fileno=int(descriptor)) for descriptor in sys.argv[1:]]
    program = RequestLoop(*sockets).next_child()
    try:
        runpy.run_module(program.module, run_name="__main__", alter_sys=True)
        status: str | int | None = 0
    except SystemExit as ending:
        status = ending.code or 0
    if program.strict or not isinstance(status, int):
        sys.exit(status)
    _end_without_cleaning_up(status)
