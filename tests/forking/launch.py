"""Runs a module in a process that a fork server makes: ``python launch.py SOCKET MODULE ARGUMENTS...``.

For programs that start a command themselves. It imports next to nothing, and is killed with its process.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.forking.request import PID_BYTES, Descriptors, Request, send


def main(address: str, module: str, *arguments: str) -> int:
    """Run the module to its end; its exit status."""
    # Until it is known to whom the signal is passed on: the process may run, and say so, before.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    read_end, write_end = os.pipe()
    request = Request(
        module=module,
        arguments=list(arguments),
        environment=dict(os.environ),
        directory=str(Path.cwd()),
        strict=False,
        cheap_hashes=True,
    )
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(address)
        send(channel, request, Descriptors(stdin=0, stdout=1, stderr=2, status=write_end))
        pid = int.from_bytes(channel.recv(PID_BYTES, socket.MSG_WAITALL), "big")
        for descriptor in (0, 1, 2, write_end):
            os.close(descriptor)
        signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        return int(os.read(read_end, 16) or -signal.SIGKILL) % 256


if __name__ == "__main__":
    # The streams are closed: there is nothing to flush.
    os._exit(main(*sys.argv[1:]))
