"""SEC-12: what a stranger's server answers costs no more than it may, and leads nowhere else."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from auth_service.fetching import Fetcher, Limits
from tests.attacks.listener import PUBLIC, fetcher_to, listening, refuse
from tests.certificates import Authority
from tests.sites import HERE, HOST, Names, Site, answer, dripping, raw, site

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("SEC-12")]


@pytest.fixture
def listener(authority: Authority) -> Iterator[Site]:
    with listening(authority) as running:
        yield running


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
@pytest.mark.parametrize(
    "target", ["https://{inside}/", "http://169.254.169.254/latest/meta-data/", "/again"]
)
async def test_a_redirect_is_not_followed(
    listener: Site, authority: Authority, status: str, target: str
) -> None:
    with site(authority.certifying(HOST)) as inside:
        location = target.format(inside=f"127.0.0.1:{inside.port}")
        listener.answers["/"] = answer(b"{}", status=status, headers={"Location": location})
        names = Names({HOST: [HERE], "127.0.0.1": [HERE]})
        fetcher = Fetcher(loopback=True, ssl_context=authority.trusting(), resolve=names)
        error = await refuse(fetcher, f"https://{HOST}:{listener.port}/")
        assert error.reason == f"its server responded with status {status[:3]}, not 200"
        assert inside.contacts() == []
        assert [contact.request for contact in listener.contacts()] == ["GET / HTTP/1.1"]


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy"])
async def test_a_proxy_of_the_environment_is_not_used(
    listener: Site, authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with site() as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        fetcher = fetcher_to(listener, authority, Names({HOST: [PUBLIC]}))
        await fetcher.fetch_json(f"https://{HOST}/")
        fetcher.close()
        assert proxy.contacts() == []


def _stranger(listener: Site, authority: Authority, *, total_s: float = 10) -> tuple[Fetcher, str]:
    fetcher = Fetcher(
        loopback=True,
        limits=Limits(total_s=total_s),
        ssl_context=authority.trusting(),
        resolve=Names({HOST: [HERE]}),
    )
    return fetcher, f"https://{HOST}:{listener.port}/"


def _endless(stream: socket.socket, _closing: object) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(10_000):
        stream.sendall(b"x" * 65_536)


@pytest.mark.parametrize(
    "oversized",
    [
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5121\r\n\r\n", b" " * 5_121),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 5_121),
        raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            *[b"400\r\n" + b" " * 1_024 + b"\r\n"] * 6,
        ),
        _endless,
    ],
)
async def test_more_than_may_come_is_not_read(listener: Site, authority: Authority, oversized: Any) -> None:
    listener.answers["/"] = oversized
    fetcher, url = _stranger(listener, authority)
    assert (await refuse(fetcher, url)).reason == "it is larger than 5120 bytes"


def _gzipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", _gzipped(b" " * 4_000_000)),
        ("deflate", zlib.compress(b" " * 4_000_000)),
        ("gzip, gzip", _gzipped(_gzipped(b" " * 4_000_000))),
        ("br", b"\x00" * 16),
        ("x-unknown", b"{}"),
    ],
)
async def test_a_compressed_body_is_not_unfolded(
    listener: Site, authority: Authority, encoding: str, body: bytes
) -> None:
    assert len(body) < 5_120
    listener.answers["/"] = answer(body, headers={"Content-Encoding": encoding})
    fetcher, url = _stranger(listener, authority)
    assert (await refuse(fetcher, url)).reason == "it is compressed, although compression was not requested"


def _silent(stream: socket.socket, closing: Any) -> None:
    closing.wait()


@pytest.mark.parametrize(
    "slow",
    [
        _silent,
        dripping(b"", every_s=0.02),
        dripping(b"HTTP/1.1 200 OK\r\nX: ", every_s=0.02),
        dripping(b"HTTP/1.1 200 OK\r\n\r\n", every_s=0.02),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", every_s=0.02),
        dripping(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, every_s=0.02),
    ],
)
async def test_a_slow_answer_is_not_waited_for(listener: Site, authority: Authority, slow: Any) -> None:
    listener.answers["/"] = slow
    fetcher, url = _stranger(listener, authority, total_s=0.5)
    began = time.monotonic()
    error = await refuse(fetcher, url)
    assert time.monotonic() - began < 5
    assert error.passing


async def test_a_server_that_does_not_finish_the_handshake_is_not_waited_for(authority: Authority) -> None:
    with site() as plain:  # waits for a request in the clear, which never comes
        fetcher, url = _stranger(plain, authority, total_s=0.5)
        began = time.monotonic()
        await refuse(fetcher, url)
        assert time.monotonic() - began < 5
