"""Commands behind the gateway: their processes are counted, kept apart, watched, and ended in good order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from tests.gateway.exchange import INITIALIZE, LISTEN, MESSAGE, PING, error_code
from tests.gateway.sessions import opened
from tests.gateway.stdio_messages import messages_in
from tests.gateway.upstreams import ERAS, called, connected, forked_stdio, gateway, python_stdio, stdio
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for
from tests.servers import wait_until

pytestmark = pytest.mark.long

PLAIN = "tests.gateway.servers.plain"


def exists(process: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(service: Service) -> list[int]:
    """The processes that a service has started."""
    task = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
    return [int(process) for process in task.read_text().split() if exists(int(process))]


@pytest.fixture
def caller(plain_stdio: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=plain_stdio.origin, timeout=60, trust_env=False) as client:
        yield client


@pytest.mark.anyio
@pytest.mark.requirement("RS-8")
async def test_each_session_has_a_process_of_its_own(
    forked_plain_stdio: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(forked_plain_stdio, issuer)
    other = token_for(forked_plain_stdio, issuer, sub="user-2")
    async with (
        connected(forked_plain_stdio.resource, token, "legacy") as first,
        connected(forked_plain_stdio.resource, token, "legacy") as second,
        connected(forked_plain_stdio.resource, other, "legacy") as third,
    ):
        processes = {await called(client, "process") for client in (first, second, third)}
        assert len(processes) == 3
        assert await called(first, "process") in processes


@pytest.mark.anyio
@pytest.mark.requirement("RS-8")
async def test_without_sessions_each_principal_has_a_process_of_its_own(
    forked_plain_stdio: Service, issuer: AuthorizationServer
) -> None:
    of_whom: list[dict[str, object]] = [
        {"sub": "stateless"},
        {"sub": "stateless"},  # another token of the same principal
        {"sub": "stateless", "client_id": "client-2"},
        {"sub": "stateless-2"},
        {"sub": None, "client_id": "stateless"},
    ]
    processes = []
    for members in of_whom:
        token = token_for(forked_plain_stdio, issuer, **members)
        async with connected(forked_plain_stdio.resource, token, "2026-07-28") as client:
            processes.append(await called(client, "process"))
    assert processes[0] == processes[1]
    assert len(set(processes)) == 4


@pytest.mark.anyio
async def test_two_clients_of_one_principal_share_a_process_and_hear_only_of_their_own_calls(
    forked_plain_stdio: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(forked_plain_stdio, issuer, sub="twice")
    events: dict[str, list[str | None]] = {"a": [], "b": []}

    async def count(client: Client, name: str) -> None:
        async def note(progress: float, total: float | None, message: str | None) -> None:
            events[name].append(message)

        result = await client.call_tool("count", {"to": 50, "mark": name}, progress_callback=note)
        assert f"counted to 50 {name}" in str(result.content)

    async with (
        connected(forked_plain_stdio.resource, token, "2026-07-28") as a,
        connected(forked_plain_stdio.resource, token, "2026-07-28") as b,
    ):
        assert await called(a, "process") == await called(b, "process")
        async with anyio.create_task_group() as tasks:  # both number their requests from the beginning
            tasks.start_soon(count, a, "a")
            tasks.start_soon(count, b, "b")
    assert events == {"a": ["a"] * 50, "b": ["b"] * 50}


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_crash_fails_the_pending_calls_and_the_process_is_restarted(
    era: str, plain_stdio: Service, issuer: AuthorizationServer
) -> None:
    earlier = len(plain_stdio.log_lines())
    token = token_for(plain_stdio, issuer, sub=f"crashing {era}")
    async with connected(plain_stdio.resource, token, ERAS[era]) as client:
        with anyio.fail_after(30), pytest.raises(MCPError, match="exited before it responded"):
            await client.call_tool("crash", {})
    async with connected(plain_stdio.resource, token, ERAS[era]) as client:
        assert await called(client, "add", a=1, b=2) == "3"
    cut_off = [line for line in plain_stdio.log_lines()[earlier:] if line["event"] == "request cut off"]
    assert cut_off
    assert {line["exit_status"] for line in cut_off} == {-9}
    assert all(line["request_id"] for line in cut_off)


def test_the_session_of_a_crashed_process_is_gone(
    caller: httpx2.Client, plain_stdio: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(plain_stdio, issuer)
    headers = bearer(token) | opened(caller, token)
    crash = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "crash", "arguments": {}}}
    answer = caller.post("/mcp", headers=headers, json=crash)
    error = messages_in(answer)[-1]
    assert (error["id"], error["error"]["code"]) == (7, -32000)
    assert error["error"]["data"] == {
        "request_id": answer.headers["x-request-id"],
        "reason_code": "command_ended",
    }
    assert caller.post("/mcp", headers=headers, json=PING).status_code == 404


@pytest.mark.parametrize("command", [stdio("/bin/false"), stdio("/bin/true")])
def test_a_command_that_ends_at_once_is_reported_as_an_error(
    command: str, issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with gateway(issuer, tmp_path, command) as service, httpx2.Client(timeout=60, trust_env=False) as client:
        headers = bearer(token_for(service, issuer)) | MESSAGE
        response = client.post(service.resource, headers=headers, json=INITIALIZE)
        assert messages_in(response)[-1]["error"]["code"] == -32000


def test_a_command_that_does_not_exist_is_reported_as_a_failure_of_the_upstream(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with (
        gateway(issuer, tmp_path, stdio("/no/such/command")) as service,
        httpx2.Client(timeout=60, trust_env=False) as client,
    ):
        headers = bearer(token_for(service, issuer)) | MESSAGE
        response = client.post(service.resource, headers=headers, json=INITIALIZE)
        assert (response.status_code, error_code(response)) == (502, "upstream_failed")
        (line,) = service.log(response.headers["x-request-id"])
        assert "/no/such/command" in line["reason"]


@pytest.mark.anyio
@pytest.mark.requirement("RS-5")
async def test_a_command_sees_next_to_nothing_of_our_environment(
    issuer: AuthorizationServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOR_THE_SERVER", "yes")
    monkeypatch.setenv("FOR_NOBODY", "no")
    with gateway(issuer, tmp_path, python_stdio(PLAIN), stdio_environment="FOR_THE_SERVER, UNSET") as service:
        token = token_for(service, issuer, sub="jürgen")
        async with connected(service.resource, token, "legacy") as client:
            answer = json.loads(await called(client, "who"))
    usual = {"path", "home", "user", "logname", "shell", "term", "lang", "lc_all", "lc_ctype", "tz", "tmpdir"}
    ours = {"doorward_subject": "j%C3%BCrgen", "doorward_client": "client-1", "for_the_server": "yes"}
    assert {name: answer[name] for name in ours} == ours
    assert set(answer) - usual - set(ours) <= {"pythonpath", "doorward_username"}
    assert token not in str(answer)


@pytest.mark.requirement("RS-16")
def test_processes_are_limited_for_a_person_whatever_clients_they_use(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with (
        gateway(issuer, tmp_path, forked_stdio(PLAIN), stdio_processes_per_principal="2") as service,
        httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client,
    ):
        tokens = [token_for(service, issuer, sub="me", client_id=f"client-{n}") for n in range(3)]
        sessions = [opened(client, token) for token in tokens[:2]]
        with (
            client.stream("GET", "/mcp", headers=bearer(tokens[0]) | sessions[0] | LISTEN),
            client.stream("GET", "/mcp", headers=bearer(tokens[1]) | sessions[1] | LISTEN),
        ):
            third = client.post("/mcp", headers=bearer(tokens[2]) | MESSAGE, json=INITIALIZE)
            assert (third.status_code, error_code(third)) == (503, "upstream_busy")
            other = token_for(service, issuer, sub="you", client_id="client-0")
            assert opened(client, other)
        crossed = client.post("/mcp", headers=bearer(tokens[1]) | sessions[0], json=PING)
        assert crossed.status_code == 404, "a session is of one client alone"


def test_processes_are_limited_for_each_principal_and_in_all(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    limits = {"stdio_processes": "3", "stdio_processes_per_principal": "2"}
    with (
        gateway(issuer, tmp_path, forked_stdio(PLAIN), **limits) as service,
        httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client,
    ):
        mine, yours, theirs = (token_for(service, issuer, sub=f"user {name}") for name in "abc")

        def open_stream(token: str) -> Any:
            return client.stream("GET", "/mcp", headers=bearer(token) | opened(client, token) | LISTEN)

        with open_stream(mine), open_stream(mine):
            third = client.post("/mcp", headers=bearer(mine) | MESSAGE, json=INITIALIZE)
            assert (third.status_code, error_code(third)) == (503, "upstream_busy")
            [line] = service.log(third.headers["x-request-id"])
            assert "DOORWARD_STDIO_PROCESSES_PER_PRINCIPAL" in line["reason"]
            with open_stream(yours):
                assert len(children(service)) == 3
                fourth = client.post("/mcp", headers=bearer(theirs) | MESSAGE, json=INITIALIZE)
                assert (fourth.status_code, fourth.headers["retry-after"]) == (503, "1")
        # Now none of them is in use: the one that has been idle longest makes room.
        opened(client, theirs)
        assert len(children(service)) == 3


def test_a_process_that_nobody_talks_to_is_ended_and_one_that_somebody_listens_to_is_not(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with (
        gateway(issuer, tmp_path, forked_stdio(PLAIN), stdio_idle_s="1") as service,
        httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client,
    ):
        token = token_for(service, issuer)
        idle, listening = opened(client, token), opened(client, token)
        with client.stream("GET", "/mcp", headers=bearer(token) | listening | LISTEN):
            wait_until(lambda: len(children(service)) == 1)
            assert client.post("/mcp", headers=bearer(token) | idle, json=PING).status_code == 404
            assert client.post("/mcp", headers=bearer(token) | listening, json=PING).status_code == 200
        wait_until(lambda: children(service) == [])


STUBBORN = """
import json, signal, subprocess, sys, time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[1:]:
    time.sleep(600)
child = subprocess.Popen([sys.executable, __file__, "child"])
sys.stdin.readline()
info = {"name": str(child.pid), "version": "1"}
result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info}
print(json.dumps({"jsonrpc": "2.0", "id": 0, "result": result}), flush=True)
time.sleep(600)
"""


def test_the_whole_group_of_a_stubborn_process_is_ended(issuer: AuthorizationServer, tmp_path: Path) -> None:
    script = tmp_path / "stubborn.py"
    script.write_text(STUBBORN)
    with (
        gateway(issuer, tmp_path, stdio("/usr/bin/env", "python3", str(script))) as service,
        httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client,
    ):
        headers = bearer(token_for(service, issuer)) | MESSAGE
        response = client.post("/mcp", headers=headers, json=INITIALIZE)
        grandchild = int(messages_in(response)[-1]["result"]["serverInfo"]["name"])
        (child,) = children(service)
        session = {"Mcp-Session-Id": response.headers["mcp-session-id"]}
        assert client.delete("/mcp", headers=headers | session).status_code == 204
        assert not exists(child)
        wait_until(lambda: not exists(grandchild))
        ended = [line for line in service.log_lines() if line["event"] == "MCP server ended"]
        assert ended[-1]["exit_status"] == -9


def test_a_process_that_outlives_its_leader_does_not_hide_the_crash(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    """A helper that holds the output open must not make a call hang."""
    script = tmp_path / "leader.sh"
    script.write_text("sleep 600 &\nread line\nexit 3\n")
    with (
        gateway(issuer, tmp_path, stdio("/bin/sh", str(script))) as service,
        httpx2.Client(timeout=60, trust_env=False) as client,
    ):
        headers = bearer(token_for(service, issuer)) | MESSAGE
        response = client.post(service.resource, headers=headers, json=INITIALIZE)
        assert messages_in(response)[-1]["error"]["code"] == -32000
        wait_until(lambda: children(service) == [])


def test_every_process_ends_with_the_service(issuer: AuthorizationServer, tmp_path: Path) -> None:
    with (
        gateway(issuer, tmp_path, python_stdio(PLAIN)) as service,
        httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client,
    ):
        for _ in range(3):
            opened(client, token_for(service, issuer))
        processes = children(service)
        assert len(processes) == 3
        assert service.stop() in (0, -15)
        assert not any(exists(process) for process in processes)


@pytest.mark.anyio
async def test_standard_error_goes_to_the_log_and_not_without_end(
    plain_stdio: Service, issuer: AuthorizationServer
) -> None:
    async with connected(plain_stdio.resource, token_for(plain_stdio, issuer), "legacy") as client:
        assert await called(client, "complain", lines=5_000) == "said"
        process = int(await called(client, "process"))

    def log_entries() -> list[dict[str, Any]]:
        return [line for line in plain_stdio.log_lines() if line.get("pid") == process]

    wait_until(lambda: any("lines_left_out" in line for line in log_entries()))
    lines = [line["line"] for line in log_entries() if line["event"] == "MCP server stderr"]
    assert lines[:2] == ["complaint 0", "complaint 1"]
    assert len(lines) < 500
    left_out = sum(line.get("lines_left_out", 0) for line in log_entries())
    assert len(lines) + left_out == 5_000


def test_what_a_server_prints_beside_its_messages_does_no_harm(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    script = tmp_path / "chatty.py"
    answer = '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"n":1.10}}'
    script.write_text(
        f"import sys\nsys.stdin.readline()\nprint('Welcome!')\nprint('[1]')\nprint('{{\"a\":NaN}}')\n"
        f"print()\nprint('{answer}', end='\\r\\n', flush=True)\nsys.stdin.readline()\n"
    )
    with (
        gateway(issuer, tmp_path, stdio("/usr/bin/env", "python3", str(script))) as service,
        httpx2.Client(timeout=60, trust_env=False) as client,
    ):
        headers = bearer(token_for(service, issuer)) | MESSAGE
        response = client.post(service.resource, headers=headers, json=INITIALIZE)
        assert answer.replace("1.10", "1.1") in response.text  # written again from what was read
