"""SEC-16: many wrong passwords from one network at once let everybody else log in at their turn."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth_service.crypto.passwords import Passwords
from shared.fair_queue import FairQueue
from tests.auth_service.service import AuthorizationServer, elsewhere, running
from tests.flow import Person, forms_of
from tests.servers import wait_until

ATTACKER = "127.0.200.1"
GUESSES = 200
WAITING = 128
"""As many of one network as may wait; the others are told to come again."""
SOON_S = 60


class Hashing:
    """Holds up the hashing of passwords until it is released, and notes the order in which it is done.

    Attributes:
        passwords: those whose hashing began.
        waiting: how many attempts had to wait for a turn, all in all.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passwords: list[str] = []
        self.waiting = 0
        self.released = threading.Event()
        verify, line_up = Passwords._verify, FairQueue._line_up  # noqa: SLF001 -- nothing outside tells

        def held(passwords: Passwords, password: str, password_hash: str | None) -> bool:
            self.passwords.append(password)
            assert self.released.wait(SOON_S)
            return verify(passwords, password, password_hash)

        def noted(queue: FairQueue, source: str) -> Any:
            turn = line_up(queue, source)
            self.waiting += 1
            return turn

        monkeypatch.setattr(Passwords, "_verify", held)
        monkeypatch.setattr(FairQueue, "_line_up", noted)


async def guessing(origin: str) -> Counter[int]:
    """Post so many wrong passwords at the same time, from one address; how often each status came back."""
    transport = httpx2.AsyncHTTPTransport(
        local_address=ATTACKER, limits=httpx2.Limits(max_connections=GUESSES)
    )
    async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=SOON_S) as http:
        page = await http.get(f"{origin}/login")
        fields = forms_of(page.text)[0].fields

        async def guess(number: int) -> int:
            data = {**fields, "username": "wesen", "password": f"guess {number}"}
            return (await http.post(f"{origin}/login", data=data)).status_code

        return Counter(await asyncio.gather(*map(guess, range(GUESSES))))


def log_in(server: AuthorizationServer) -> httpx2.Response:
    """The owner, in a browser that has never been here, at an address of their own."""
    person = Person(trust_env=False, transport=elsewhere())
    try:
        return person.log_in(person.open(f"{server.origin}/login"))
    finally:
        person.close()


@pytest.mark.requirement("SEC-16", "BOUND-1", "BOUND-3")
def test_guesses_of_one_network_delay_nobody_else_beyond_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing = Hashing(monkeypatch)
    with running(f"sqlite:///{tmp_path}/store") as server, ThreadPoolExecutor(2) as pool:
        try:
            flood = pool.submit(asyncio.run, guessing(server.origin))
            wait_until(lambda: hashing.waiting >= WAITING or flood.done())
            good = pool.submit(log_in, server)
            wait_until(lambda: hashing.waiting > WAITING or good.done())
        finally:
            hashing.released.set()
        assert "Your account" in good.result(SOON_S).text
        statuses = flood.result(SOON_S)
    # Two were being hashed when it came, and one guess was to be next.
    assert "secret" in hashing.passwords[:6]
    assert statuses.keys() <= {401, 429, 503}
    assert statuses[401] > 6, "there were guesses left to be hashed"
