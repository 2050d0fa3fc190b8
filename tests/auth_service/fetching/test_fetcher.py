"""The requests that the fetcher sends, and the responses that it accepts; see also `tests/attacks`."""

from __future__ import annotations

import asyncio
import time
from ipaddress import IPv4Address

import pytest

from auth_service.fetching import Fetcher, FetchError, Limits
from tests.certificates import Authority
from tests.sites import HERE, HOST, Names, Site, answer, document, dripping, raw, site

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("SEC-12")]

NOWHERE = IPv4Address("127.0.0.2")


def url(stranger: Site, path: str = "/document") -> str:
    return f"https://{HOST}:{stranger.port}{path}"


async def refused(fetcher: Fetcher, url: str, *, max_bytes: int = 1_000) -> FetchError:
    with pytest.raises(FetchError) as caught:
        (await fetcher.get(url, max_bytes=max_bytes)).json()
    return caught.value


async def test_a_document_comes_with_its_headers(fetcher: Fetcher, stranger: Site) -> None:
    stranger.answers["/document"] = document({"a": "é"}, Cache_Control="max-age=5")
    fetched = await fetcher.get(url(stranger), max_bytes=1_000)
    assert fetched.json() == {"a": "é"}
    assert fetched.headers["cache-control"] == "max-age=5"


async def test_the_name_is_in_the_handshake_and_in_the_host_header(fetcher: Fetcher, stranger: Site) -> None:
    stranger.answers["/document?a=1"] = document({})
    await fetcher.get(url(stranger, "/document?a=1"), max_bytes=1_000)
    (contact,) = stranger.contacts()
    assert contact.server_name == HOST
    assert contact.headers["host"] == f"{HOST}:{stranger.port}"
    assert contact.request == "GET /document?a=1 HTTP/1.1"
    assert contact.headers["accept-encoding"] == "identity"


async def test_nothing_is_carried_from_one_request_to_the_next(fetcher: Fetcher, stranger: Site) -> None:
    stranger.answers["/document"] = document({}, Set_Cookie="seen=1; Path=/")
    for _ in range(2):
        await fetcher.get(url(stranger), max_bytes=1_000)
    first, second = stranger.contacts()
    assert (
        first.headers.keys()
        == second.headers.keys()
        == {*("host", "accept", "accept-encoding", "connection", "user-agent")}
    )


async def test_a_post_carries_its_body(fetcher: Fetcher, stranger: Site) -> None:
    stranger.answers["/logout"] = answer(b"", status="204 No Content", length=False)
    await fetcher.post(url(stranger, "/logout"), b"logout_token=x", "application/x-www-form-urlencoded")
    (contact,) = stranger.contacts()
    assert (contact.request, contact.body) == ("POST /logout HTTP/1.1", b"logout_token=x")
    assert contact.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("length", [True, False])
async def test_exactly_as_much_as_may_come_is_read(fetcher: Fetcher, stranger: Site, length: bool) -> None:
    stranger.answers["/document"] = answer(b'"' + b"x" * 998 + b'"', length=length)
    assert len((await fetcher.get(url(stranger), max_bytes=1_000)).body) == 1_000
    stranger.answers["/document"] = answer(b'"' + b"x" * 999 + b'"', length=length)
    assert (await refused(fetcher, url(stranger))).reason == "it is larger than 1000 bytes"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/client+json", "text/json"],
)
async def test_json_is_taken_under_each_of_its_names(
    fetcher: Fetcher, stranger: Site, content_type: str
) -> None:
    stranger.answers["/document"] = document([1], Content_Type=content_type)
    assert await fetcher.fetch_json(url(stranger)) == [1]


async def test_json_is_taken_without_a_content_type(fetcher: Fetcher, stranger: Site) -> None:
    stranger.answers["/document"] = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert await fetcher.fetch_json(url(stranger)) == {}


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "application/octet-stream"])
async def test_json_is_not_taken_for_something_else(
    fetcher: Fetcher, stranger: Site, content_type: str
) -> None:
    stranger.answers["/document"] = document({}, Content_Type=content_type)
    assert (await refused(fetcher, url(stranger))).reason == "it is not served as JSON"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"a": NaN}', b'"\\ud800"', b"[" * 900, '{"a": 1}'.encode("utf-16")]
)
async def test_what_is_not_json_is_refused(fetcher: Fetcher, stranger: Site, body: bytes) -> None:
    stranger.answers["/document"] = answer(body)
    assert (await refused(fetcher, url(stranger))).reason == "it is not JSON"


@pytest.mark.parametrize(
    ("status", "passing"),
    [
        *(
            (status, False)
            for status in ("201 Created", "204 No Content", "206 Partial Content", "304 Not Modified")
        ),
        *((status, False) for status in ("400 Bad Request", "404 Not Found", "410 Gone")),
        *((status, True) for status in ("429 Too Many Requests", "500 Oh", "503 Oh")),
    ],
)
async def test_only_200_is_an_answer(fetcher: Fetcher, stranger: Site, status: str, passing: bool) -> None:
    stranger.answers["/document"] = answer(b"", status=status, length=False)
    error = await refused(fetcher, url(stranger))
    assert error.reason == f"its server responded with status {status[:3]}, not 200"
    assert error.passing is passing


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    ],
)
async def test_what_is_not_http_is_not_an_answer(fetcher: Fetcher, stranger: Site, answer: bytes) -> None:
    stranger.answers["/document"] = raw(answer)
    assert (await refused(fetcher, url(stranger))).reason == "its server cannot be reached"


async def test_a_certificate_for_another_name_is_refused(
    fetcher: Fetcher, names: Names, stranger: Site
) -> None:
    names.answers["other.example"] = [HERE]
    error = await refused(fetcher, f"https://other.example:{stranger.port}/document")
    assert error.reason == "its server cannot be reached"
    assert stranger.contacts()[0].request == ""


async def test_a_certificate_of_nobody_known_is_refused(names: Names, stranger: Site) -> None:
    distrustful = Fetcher(loopback=True, resolve=names)
    error = await refused(distrustful, url(stranger))
    assert "certificate" in str(error.detail)
    distrustful.close()


async def test_the_next_address_is_tried_where_one_does_not_answer(
    fetcher: Fetcher, names: Names, stranger: Site
) -> None:
    names.answers[HOST] = [NOWHERE, HERE]
    stranger.answers["/document"] = document({})
    assert await fetcher.fetch_json(url(stranger)) == {}


async def test_a_name_without_an_address_is_refused(fetcher: Fetcher) -> None:
    assert (await refused(fetcher, "https://nowhere.example/")).reason == "its server cannot be reached"


async def test_this_machine_may_be_asked_by_http_where_that_is_switched_on(
    names: Names, fetcher: Fetcher
) -> None:
    names.answers["localhost"] = [HERE]
    with site() as plain:
        plain.answers["/document"] = document({})
        assert await fetcher.fetch_json(f"http://localhost:{plain.port}/document") == {}


async def test_a_request_waits_for_its_turn(authority: Authority, names: Names, stranger: Site) -> None:
    fetcher = Fetcher(
        loopback=True,
        limits=Limits(total_s=0.5, wait_s=0.5, at_once=2),
        ssl_context=authority.trusting(),
        resolve=names,
    )
    stranger.answers["/slow"] = dripping(b"HTTP/1.1 200 OK\r\n\r\n", every_s=0.05)
    slow = [asyncio.create_task(refused(fetcher, url(stranger, "/slow"))) for _ in range(5)]
    began = time.monotonic()
    reasons = {(await task).reason for task in slow}
    assert reasons <= {"its server did not respond in time", "too many requests are in progress; try again"}
    assert len(stranger.contacts()) <= 4  # two, and two more as these let go; never five
    assert time.monotonic() - began < 3
    fetcher.close()
