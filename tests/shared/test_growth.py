"""Nothing takes longer than in proportion to what it is given: twice as much, at most about twice as long."""

from __future__ import annotations

import gc
import importlib
import inspect
import itertools
import math
import pkgutil
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import auth_service
import resource_service
import shared
from auth_service.protocol import client, redirect_uris, web_addresses
from auth_service.protocol.claims_request import parse_claims
from auth_service.protocol.client_authentication import parse_basic
from auth_service.protocol.parameters import parse_parameters
from resource_service.messages.forwarded_headers import to_client, to_upstream
from resource_service.messages.jsonrpc import read_posted
from resource_service.policy.uris import readings, shorter
from shared.bearer import read_credentials, scheme_of
from shared.dpop import check_proof
from shared.jose import parse
from shared.json_text import parse_json
from shared.scopes import parse_scope
from shared.uris import resource_key

pytestmark = [pytest.mark.long, pytest.mark.requirement("BOUND-1")]

FAST_S = 0.05
"""Durations below this are too short for the clock, so they are not compared."""

GROWTH = 3.0
"""Linear is 2, quadratic 4, at every length. Where the memory of a larger input no longer fits into a cache
that others use, too, the time jumps once."""

ROUNDS, ENOUGH = 24, 2

WITHOUT_FASTMCP = {"resource_service.verifiers.fastmcp"}


def timed(call: Callable[[], object]) -> float:
    """The processor time of one call in this thread, in seconds; servers run in others."""
    started = time.thread_time()
    with suppress(ValueError, LookupError, Exception):
        call()
    return time.thread_time() - started


def grows_in_proportion(call: Callable[[int], object], n: int) -> bool:
    return any(_is_linear_from(length, call) for length in (n, 2 * n))


def _is_linear_from(n: int, call: Callable[[int], object]) -> bool:
    small = large = float("inf")
    for turn in range(ROUNDS):  # in turns: what else the machine does must slow down both alike
        large = min(large, timed(lambda: call(2 * n)))
        if large < FAST_S:
            return True
        small = min(small, timed(lambda: call(n)))
        if turn >= ENOUGH and large < GROWTH * small:
            return True
    return False


Attempt = Callable[[str], object]


def attempts() -> Iterator[tuple[str, Attempt]]:
    """Every regular expression at the top of a module of ours, in each way in which the module uses it."""
    for package in (auth_service, resource_service, shared):
        for package_module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if package_module.name in WITHOUT_FASTMCP or package_module.name.endswith("__main__"):
                continue
            module = importlib.import_module(package_module.name)
            patterns = {name: value for name, value in vars(module).items() if isinstance(value, re.Pattern)}
            source = inspect.getsource(module) if patterns else ""
            for name, pattern in patterns.items():
                if f"{name} = re." in source:
                    used = re.findall(rf"\b{name}\.(match|fullmatch|search|finditer|sub)\b", source)
                    for method in sorted(set(used)):
                        yield f"{package_module.name}.{name}.{method}", attempt(pattern, method)


def attempt(pattern: re.Pattern[Any], method: str) -> Attempt:
    def run(text: str) -> None:
        subject = text if isinstance(pattern.pattern, str) else text.encode()
        if method == "sub":
            pattern.sub(subject[:0], subject)
        elif method == "finditer":
            deque(pattern.finditer(subject), maxlen=0)
        else:
            getattr(pattern, method)(subject)

    return run


ATTEMPTS = dict(attempts())
PUMPS = (
    *("a", "A", "0", "1", " ", "\t", "\n", "\r", ",", "=", ".", "-", "_", "/", ":", '"', "'", "\\", "*", "%"),
    *("[", "]", "{", "}", "a.", "a-", "1.", "/a", "a/", "=,", " ,", ' "', '\\"', "a=", "a= ", "\r\n", "0x"),
    *("a:", "://", "\u0301", "dw_at_", "[a]", "*.", '"a', "a=1 ", "a=' ", "2026-01-01T", "\x1b[", "data:"),
)
ENDS = ("\x00", "=", "!")
STARTS = (
    "",
    "a",
    "http://",
    "https://a",
    "Bearer ",
    "Bearer a",
    "a=",
    'a="',
    "data",
    "2026-01-01T00:00 [info] ",
)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_regular_expression_takes_linear_time(name: str) -> None:
    run = ATTEMPTS[name]
    for start, end in itertools.product(STARTS, ENDS):
        for pump in PUMPS:

            def attempt(n: int, start: str = start, pump: str = pump, end: str = end) -> None:
                run(start + pump * (n // len(pump)) + end)

            assert grows_in_proportion(attempt, 6_000), (start, pump, end)


@pytest.mark.parametrize(
    ("seconds", "is_linear"),
    [
        (lambda n: n, True),
        (lambda n: n if n < 2_000 else 1.7 * n, True),
        (lambda n: n * math.log2(n), True),
        (lambda n: n**2, False),
        (lambda n: n**1.6, False),
        (lambda n: 2 ** (n / 500), False),
    ],
)
def test_a_time_that_jumps_once_is_in_proportion_and_a_power_is_not(
    seconds: Callable[[int], float], is_linear: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    def take(n: int) -> None:
        clock[0] += seconds(n)

    monkeypatch.setattr(time, "thread_time", lambda: clock[0])
    assert grows_in_proportion(take, 1_000) == is_linear


def test_the_expressions_that_are_tried_are_not_few() -> None:
    assert len(ATTEMPTS) > 30


PROOF = {"htm": "POST", "iat": 0, "jti": "1"}
READERS: dict[str, Callable[[int], object]] = {
    "parameters": lambda n: parse_parameters(b"a" * n + b"&" * n),
    "escapes": lambda n: parse_parameters(b"a=" + b"%41" * n),
    "many parameters": lambda n: parse_parameters(b"&".join(b"%d=1" % i for i in range(n))),
    "claims": lambda n: parse_claims('{"id_token":{' + '"a":null,' * n + '"b":null}}'),
    "scope": lambda n: parse_scope(" ".join(f"s{i}" for i in range(n))),
    "spaces in a scope": lambda n: parse_scope(" " * n),
    "Basic credentials": lambda n: parse_basic("Basic " + "QUE6" * n),
    "credentials": lambda n: read_credentials(["Bearer " + "a" * n + "!"], "a=b&" * n),
    "scheme": lambda n: scheme_of(["a" * n]),
    "nested arrays": lambda n: parse_json("[" * n + "]" * n),
    "arrays side by side": lambda n: parse_json("[" + "[[]]," * n + "1]"),
    "a string without end": lambda n: parse_json('["' + '\\"' * n),
    "strings": lambda n: parse_json("[" + '"[",' * n + "1]"),
    "digits": lambda n: parse_json("1" * n),
    "messages": lambda n: read_posted(b"[" + b'{"a":[]},' * n + b"1]"),
    "JWS": lambda n: parse("e30." + "e" * n + "." + "." * n),
    "segments of a URI that go up again": lambda n: list(readings("n://" + "a/" * n + "../" * n)),
    "the same, encoded": lambda n: list(readings("http://a/" + "a/" * n + "%2e%2e/" * n)),
    "the same in a file": lambda n: list(readings("file:///" + "a/" * n + "..\\" * n)),
    "a URI with less and less": lambda n: list(shorter("n://" + "u@" * n + ":1" * n + "?" * n + "#" * n)),
    "nested arrays in a message": lambda n: read_posted(b"[" * n + b"]" * n),
    "htu": lambda n: check_proof({**PROOF, "htu": "https://a/" + "../" * n}, "POST", ("https://a/",), 0),
    "URL of a resource": lambda n: resource_key("https://a/" + "a/../" * n),
    "web URL": lambda n: web_addresses.split_web_url("https://" + "a." * n + "a/" + "%2e./" * n + "\\"),
    "URI of an app": lambda n: web_addresses.check_uri("app://" + "a" * n + ":1" + "/..a" * n + "\\"),
    "web address": lambda n: web_addresses.parse_web_address("https://" + "a." * n + "1"),
    "redirect URI": lambda n: redirect_uris.check_registrable("http://localhost/" + "a/" * n),
    "redirect URIs": lambda n: redirect_uris.matches("http://localhost/" + "a" * n, ["http://localhost/"]),
    "marks in a name": lambda n: client._visible_name("a" + "\u0301" * n),  # noqa: SLF001
    "headers": lambda n: to_upstream([(b"a%d" % i, b"b") for i in range(n)]),
    "Connection": lambda n: to_upstream([(b"connection", b"a, " * n), (b"a", b"b" * n)]),
    "headers of an answer": lambda n: to_client([(b"connection", b"a," * n), *[(b"a", b"b")] * n]),
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_of_what_strangers_send_takes_linear_time(reader: str) -> None:
    gc.collect()
    gc.disable()  # it takes its time whenever it likes
    try:
        assert grows_in_proportion(READERS[reader], 30_000)
    finally:
        gc.enable()
