"""The plugin of the process that collects the tests and forks workers."""

from __future__ import annotations

import os
import signal
import socket
import threading
from typing import Any

import pytest
import xdist.remote  # type: ignore[import-untyped]

from tests.forking.server import RequestLoop
from tests.workers.collected import Collected
from tests.workers.worker import serve

READY = b"1"


class Template:
    """Takes the place of the plugin by which a worker of `pytest-xdist` reports and runs tests."""

    def __init__(self, channel: socket.socket, listener: socket.socket) -> None:
        self._channel = channel
        self._listener = listener
        self._reports: list[pytest.CollectReport] = []

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Add the names of groups as a worker does."""
        xdist.remote.WorkerInteractor.pytest_collection_modifyitems(None, config, items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self._reports.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Fork workers until the main process ends. Goes on in a worker only."""
        if session.testsfailed:
            os._exit(1)  # each worker reports by itself what cannot be collected
        capture: Any = session.config.pluginmanager.getplugin("capturemanager")
        capture.stop_global_capturing()
        assert threading.active_count() == 1, threading.enumerate()
        self._channel.sendall(READY)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        RequestLoop(self._channel, self._listener).next_child()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        session.config.pluginmanager.unregister(self)
        serve(Collected(session, self._reports))
