"""The processor time of requests to a service in the process of the test.

Processor time does not depend on what else the machine does. What is expected is given by other costs that
are measured beside it, an ordinary request and the work that the attack asks for: no limit is in seconds.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

REPEATED = 7

Send = Callable[[httpx2.Request], Awaitable[httpx2.Response]]
Make = Callable[[], httpx2.Request]


@dataclass(frozen=True)
class Cost:
    """Processor time in seconds.

    Attributes:
        blocked_s: the longest that the event loop's thread worked without letting another task run.
        total_s: of all threads.
    """

    blocked_s: float
    total_s: float

    def at_best(self, other: Cost) -> Cost:
        """The lower of both, each."""
        return Cost(min(self.blocked_s, other.blocked_s), min(self.total_s, other.total_s))


class LoopWatch:
    """Lets the event loop turn without a pause, and notes the longest turn."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def __aenter__(self) -> LoopWatch:
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            self.longest_s = max(self.longest_s, time.thread_time() - before)


async def cost_of(send: Send, make: Make, expected: set[int], *, at_once: int = 1) -> Cost:
    """The least that a request costs, or so many at once; what only happens now and then does not count.

    Args:
        expected: the statuses that answers may have.
    """
    best = Cost(math.inf, math.inf)
    await send(make())  # what is imported and cached at the first time
    with _without_garbage_collection():
        for _ in range(REPEATED):
            requests = [make() for _ in range(at_once)]
            async with LoopWatch() as loop:
                began = time.thread_time(), time.process_time()
                answers = await asyncio.gather(*map(send, requests))
                # The watch keeps the thread of the loop busy: only the work of others is what it seems.
                others_s = time.process_time() - began[1] - (time.thread_time() - began[0])
            assert {answer.status_code for answer in answers} <= expected, answers[0].text
            best = best.at_best(Cost(loop.longest_s, loop.longest_s + max(0.0, others_s)))
    return best


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def forged(claims: Mapping[str, Any], key: Mapping[str, Any], **header: Any) -> str:
    """A JWS as long as one by `key`: with a signature of another length nothing is computed."""
    size = len(_decoded(key["n"]))
    parts = json.dumps({"alg": "RS256", "typ": "JWT", **header}).encode(), json.dumps(claims).encode()
    return ".".join(map(_encoded, (*parts, b"\x01" * size)))


def seconds_to_verify(*keys: Mapping[str, Any]) -> float:
    """Processor time to check one signature with each of `keys`, with nothing of ours."""
    best = math.inf
    for _ in range(REPEATED):
        began = time.thread_time()
        for key in keys:
            n, e = (int.from_bytes(_decoded(key[name])) for name in ("n", "e"))
            public = rsa.RSAPublicNumbers(e, n).public_key()
            with suppress(InvalidSignature):
                public.verify(b"\x01" * len(_decoded(key["n"])), b"", padding.PKCS1v15(), SHA256())
        best = min(best, time.thread_time() - began)
    return best


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
