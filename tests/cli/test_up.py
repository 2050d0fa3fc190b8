"""`doorward up`, from outside: real processes, real ports, real signals.

Where a test depends on how it is started, it is executed, as by a user; the others fork it.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.cli.command import READY, Up, doorward, up, up_executed
from tests.servers import RedisServer, wait_until

pytestmark = pytest.mark.long

CLIENT = {"redirect_uris": ["http://localhost:1234/callback"], "token_endpoint_auth_method": "none"}


@contextmanager
def ready(directory: Path, *, executed: bool) -> Iterator[Up]:
    with (up_executed if executed else up)(directory) as started:
        assert READY in started.output
        assert "warning" not in started.output
        yield started


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for the tests that leave it running."""
    with ready(tmp_path_factory.mktemp("up"), executed=True) as started:
        yield started


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Up]:
    with ready(tmp_path, executed=False) as started:
        yield started


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def processor_s(pid: int) -> float:
    """The processor time of a process so far (proc(5): the 14th and 15th fields of its status)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def alive(pid: int) -> bool:
    """Whether there is a process of that id, a zombie included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_says_what_to_paste_whole_however_narrow_the_terminal(shared: Up) -> None:
    mcp_url = f"http://localhost:{shared.resource_port}/mcp"
    lines = shared.output.splitlines()
    for heading, text in (
        ("MCP URL", mcp_url),
        ("Login", "wesen / secret"),
        ("Claude Code", f"claude mcp add --transport http doorward {mcp_url}"),
        ("VS Code", f'code --add-mcp \'{{"name":"doorward","type":"http","url":"{mcp_url}"}}\''),
        ("Inspector", f"npx @modelcontextprotocol/inspector@latest --transport http --server-url {mcp_url}"),
        ("Console", f"{shared.issuer}/admin"),
        ("Auth docs", f"{shared.issuer}/docs"),
        ("Resource docs", f"http://localhost:{shared.resource_port}/docs"),
    ):
        assert any(line.split(heading)[-1].strip() == text for line in lines if heading in line), heading


@pytest.mark.requirement("OP-1")
def test_a_start_takes_little_processor_time(shared: Up) -> None:
    # 7 to 9 s on two cores that other work shares, before any request of the other tests.
    processes = (shared.process.pid, shared.pid_of("auth"), shared.pid_of("resource"))
    assert sum(map(processor_s, processes)) < 20


def test_what_it_says_to_paste_is_what_the_services_announce(shared: Up) -> None:
    metadata = httpx2.get(
        f"http://localhost:{shared.resource_port}/.well-known/oauth-protected-resource/mcp", trust_env=False
    ).json()
    assert metadata["resource"] == f"http://localhost:{shared.resource_port}/mcp"
    assert metadata["authorization_servers"] == [shared.issuer]
    for port in (shared.auth_port, shared.resource_port):
        assert httpx2.get(f"http://localhost:{port}/docs", trust_env=False).is_success


@pytest.mark.parametrize(
    ("stop", "executed"),
    [
        pytest.param(Up.interrupt, True, id="ctrl-c"),
        pytest.param(lambda running: running.process.terminate(), False, id="sigterm"),
        pytest.param(lambda running: running.process.send_signal(signal.SIGHUP), True, id="terminal closed"),
    ],
)
def test_it_stops_both_cleanly(tmp_path: Path, stop: Callable[[Up], None], executed: bool) -> None:
    with ready(tmp_path, executed=executed) as running:
        pids = [running.pid_of("auth"), running.pid_of("resource")]
        stop(running)
        assert running.ended() == 0
        assert not any(map(alive, pids))
        assert "Traceback" not in running.output
        assert running.output.rstrip().endswith("Stopped")


def test_when_one_service_dies_the_other_is_stopped_and_the_status_says_so(running: Up) -> None:
    auth, resource = running.pid_of("auth"), running.pid_of("resource")
    os.kill(resource, signal.SIGKILL)
    assert running.ended() == 1
    assert not alive(auth)
    assert "the resource service exited unexpectedly" in running.output
    assert "Traceback" not in running.output


def test_the_services_do_not_outlive_it_even_when_it_is_killed(tmp_path: Path) -> None:
    with ready(tmp_path, executed=True) as running:
        pids = [running.pid_of("auth"), running.pid_of("resource")]
        running.process.kill()
        running.ended()
        wait_until(lambda: not any(map(alive, pids)))


def test_a_second_start_finds_everything_again_whatever_the_directory_is_called(tmp_path: Path) -> None:
    directory = tmp_path / "a place, 100%20 ours?"
    directory.mkdir()
    secrets_file = directory / ".doorward" / "secrets.json"
    with up(directory) as first:
        registered = httpx2.post(f"{first.issuer}/register", json=CLIENT, trust_env=False).json()
        secrets = secrets_file.read_text()
    with up(directory) as second:
        response = httpx2.get(
            f"{second.issuer}/register/{registered['client_id']}",
            headers={"Authorization": f"Bearer {registered['registration_access_token']}"},
            trust_env=False,
        )
        assert response.status_code == 200
        assert response.json()["client_id"] == registered["client_id"]
        assert secrets_file.read_text() == secrets
    assert {path.name for path in secrets_file.parent.iterdir()} >= {"auth.sqlite3", "notes.sqlite3"}


@pytest.mark.requirement("AS-23")
def test_its_limits_leave_room_for_test_runs(shared: Up) -> None:
    with httpx2.Client(trust_env=False) as http:
        registered = [http.post(f"{shared.issuer}/register", json=CLIENT).status_code for _ in range(601)]
        authorization = f"{shared.issuer}/authorize?client_id=unknown"
        authorized = [http.get(authorization).status_code for _ in range(1_501)]
    assert registered == [201] * 600 + [429]
    assert authorized == [400] * 1_500 + [429]


def test_what_it_keeps_is_for_the_owners_eyes_only(shared: Up) -> None:
    directory = shared.directory / ".doorward"
    assert mode(directory) == 0o700
    assert mode(directory / "secrets.json") == 0o600


def test_with_a_redis_the_state_is_there(tmp_path: Path, redis_server: RedisServer) -> None:
    redis_server.empty()
    with up(tmp_path, "--redis", redis_server.url) as running:
        assert httpx2.post(f"{running.issuer}/register", json=CLIENT, trust_env=False).status_code == 201
    assert redis_server.command("DBSIZE") != 0
    assert not (tmp_path / ".doorward" / "auth.sqlite3").exists()


def test_a_second_one_in_the_same_directory_is_refused(shared: Up) -> None:
    second = doorward("up", cwd=shared.directory)
    assert second.returncode == 2
    assert "another `doorward up` uses .doorward" in second.stderr
    assert shared.answers("auth")


@pytest.mark.parametrize("option", ["--auth-port", "--resource-port"])
def test_a_taken_port_is_named_with_the_option_that_chooses_another(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = doorward("up", option, str(port), cwd=tmp_path)
    assert done.returncode == 2
    assert f"port {port} is used by another program" in done.stderr
    assert option in done.stderr


def test_a_service_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    (tmp_path / ".doorward").mkdir()
    (tmp_path / ".doorward" / "auth.sqlite3").write_text("no database, and longer than its header " * 9)
    with up(tmp_path) as failed:
        assert failed.ended() == 1
        assert "the authorization server exited unexpectedly" in failed.output
        assert "file is not a database" in failed.output
        assert not failed.answers("resource")


@pytest.mark.requirement("OP-2")
def test_all_errors_in_the_settings_of_both_are_reported_at_once(tmp_path: Path) -> None:
    wrong = {"DOORWARD_ACCESS_TTL_S": "soon", "DOORWARD_UPSTREAM": "ftp://x", "DOORWARD_REGISTRATON": "x"}
    done = doorward("up", cwd=tmp_path, **wrong)
    assert done.returncode == 2
    for name in ("DOORWARD_ACCESS_TTL_S: ", "DOORWARD_UPSTREAM: ", "DOORWARD_REGISTRATON: "):
        assert name in done.stderr
    assert not (tmp_path / ".doorward" / "auth.sqlite3").exists()


@pytest.mark.requirement("OP-2")
def test_each_service_gets_the_settings_that_it_reads_and_not_those_of_the_other(tmp_path: Path) -> None:
    settings = {"DOORWARD_MASTER_KEYS": "1:overridden", "DOORWARD_DPOP_NONCE": "true"}
    with up_executed(tmp_path, **settings) as running:
        auth, resource = (
            Path(f"/proc/{running.pid_of(service)}/environ").read_text() for service in ("auth", "resource")
        )
    assert "DOORWARD_MASTER_KEYS" in auth
    assert "DOORWARD_DPOP_NONCE" not in auth
    assert "DOORWARD_DPOP_NONCE" in resource
    assert "DOORWARD_MASTER_KEYS" not in resource


def test_secrets_that_cannot_be_read_are_not_replaced(tmp_path: Path) -> None:
    secrets_file = tmp_path / ".doorward" / "secrets.json"
    secrets_file.parent.mkdir()
    secrets_file.write_text("{}")
    done = doorward("up", cwd=tmp_path)
    assert done.returncode == 2
    assert "does not contain the secrets" in done.stderr
    assert secrets_file.read_text() == "{}"
