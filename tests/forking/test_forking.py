"""Processes made by a fork behave as those that are executed."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from tests.cli.command import ROOT, python_environment
from tests.forking.process import ForkServer, Process, launcher, start
from tests.forking.request import Descriptors, Request, send
from tests.servers import wait_until

PROGRAM = "tests.forking.program"


def run(*arguments: str, strict: bool = False, **settings: str) -> tuple[int, str, str]:
    """The exit status and the output of the program."""
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        process = start(
            PROGRAM,
            *arguments,
            environment=python_environment(**settings),
            output=output,
            errors=errors,
            strict=strict,
        )
        status = process.wait(timeout=60)
        for file in (output, errors):
            file.seek(0)
        return status, output.read(), errors.read()


def test_it_has_arguments_environment_directory_and_process_id_of_its_own(tmp_path: Path) -> None:
    with TemporaryFile("w+") as output, TemporaryFile("w+") as typed:
        typed.write("typed")
        typed.seek(0)
        process = start(
            PROGRAM,
            "tell",
            "a b",
            environment=python_environment(DOORWARD_STORE="a store"),
            output=output,
            standard_input=typed,
            directory=tmp_path,
        )
        assert process.wait(timeout=60) == 0
        output.seek(0)
        report: dict[str, Any] = json.load(output)
    assert report["arguments"] == ["tell", "a b"]
    assert report["settings"] == {"DOORWARD_STORE": "a store"}
    assert report["directory"] == str(tmp_path)
    assert report["typed"] == "typed"
    assert report["pid"] == process.pid != os.getpid()
    assert report["main"] == PROGRAM


def test_the_services_have_been_created_before_the_fork() -> None:
    _, report, _ = run("tell")
    assert json.loads(report)["created"]


def test_what_it_starts_itself_is_forked_where_that_is_wanted() -> None:
    with TemporaryFile("w+") as output:
        environment = python_environment(DOORWARD_STORE="a store")
        process = start(PROGRAM, "start", environment=environment, output=output, forks_others=True)
        assert process.wait(timeout=60) == 0
        output.seek(0)
        report = json.load(output)
    assert (report["arguments"], report["settings"]) == (["tell"], {"DOORWARD_STORE": "a store"})
    assert report["forked"]
    _, executed, _ = run("start")
    assert not json.loads(executed)["forked"]


def test_it_leads_a_session_where_it_forks_others() -> None:
    with TemporaryFile("w+") as output:
        process = start(PROGRAM, "tell", environment=python_environment(), output=output, forks_others=True)
        assert process.wait(timeout=60) == 0
        output.seek(0)
        assert json.load(output)["session"] == process.pid


def test_nothing_of_one_process_is_left_in_the_next() -> None:
    assert run("tell", DOORWARD_STORE="a store")[0] == 0
    status, output, _ = run("tell")
    assert status == 0
    assert json.loads(output)["settings"] == {}


@pytest.mark.parametrize("variables", [{"COLUMNS": "200"}, {"PYTHONUTF8": "0", "LC_ALL": "C"}])
def test_what_python_reads_at_its_start_counts(variables: dict[str, Any]) -> None:
    _, output, _ = run("tell", **variables)
    executed = subprocess.run(
        [sys.executable, "-P", "-m", PROGRAM, "tell"],
        env=python_environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(output)["terminal"] == json.loads(executed.stdout)["terminal"]


@pytest.mark.parametrize(
    ("how", "status"), [("return", 0), ("exit", 7), ("say", 1), ("raise", 1), ("kill", -9)]
)
def test_its_exit_status_is_that_of_an_executed_program(how: str, status: int) -> None:
    ended, output, errors = run(how)
    assert ended == status
    assert output == "written without a line end"
    assert ("Traceback" in errors) == (how == "raise")
    assert ("a reason" in errors) == (how in {"say", "raise"})


def test_warnings_are_errors_where_that_is_wanted_alone() -> None:
    assert run("warn")[0] == 0
    status, _, errors = run("warn", strict=True)
    assert status == 1
    assert "DeprecationWarning" in errors


def launched(*arguments: str) -> subprocess.Popen[str]:
    """The program, started by a command as others would start it."""
    return subprocess.Popen(
        launcher(PROGRAM, *arguments, environment=python_environment()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"DOORWARD_STORE": "a store"},
    )


def test_a_command_that_forks_passes_on_its_streams_environment_and_exit_status() -> None:
    with launched("tell") as command:
        report = json.loads(command.communicate("typed")[0])
    assert report["arguments"] == ["tell"]
    assert report["settings"] == {"DOORWARD_STORE": "a store"}
    assert report["typed"] == "typed"
    with launched("exit") as command:
        assert command.wait(timeout=60) == 7


def test_a_command_that_forks_passes_on_the_signal_to_end() -> None:
    with launched("sleep") as command:
        assert command.stdout
        assert command.stdout.readline() == "asleep\n"
        command.terminate()
        assert command.wait(timeout=60) == 3


def test_a_command_that_forks_takes_its_process_along_when_it_is_killed_and_the_server_goes_on() -> None:
    with launched("sleep") as command:
        assert command.stdout
        assert command.stdout.readline() == "asleep\n"
        command.kill()
        assert command.stdout.read() == ""  # its process has it, too
    assert run("exit")[0] == 7


def test_a_command_that_is_killed_before_it_knows_its_process_leaves_the_server_running() -> None:
    address = launcher(PROGRAM, "exit", environment=python_environment())[-3]
    request = Request(
        module=PROGRAM, arguments=["exit"], environment={}, directory="/", strict=False, cheap_hashes=True
    )
    read_end, write_end = os.pipe()
    with open(os.devnull, "r+b") as null, socket.socket(socket.AF_UNIX) as channel:
        channel.connect(address)
        number = null.fileno()
        send(channel, request, Descriptors(stdin=number, stdout=number, stderr=number, status=write_end))
        select.select([channel], [], [])  # the id of the process is there, and is not read
    os.close(write_end)
    os.close(read_end)
    assert run("exit")[0] == 7


def sleeping() -> Process:
    """A process that ends with 3 when it is asked to."""
    with TemporaryFile("w+") as output:
        process = start(PROGRAM, "sleep", environment=python_environment(), output=output)
        wait_until(lambda: output.seek(0) == 0 and "asleep" in output.read())
    assert process.poll() is None
    return process


def test_signals_reach_it_and_its_end_is_noticed() -> None:
    first, second = sleeping(), sleeping()
    with pytest.raises(subprocess.TimeoutExpired):
        first.wait(0)
    second.terminate()
    assert second.wait(timeout=60) == 3
    assert second.poll() == 3
    assert first.poll() is None
    first.kill()
    assert first.wait(timeout=60) == -signal.SIGKILL
    first.send_signal(signal.SIGTERM)


def test_it_does_not_outlive_the_server() -> None:
    with TemporaryFile("w+") as file:
        request = Request(
            module=PROGRAM,
            arguments=["sleep"],
            environment=python_environment(),
            directory=str(ROOT),
            strict=False,
            cheap_hashes=True,
        )
        server = ForkServer(python_environment())
        process = server.start(request, [file.fileno()] * 3)
        wait_until(lambda: file.seek(0) == 0 and "asleep" in file.read())
    assert process.poll() is None
    server.end()
    assert process.wait(timeout=60) == -signal.SIGKILL
