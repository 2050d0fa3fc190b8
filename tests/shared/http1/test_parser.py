"""Responses, in pieces of any size, as RFC 9112 §6.3 reads them."""

from __future__ import annotations

import weakref

import pytest

from shared.http1.errors import BrokenOffError
from shared.http1.parser import MAX_FIELDS_BYTES, ResponseParser

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX: 1\r\nx: 2\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-Late: 1\r\n\r\n"
)
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\nhello"


def parsed(data: bytes, size: int = 1 << 20) -> ResponseParser:
    parser = ResponseParser()
    for start in range(0, len(data), size):
        parser.feed(data[start : start + size])
    return parser


def complete(parser: ResponseParser) -> bool:
    """Whether it is complete now; mypy takes an attribute for constant."""
    return parser.is_complete


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("data", [LENGTH, CHUNKED])
def test_a_response_may_arrive_in_any_pieces(data: bytes, size: int) -> None:
    parser = parsed(data, size)
    assert parser.is_complete
    assert parser.keeps_alive
    assert (parser.status, parser.buffered, parser.take(), parser.buffered) == (200, 5, b"hello", 0)
    assert not parser.take()


def test_names_are_in_lower_case_and_fields_in_their_order() -> None:
    expected = [(b"content-type", b"a/b"), (b"x", b"1"), (b"x", b"2"), (b"content-length", b"5")]
    assert parsed(LENGTH).fields == expected


def test_trailers_are_not_header_fields() -> None:
    assert parsed(CHUNKED).fields == [(b"transfer-encoding", b"chunked")]


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_some_responses_have_no_body(status: bytes) -> None:
    parser = parsed(b"HTTP/1.1 %b\r\n\r\n" % status)
    assert parser.is_complete
    assert parser.keeps_alive


def test_informational_responses_are_skipped() -> None:
    first = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
    assert not parsed(first).has_head
    parser = parsed(first + LENGTH)
    assert parser.status == 200
    assert all(name != b"link" for name, _ in parser.fields)
    assert parser.take() == b"hello"
    assert parser.keeps_alive


def test_a_response_without_a_length_ends_with_the_connection() -> None:
    parser = parsed(UNTIL_CLOSED)
    assert parser.has_head
    assert not complete(parser)
    parser.feed_eof()
    assert complete(parser)
    assert not parser.keeps_alive
    assert parser.take() == b"hello"


@pytest.mark.parametrize("data", [LENGTH, CHUNKED])
def test_a_response_that_is_cut_off_is_not_complete(data: bytes) -> None:
    for end in range(len(data) - 1):
        parser = parsed(data[:end])
        assert not parser.is_complete
        with pytest.raises(BrokenOffError, match="closed the connection before the end"):
            parser.feed_eof()


def test_closing_the_connection_after_a_response_is_not_a_failure() -> None:
    parser = parsed(LENGTH)
    parser.feed_eof()
    assert parser.is_complete


def test_a_connection_is_kept_only_if_both_sides_say_so() -> None:
    closing = LENGTH.replace(b"X: 1", b"Connection: close")
    assert not parsed(closing).keeps_alive
    assert not parsed(LENGTH.replace(b"HTTP/1.1", b"HTTP/1.0")).keeps_alive


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_second_response_is_not_mixed_with_the_first(size: int) -> None:
    parser = parsed(LENGTH + LENGTH.replace(b"hello", b"other").replace(b"200", b"500"), size)
    assert (parser.status, parser.take()) == (200, b"hello")
    assert not parser.keeps_alive


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        UNTIL_CLOSED.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: gzip\r\n\r\n"),
        CHUNKED.replace(b": chunked", b": gzip, chunked"),
        CHUNKED.replace(b"\r\n\r\n2", b"\r\nTransfer-Encoding: chunked\r\n\r\n2"),
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_what_is_not_a_response_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenOffError, match="cannot be parsed"):
        parsed(data)


def test_a_body_has_no_limit_and_the_rest_has_one() -> None:
    head = b"HTTP/1.1 200 OK\r\nX: %b\r\nContent-Length: 200000\r\n\r\n"
    parser = parsed(head % (b"x" * (MAX_FIELDS_BYTES - 100)), 1_000)
    parser.feed(b"y" * 200_000)
    assert parser.is_complete
    long = b"x" * (MAX_FIELDS_BYTES + 2_000)
    for data in (head % long, CHUNKED.replace(b": 1", b": " + long), CHUNKED.replace(b"a=b", long)):
        with pytest.raises(BrokenOffError, match="the header or trailer of the response exceeds"):
            parsed(data, 1_000)


def test_a_connection_of_http_1_0_with_a_transfer_coding_is_not_used_again() -> None:
    keep_alive = b"Transfer-Encoding: chunked\r\nConnection: keep-alive"
    older = CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Transfer-Encoding: chunked", keep_alive)
    assert not parsed(older).keeps_alive
    assert parsed(older.replace(b"HTTP/1.0", b"HTTP/1.1")).keeps_alive


@pytest.mark.parametrize("data", [LENGTH, CHUNKED])
def test_a_complete_response_needs_no_garbage_collector(data: bytes) -> None:
    parser = parsed(data)
    kept = weakref.ref(parser)
    del parser
    assert kept() is None
