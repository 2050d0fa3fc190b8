"""The handlers of signals that were there before are neither lost nor kept from their work."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from types import FrameType

import pytest

from resource_service.shutdown import call_when_stopping
from tests.cli.command import python_environment

pytestmark = pytest.mark.requirement("RS-13")

PROGRAM = """
import asyncio, os, signal
from resource_service.shutdown import call_when_stopping

async def serve():
    call_when_stopping(lambda: None)
    {while_running}

asyncio.run(serve())
{afterwards}
"""
SIGTERM = "os.kill(os.getpid(), signal.SIGTERM)"


@pytest.mark.parametrize(
    ("while_running", "afterwards"), [(SIGTERM, "pass"), ("pass", SIGTERM)], ids=["while", "after"]
)
def test_a_process_without_a_handler_ends_at_sigterm(while_running: str, afterwards: str) -> None:
    program = PROGRAM.format(while_running=while_running, afterwards=afterwards)
    ended = subprocess.run([sys.executable, "-c", program], env=python_environment(), check=False, timeout=60)
    assert ended.returncode == -signal.SIGTERM


@pytest.mark.anyio
async def test_an_earlier_handler_is_called_and_restored() -> None:
    signals: list[int] = []
    stopped = asyncio.Event()

    def earlier(number: int, _frame: FrameType | None) -> None:
        signals.append(number)

    before = signal.signal(signal.SIGTERM, earlier)
    try:
        take_back = call_when_stopping(stopped.set)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stopped.wait(), timeout=10)
        take_back()
        assert signal.getsignal(signal.SIGTERM) is earlier
        assert signals == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.anyio
async def test_a_handler_that_python_did_not_install_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda _number: None)
    installed: list[int] = []
    monkeypatch.setattr(signal, "signal", lambda number, _handler: installed.append(number))
    call_when_stopping(lambda: None)()
    assert installed == []
