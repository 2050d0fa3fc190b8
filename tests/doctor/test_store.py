"""The store of the authorization server in the report: from `/ready`, or from the store itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.cli.doctor.checks.store import PATTERNS, check_of
from shared.storage.durability import Durability
from shared.storage.redis_info import misconfigurations
from tests.cli.command import doorward
from tests.doctor.pair import Pair
from tests.machine import require
from tests.servers import redis_running
from tests.storage.redis_states import FSYNC, REPLICATED, state

pytestmark = pytest.mark.requirement("OP-3")

WRONG = state(
    redis_version="6.0.1",
    maxmemory_policy="allkeys-lru",
    used_memory=900,
    aof_enabled=0,
    connected_slaves=1,
    offset_s=9,
)


@pytest.mark.parametrize("durability", [FSYNC, REPLICATED], ids=lambda durability: durability.mode)
def test_each_complaint_about_a_store_has_a_check_of_its_own(durability: Durability) -> None:
    checks = [check_of(complaint) for complaint in misconfigurations([WRONG], durability)]
    assert sorted(checks) == sorted(PATTERNS)


def test_the_store_itself_is_examined_with_addresses(pair: Pair, tmp_path: Path) -> None:
    require("redis-server")
    with redis_running(tmp_path / "redis", "--save", "") as redis:
        arguments = ("doctor", pair.mcp_url, "--json", "--store", "env:DOORWARD_STORE")
        done = doorward(*arguments, cwd=tmp_path, DOORWARD_STORE=redis.url)
    checks = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert "appendonly is off" in checks["store-sync"]["found"]
    assert checks["store-available"]["status"] == "ok"


def test_a_store_that_cannot_be_opened_is_a_failure(pair: Pair, tmp_path: Path) -> None:
    done = doorward("doctor", pair.mcp_url, "--json", "--store", "redis://127.0.0.1:1", cwd=tmp_path)
    checks = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["store-available"]["status"] == "failure"
    assert done.returncode == 1
