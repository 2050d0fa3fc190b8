"""Sends requests over and over, each from a network that a proxy reports, in a process of its own."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

CONNECTIONS = 4
TIMEOUT_S = 60
LOW_PRIORITY = 5
REPORT_EVERY = 10_000


class Junk(NamedTuple):
    """A request of a stranger."""

    method: str
    url: str
    body: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012 -- never changed


def network(number: int) -> str:
    """One of 65,536 IPv4 addresses, none of which is in use by a test."""
    return f"198.18.{number // 256 % 256}.{number % 256}"


def send(requests: Sequence[Junk], count: int, networks: int) -> Counter[int]:
    """Send `count` requests from `networks` networks in turn; how often each status came back.

    Status 0 is a connection that broke.
    """
    os.nice(LOW_PRIORITY)
    numbers, statuses = iter(range(count)), Counter[int]()
    lock = threading.Lock()

    def work() -> None:
        connections: dict[str, http.client.HTTPConnection] = {}
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            status = _sent(requests[number % len(requests)], network(number % networks), connections)
            with lock:
                statuses[status] += 1
                if statuses.total() % REPORT_EVERY == 0:
                    sys.stderr.write(f"{statuses.total()} requests sent: {dict(statuses)}\n")
        for connection in connections.values():
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def _sent(junk: Junk, network: str, connections: dict[str, http.client.HTTPConnection]) -> int:
    parts = urlsplit(junk.url)
    connection = connections.get(parts.netloc)
    if connection is None:
        connection = connections[parts.netloc] = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        connection.request(junk.method, target, junk.body, {**junk.headers, "X-Forwarded-For": network})
        response = connection.getresponse()
        response.read()
    except OSError:
        connection.close()
        return 0
    return response.status


@contextmanager
def senders() -> Iterator[ProcessPoolExecutor]:
    """A process that sends, for several floods in turn."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


Sending = Future[Counter[int]]
