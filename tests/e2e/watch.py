"""Clients that go on showing tokens to the resource server whatever happens, and note what they are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from tests.servers import wait_until

PAUSE_S = 0.01
AT_ONCE = 3
"""So many show one token: one may be stuck with the question of a probe, and the others go on."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A request with a token: when it began, and the status of its answer."""

    began: float
    status: int


class Watch:
    """Shows one token over and over."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self.seen: list[Sight] = []

    @property
    def statuses(self) -> set[int]:
        """All that was ever answered."""
        return {sight.status for sight in self.seen}

    def since(self, moment: float) -> set[int]:
        """The responses to requests that began at `moment` or later."""
        return {sight.status for sight in self.seen if sight.began >= moment}

    def until(self, condition: Callable[[set[int]], bool], *, timeout_s: float = 20) -> float:
        """Wait until what is answered to requests from now on is so; how many seconds that took."""
        now = time.monotonic()
        wait_until(lambda: condition(self.since(now)), timeout_s=timeout_s)
        return time.monotonic() - now

    def work_until(self, stop: threading.Event) -> None:
        """The thread."""
        with httpx2.Client(timeout=30, trust_env=False, headers=self._headers) as http:
            while not stop.is_set():
                began = time.monotonic()
                response = http.get(self._url)
                if response.status_code == 503:
                    assert int(response.headers["retry-after"]) > 0
                self.seen.append(Sight(began, response.status_code))
                stop.wait(PAUSE_S)


@contextmanager
def watching(url: str, tokens: Sequence[str]) -> Iterator[list[Watch]]:
    """A watch over each token, inside the context."""
    stop, watches = threading.Event(), [Watch(url, token) for token in tokens]
    with ThreadPoolExecutor(AT_ONCE * len(watches)) as pool:
        threads = [pool.submit(watch.work_until, stop) for watch in watches for _ in range(AT_ONCE)]
        try:
            yield watches
        finally:
            stop.set()
    for thread in threads:
        thread.result()
