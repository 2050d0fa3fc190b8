"""A request has one meaning, or is not sent."""

from __future__ import annotations

import pytest

from shared.http1 import InvalidRequestError, Request

FIELDS = [(b"host", b"upstream.example"), (b"mcp-name", b"caf\xc3\xa9\tb")]


def test_a_request_is_written_as_it_is() -> None:
    request = Request(b"POST", b"/mcp?key=%20", FIELDS, b"{}")
    assert request.serialize() == (
        b"POST /mcp?key=%20 HTTP/1.1\r\n"
        b"host: upstream.example\r\nmcp-name: caf\xc3\xa9\tb\r\ncontent-length: 2\r\n\r\n{}"
    )


def test_only_a_request_with_a_body_has_a_length() -> None:
    assert b"content-length: 0\r\n\r\n" in Request(b"POST", b"/", FIELDS, b"").serialize()
    assert b"content-length" not in Request(b"GET", b"/", FIELDS).serialize()


@pytest.mark.parametrize(
    "field",
    [
        (b"a", b"b\r\nc: d"), (b"a", b"b\n"), (b"a", b"b\r"), (b"a", b"\0"), (b"a", b"\x1f"), (b"a", b"\x7f"),
        (b"", b"b"), (b"a b", b"c"), (b"a:", b"b"), (b"a\r\nb", b"c"), (b"\xc3\xa4", b"b"), (b"a(b)", b"c"),
    ],
)  # fmt: skip
def test_a_field_that_could_be_read_as_two_is_refused(field: tuple[bytes, bytes]) -> None:
    with pytest.raises(InvalidRequestError, match="a header contains invalid characters"):
        Request(b"GET", b"/", [*FIELDS, field, (b"z", b"z")]).serialize()


@pytest.mark.parametrize(
    "target", [b"", b"mcp", b"/a b", b"/a\r\nb", b"/\x7f", b"/\xc3\xa4", b"/a\n", b"http://a/"]
)
def test_a_target_that_could_be_read_otherwise_is_refused(target: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="the target contains invalid characters"):
        Request(b"GET", target, FIELDS).serialize()
