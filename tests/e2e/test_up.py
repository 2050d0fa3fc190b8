"""`doorward up` as a new user has it: the SDK's client connects, and nothing is forgotten."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from anyio import to_thread

from tests.cli.command import Up, doorward, up, up_again
from tests.e2e.load import under_load
from tests.e2e.sdk import Memory, Mode, SdkClient, bare_call, call
from tests.e2e.sdk_client import run
from tests.e2e.services import NO_BRAKES
from tests.flow import Person, disconnect_links

pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.xdist_group("load")]

SHORT = {"DOORWARD_ACCESS_TTL_S": "4"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up(tmp_path_factory.mktemp("up"), **SHORT) as started:
        yield started


def mcp_url(running: Up) -> str:
    return f"http://localhost:{running.resource_port}/mcp"


@pytest.mark.requirement("RS-1", "RS-2", "RS-4", "RS-10", "AS-2", "AS-4", "AS-5", "AS-13", "AS-16")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_sdks_own_client_connects_and_stays_connected_until_it_is_revoked(
    running: Up, mode: Mode
) -> None:
    await run(mcp_url(running), mode=mode)


@pytest.mark.requirement("AS-16")
async def test_disconnecting_on_the_account_page_ends_the_connection(running: Up, person: Person) -> None:
    sdk = SdkClient(mcp_url(running), person)
    async with sdk.connected() as client:
        await call(client, "whoami")
        page = person.open(f"{running.issuer}/account")
        while disconnect_links(page.text):
            page = person.submit(person.open_disconnect(running.issuer), {})
        assert bare_call(sdk.mcp_url, sdk.memory.access_token).status_code == 401
        await call(client, "whoami")
    assert ("POST", mcp_url(running), 401) in sdk.exchanges[1:]
    assert len(sdk.asked) == 2


async def test_a_second_start_finds_clients_users_and_grants(tmp_path: Path) -> None:
    ada, memory = Person("ada", "a password of her own", trust_env=False), Memory()
    with up(tmp_path) as first:
        added = doorward("users", "add", "ada", cwd=tmp_path, stdin=f"{ada.password}\n")
        assert added.returncode == 0, added.stderr
        async with SdkClient(mcp_url(first), ada, memory).connected() as client:
            await call(client, "add_note", text="kept")
    before = memory.refresh_token
    with up_again(first) as second:
        later = SdkClient(mcp_url(second), ada, memory)
        later.believe_expired()
        async with later.connected() as client:
            notes = (await call(client, "list_notes"))["notes"]
        assert later.asked == []
        assert memory.refresh_token != before
        assert [note["text"] for note in notes] == ["kept"]
    ada.close()


@pytest.mark.requirement("AS-5", "AS-9", "AS-13", "AS-16")
def test_killing_everything_loses_nothing(tmp_path: Path) -> None:
    # Codes are looked at long after they were given.
    settings = {**NO_BRAKES, "DOORWARD_CODE_TTL_S": "600"}
    with ExitStack() as stack:
        first = stack.enter_context(up(tmp_path, **settings))
        with under_load([first.issuer]) as load:
            load.goes_on()
            for pid in (first.pid_of("auth"), first.pid_of("resource"), first.process.pid):
                os.kill(pid, signal.SIGKILL)
            first.ended()
            load.falters()
            stack.enter_context(up_again(first, **settings))
            load.goes_on()


async def test_ctrl_c_stops_it_cleanly_with_a_client_connected(tmp_path: Path, person: Person) -> None:
    with up(tmp_path) as running:
        # This revision of MCP keeps a stream open all the time.
        async with SdkClient(mcp_url(running), person, mode="legacy").connected() as client:
            await call(client, "whoami")
            running.interrupt()
            assert await to_thread.run_sync(running.ended) == 0
        for log in (running.output, *(path.read_text() for path in (tmp_path / ".doorward").glob("*.log"))):
            assert "Traceback" not in log, log
        assert running.output.rstrip().endswith("Stopped")
