"""A worker of `pytest-xdist` in a process that has been forked after the collection of the tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import execnet
import pytest
import xdist.remote  # type: ignore[import-untyped]
from _pytest.tmpdir import TempPathFactory
from pytest_rerunfailures import ClientStatusDB  # type: ignore[import-untyped]

from tests.workers.collected import Collected

_collected: list[Collected] = []


def serve(collected: Collected) -> NoReturn:
    """Do what the main process says over the standard streams, then end."""
    _collected.append(collected)
    # The first line is the program that `execnet` sends to every interpreter that it starts.
    exec(eval(sys.stdin.readline()), {"__name__": "__main__"})  # noqa: S102, S307
    os._exit(0)


def run(channel: execnet.Channel) -> None:
    """Run tests as `xdist.remote` does, except that they are collected already.

    Warnings of the collection reach the main process, because pytest repeats them to each new plugin.
    """
    collected = _collected.pop()
    workerinput, _arguments, options, _path = channel.receive()
    config = collected.session.config
    _adapt(config, workerinput, options["basetemp"])
    interactor = xdist.remote.WorkerInteractor(config, channel)
    xdist.remote.interactor = interactor  # as if it were executed there
    interactor.pytest_sessionstart(collected.session)
    interactor.pytest_collection()
    for report in collected.reports:
        interactor.pytest_collectreport(report)
    interactor.pytest_collection_finish(collected.session)
    _run_tests(collected.session, interactor)


def _adapt(config: pytest.Config, workerinput: Mapping[str, Any], basetemp: str) -> None:
    """Give the worker what differs from one to the next."""
    os.environ["PYTEST_XDIST_TESTRUNUID"] = workerinput["testrunuid"]
    os.environ["PYTEST_XDIST_WORKER"] = workerinput["workerid"]
    os.environ["PYTEST_XDIST_WORKER_COUNT"] = str(workerinput["workercount"])
    config.option.basetemp = basetemp
    of_worker: Any = config
    of_worker.workerinput = workerinput
    of_worker.workeroutput = {}
    of_worker._tmp_path_factory = TempPathFactory.from_config(config, _ispytest=True)  # noqa: SLF001
    of_worker.failures_db.sock.close()
    of_worker.failures_db = ClientStatusDB(workerinput["sock_port"], workerinput["statusdb_token"])
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    capture.start_global_capturing()
    capture.suspend_global_capture()


def _run_tests(session: pytest.Session, interactor: xdist.remote.WorkerInteractor) -> None:
    """The end of `_pytest.main.wrap_session`."""
    config = session.config
    status = pytest.ExitCode.OK
    try:
        interactor.pytest_runtestloop(session)
        if session.testsfailed:
            status = pytest.ExitCode.TESTS_FAILED
    except (KeyboardInterrupt, pytest.exit.Exception):
        config.hook.pytest_keyboard_interrupt(excinfo=pytest.ExceptionInfo.from_current())
        status = pytest.ExitCode.INTERRUPTED
    except BaseException:  # noqa: BLE001 -- pytest reports whatever it is
        config.notify_exception(pytest.ExceptionInfo.from_current(), config.option)
        status = pytest.ExitCode.INTERNAL_ERROR
    config.hook.pytest_sessionfinish(session=session, exitstatus=status)
    config._ensure_unconfigure()  # noqa: SLF001 -- there is no public way
