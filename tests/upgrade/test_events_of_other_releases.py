"""Resource servers deliver their events to an authorization server of another release (OP-5, JR-2)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resource_service.journal.call_journal import CallJournal, JournalLimits
from resource_service.journal.deliveries import Deliveries, Post
from shared.clock import system_clock
from shared.http_exchange import Answer
from shared.journal.event import EventKind, encoded_members
from tests.auth_service.service import RESOURCE_SECRET, running
from tests.upgrade.previous_release import BEFORE_PINS, extract, require_history

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.long,
    pytest.mark.requirement("OP-5"),
    pytest.mark.xdist_group("faults"),
]

CALL = encoded_members({"method": "tools/call", "name": "read"})

EARLIER_SERVER = """
import anyio, json, sys, time
from auth_service.crypto.keyring import KeyRing
from auth_service.journal.keys import signing_key
from auth_service.journal.received import ReceivedChains, answer
from auth_service.journal.writer import JournalWriter
from auth_service.settings import MasterKey
from shared.journal.delivery import read_delivery
from shared.journal.event import EventKind
from shared.storage import open_store
assert "DEFINITION_HELD" not in EventKind.__members__

async def main():
    store = open_store(sys.argv[1])
    key = signing_key(KeyRing([MasterKey(key_id=1, key="A" * 43 + "=")]))
    received = ReceivedChains(store, JournalWriter(store, key, time.time), time.time)
    for line in sys.stdin:
        try:
            result = [200, answer(await received.add(read_delivery(bytes.fromhex(line))), None)]
        except ValueError:  # which its endpoint answers with 400
            result = [400, {}]
        print(json.dumps(result), flush=True)
    await store.aclose()

anyio.run(main)
"""
EARLIER_RESOURCE_SERVER = """
import anyio, httpx2, sys, time
from resource_service.journal.call_journal import CallJournal, JournalLimits
from resource_service.journal.deliveries import Deliveries
from shared.http_exchange import Answer
from shared.journal.event import EventKind, encoded_members
assert "DEFINITION_HELD" not in EventKind.__members__
url, authorization = sys.argv[1:]
headers = {"Authorization": authorization, "Content-Type": "application/x-ndjson"}

async def post(body):
    async with httpx2.AsyncClient(trust_env=False) as http:
        response = await http.post(f"{url}/events", content=body, headers=headers)
    return Answer(response.status_code, {}, response.content)

async def main():
    journal = CallJournal("resource", time.time, JournalLimits())
    for _ in range(3):
        [number] = await journal.begin([encoded_members({"method": "tools/call", "name": "read"})])
        journal.complete(number, result="ok")
    await Deliveries(journal, post).flush()
    print(journal.waiting, journal.lost)

anyio.run(main)
"""


@contextmanager
def earlier_server(tmp_path: Path) -> Iterator[Post]:
    """The part of an earlier authorization server that stores deliveries."""
    command = [sys.executable, "-c", EARLIER_SERVER, f"sqlite:///{tmp_path}/auth.db"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=earlier_code(tmp_path),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        requests, answers = process.stdin, process.stdout

        async def post(body: bytes) -> Answer:
            requests.write(f"{body.hex()}\n")
            requests.flush()
            status, members = json.loads(answers.readline())
            return Answer(status, {}, json.dumps(members).encode())

        yield post
        requests.close()


def earlier_code(tmp_path: Path) -> dict[str, str]:
    require_history(BEFORE_PINS)
    return {**os.environ, "PYTHONPATH": str(extract(tmp_path / "earlier", BEFORE_PINS))}


async def test_an_earlier_authorization_server_gets_all_events_but_those_of_kinds_that_it_refuses(
    tmp_path: Path,
) -> None:
    journal = CallJournal("resource", system_clock, JournalLimits())
    with earlier_server(tmp_path) as post:
        deliveries = Deliveries(journal, post)
        for _ in range(3):
            for number in await journal.begin([CALL] * 5):
                journal.complete(number, result="ok")
            journal.note(EventKind.DEFINITION_HELD, CALL)
        await deliveries.flush()
    assert (journal.waiting, journal.lost) == (0, 3)


def test_the_events_of_an_earlier_resource_server_are_accepted(tmp_path: Path) -> None:
    credentials = b64encode(f"resource:{RESOURCE_SECRET}".encode()).decode()
    with running(f"sqlite:///{tmp_path}/auth.db") as server:
        ended = subprocess.run(
            [sys.executable, "-c", EARLIER_RESOURCE_SERVER, server.origin, f"Basic {credentials}"],
            cwd=tmp_path,
            env=earlier_code(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
    assert (ended.returncode, ended.stdout.splitlines()[-1:]) == (0, ["0 0"]), ended.stdout + ended.stderr
