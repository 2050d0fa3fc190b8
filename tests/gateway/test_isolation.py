"""Commands with API keys in their environment are isolated from each other, or not started (GW-1)."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from resource_service import isolation
from resource_service.gateway.process import ServerProcess
from resource_service.settings import ResourceSettings
from shared import prctl

pytestmark = [
    pytest.mark.requirement("GW-1"),
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux"),
]

COMMAND = "stdio:server --verbose"
KEYED = {"upstream": COMMAND, "connected_account": True, "api_key_variable": "TICKETS_KEY"}
SNOOP = """
import sys
for line in sys.stdin:
    try:
        environment = open(f"/proc/{line.strip()}/environ", "rb").read()
    except OSError:
        environment = b""
    print("secret-of-another" in environment.decode(), flush=True)
"""

DUMP = """
import os, resource, signal, sys
pid = int(sys.argv[1])
hard = resource.prlimit(pid, resource.RLIMIT_CORE)[1]
resource.prlimit(pid, resource.RLIMIT_CORE, (hard, hard))
"""

SIGNAL = """
import os, subprocess, signal, sys
try:
    os.kill(int(sys.argv[1]), signal.SIGUSR1)
except PermissionError:
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    child.terminate()
    sys.exit(7 if child.wait() == -signal.SIGTERM else 1)
"""


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ResourceSettings]]:
    """Read the settings with one mount."""

    def read(**mount: object) -> ResourceSettings:
        return ResourceSettings(
            resource="https://mcp.example/mcp",
            issuer="https://login.example",
            resource_secret="s" * 32,  # type: ignore[arg-type]
            mounts=json.loads(json.dumps({"/tickets": mount})),
        )

    isolation._why_not.cache_clear()  # noqa: SLF001 -- each test has a system of its own
    yield read
    isolation._why_not.cache_clear()  # noqa: SLF001


@pytest.mark.anyio
@pytest.mark.parametrize("isolated", [True, False])
async def test_an_isolated_process_cannot_read_the_environment_of_another_one(*, isolated: bool) -> None:
    command = [sys.executable, "-I", "-S", "-c", SNOOP]
    other = await ServerProcess.start(command, {"KEY": "secret-of-another"}, isolated=isolated)
    snoop = await ServerProcess.start(command, {}, isolated=isolated)
    # Both run their programs.
    for process in (other, snoop):
        await process.write(str(process.pid).encode())
        assert await anext(aiter(process.lines())) in (b"True", b"False")
    await snoop.write(str(other.pid).encode())
    assert await anext(aiter(snoop.lines())) == (b"False" if isolated else b"True")
    for process in (other, snoop):
        await process.terminate()
        assert process.exit_status is not None


def files_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


@pytest.mark.anyio
async def test_the_memory_of_an_isolated_process_is_never_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A core dump has the environment, and another process of the user may cause one, and read the file."""
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-I", "-S", "-c", SNOOP]
    other = await ServerProcess.start(command, {"KEY": "secret-of-another"}, isolated=True)
    await other.write(str(other.pid).encode())
    assert await anext(aiter(other.lines())) == b"True"
    causing = await ServerProcess.start([*command[:-1], DUMP, str(other.pid)], {}, isolated=True)
    assert await causing.exited(within_s=10)
    os.kill(other.pid, signal.SIGABRT)
    assert await other.exited(within_s=10)
    for process in (other, causing):
        await process.terminate()
    assert causing.exit_status == 0
    assert files_in(tmp_path) == []
    assert other.exit_status == -signal.SIGABRT


def scopes_signals() -> bool:
    """Whether the kernel has version 6 of Landlock."""
    return sys.platform == "linux" and int(ctypes.CDLL(None).syscall(444, None, ctypes.c_long(0), 1)) >= 6


@pytest.mark.anyio
@pytest.mark.skipif(not scopes_signals(), reason="needs Linux 6.12 with Landlock")
async def test_an_isolated_process_signals_only_those_it_has_started() -> None:
    """SIGUSR1 opens the debugger of Node.js, which any process of the machine can use."""
    command = [sys.executable, "-I", "-S", "-c"]
    other = await ServerProcess.start([*command, SNOOP], {}, isolated=True)
    await other.write(str(other.pid).encode())
    assert await anext(aiter(other.lines()))
    sending = await ServerProcess.start([*command, SIGNAL, str(other.pid)], {}, isolated=True)
    assert await sending.exited(within_s=10)
    assert (sending.exit_status, other.exit_status) == (7, None)
    for process in (other, sending):
        await process.terminate()
    assert other.exit_status == 0


def test_a_command_can_get_the_api_key_of_a_person_where_processes_are_isolated(
    read: Callable[..., ResourceSettings],
) -> None:
    settings = read(**KEYED)
    assert settings.isolates_commands
    assert not read(upstream=COMMAND).isolates_commands


def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prctl, "_unshare", lambda _: -1)


def no_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prctl, "_unshare", None)


def no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "enter_user_namespace", lambda: None)


@pytest.mark.parametrize(
    ("system", "reason"),
    [
        (no_namespaces, "no process can have a user namespace of its own"),
        (no_linux, "no process can have a user namespace of its own"),
        (no_effect, "a process can read the environment of another one"),
    ],
)
def test_elsewhere_the_start_is_refused_with_what_to_do(
    system: Callable[[pytest.MonkeyPatch], None],
    reason: str,
    read: Callable[..., ResourceSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system(monkeypatch)
    with pytest.raises(ValidationError) as caught:
        read(**KEYED)
    assert f"and here {reason}. Allow unprivileged user namespaces" in str(caught.value)
    assert "or serve the command over HTTP, and use api_key_header" in str(caught.value)
    assert read(upstream=COMMAND).isolates_commands is False


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        ({"upstream": COMMAND, "connected_account": True}, "name the environment variable"),
        ({**KEYED, "upstream": "http://a.example/mcp"}, "api_key_variable is for commands"),
        ({**KEYED, "connected_account": False}, "api_key_variable needs connected_account"),
        ({**KEYED, "api_key_variable": "LD_PRELOAD"}, "it is a variable of the system"),
        ({**KEYED, "api_key_variable": "path"}, "it is a variable of the system"),
        ({**KEYED, "api_key_variable": "PYTHONPATH"}, "it is a variable of the system"),
        *(
            ({**KEYED, "api_key_variable": name}, "it is a variable of the system")
            for name in (
                "PERL5DB",
                "_JAVA_OPTIONS",
                "JDK_JAVA_OPTIONS",
                "DOTNET_STARTUP_HOOKS",
                "BUN_OPTIONS",
            )
        ),
        *(
            ({**KEYED, "api_key_variable": name}, "it is a variable of the system")
            for name in ("LUA_INIT_5_4", "SHELLOPTS", "PS4", "PHPRC", "OPENSSL_CONF", "UV_INDEX_URL")
        ),
        ({**KEYED, "api_key_variable": "DOORWARD_RESOURCE_SECRET"}, "reserved"),
        ({**KEYED, "api_key_variable": "A B"}, "not the name of a variable"),
    ],
)
def test_a_variable_that_cannot_have_a_key_stops_the_start(
    mount: dict[str, object], message: str, read: Callable[..., ResourceSettings]
) -> None:
    with pytest.raises(ValidationError, match=message):
        read(**mount)
