"""Which revision of MCP a command speaks is found out, however it behaves when it is asked."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from resource_service.errors import Refusal
from resource_service.gateway import stateless
from resource_service.gateway.environment import environment_for
from resource_service.gateway.process import ServerProcess
from resource_service.gateway.stateless import StatelessProcess
from resource_service.principal import Principal
from tests.gateway.upstreams import ROOT

pytestmark = pytest.mark.anyio
SOMEBODY = Principal(
    client_id="client", scopes=(), issuer="https://issuer.example", expires_at=0, subject="somebody"
)

OLD = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "initialize":
        result = {"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": {}}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
    elif "id" in message and sys.argv[1] == "answers":
        error = {"code": -32601, "message": "Method not found"}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}), flush=True)
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers at all answers in time, also where a busy machine is slow to start it."""
    monkeypatch.setattr(stateless, "DISCOVERED_WITHIN_S", stateless.INITIALIZED_WITHIN_S)


@asynccontextmanager
async def started(arguments: Sequence[str]) -> AsyncIterator[StatelessProcess]:
    environment = environment_for(SOMEBODY, {"PYTHONPATH": str(ROOT)})
    process = await ServerProcess.start(arguments, environment)
    conversation = StatelessProcess(process, SOMEBODY.key)
    try:
        yield conversation
    finally:
        await conversation.close()


async def test_a_server_of_the_current_revision_says_so() -> None:
    async with started([sys.executable, "-m", "tests.gateway.servers.plain"]) as process:
        await process.find_revision()
        assert process.older is None


async def test_a_server_that_is_slow_to_start_is_not_taken_for_an_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stateless, "DISCOVERED_WITHIN_S", 0.01)
    async with started([sys.executable, "-m", "tests.gateway.servers.plain"]) as process:
        await process.find_revision()
        assert process.older is not None  # as it seems
        await process.shake_hands()
        assert process.older is None


@pytest.mark.parametrize("manners", ["answers", "is silent"])
async def test_an_old_server_is_found_out_whether_or_not_it_answers_what_it_does_not_know(
    manners: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if manners == "is silent":
        monkeypatch.setattr(stateless, "DISCOVERED_WITHIN_S", 0.1)
    script = tmp_path / "old.py"
    script.write_text(OLD)
    async with started([sys.executable, str(script), manners]) as process:
        await process.find_revision()
        await process.shake_hands()
        assert process.older == "2025-03-26"


async def test_a_server_that_ends_at_once_is_a_failure_of_the_upstream() -> None:
    async with started(["/bin/true"]) as process:
        with pytest.raises(Refusal) as refused:
            await process.find_revision()
        assert refused.value.status == 502


async def test_a_server_that_will_not_shake_hands_is_a_failure_of_the_upstream(tmp_path: Path) -> None:
    script = tmp_path / "rude.py"
    script.write_text(OLD.replace('== "initialize"', "is None"))
    async with started([sys.executable, str(script), "answers"]) as process:
        with pytest.raises(Refusal) as refused:
            await process.shake_hands()
        assert refused.value.status == 502
