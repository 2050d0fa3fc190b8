"""A full disk under Redis and under SQLite, and the death of the process that writes the SQLite file."""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.services import start
from tests.faults.ledger import Load, Outcome, under_load
from tests.faults.processes import auth_processes, reached
from tests.faults.trial import ROUNDS, nothing_missing, two_servers
from tests.machine import require
from tests.servers import redis_running, wait_until

pytestmark = [
    pytest.mark.long,
    pytest.mark.requirement("OP-3", "AS-5", "AS-13", "AS-16"),
    pytest.mark.xdist_group("faults"),
]


def fill_disk(pid: int, *, room: int = 1) -> None:
    """Fail all writes of a process behind the first `room` bytes of a file, as a full disk does."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, hard))


def free_disk(pid: int) -> None:
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def repeatedly(load: Load, outcome: Outcome, fault: Callable[[], None], repair: Callable[[], None]) -> None:
    for _ in range(ROUNDS):
        load.goes_on()
        fault()
        load.falters()
        repair()
        outcome.recovery_s = max(outcome.recovery_s, load.goes_on())


def test_a_redis_whose_disk_is_full_loses_nothing(tmp_path: Path) -> None:
    """With `appendfsync always`, Redis ends at the first write that fails; its supervisor starts it again."""
    require("redis-server")
    outcome = Outcome("one Redis, disk full, fsync")
    with redis_running(tmp_path / "redis") as redis:

        def fill() -> None:
            written = max(file.stat().st_size for file in redis.directory.rglob("*.aof"))
            fill_disk(redis.pid, room=written + 1_000)
            wait_until(lambda: not redis.answers())

        with two_servers(redis.url) as servers, under_load(outcome, servers) as load:
            repeatedly(load, outcome, fill, redis.restart)
    nothing_missing(outcome)


def test_a_sqlite_file_on_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    outcome = Outcome("SQLite, disk full, fsync")
    with auth_processes(f"sqlite:///{tmp_path}/store.db", tmp_path) as [service]:
        assert service.process
        pid = service.process.pid
        [server] = reached([service])
        with closing(server), under_load(outcome, [server]) as load:
            repeatedly(load, outcome, lambda: fill_disk(pid), lambda: free_disk(pid))
    nothing_missing(outcome)


def test_killing_the_process_that_writes_to_sqlite_loses_nothing(tmp_path: Path) -> None:
    outcome = Outcome("SQLite, kill -9 of the authorization server, fsync")
    with auth_processes(f"sqlite:///{tmp_path}/store.db", tmp_path) as [service]:
        [server] = reached([service])
        with closing(server), under_load(outcome, [server]) as load:
            repeatedly(load, outcome, service.kill, lambda: start([service]))
    nothing_missing(outcome)
