"""A body is declared as plain JSON in UTF-8, or it is refused (RFC 9110 §8.3)."""

from __future__ import annotations

import pytest

from resource_service.messages.media_type import (
    UnsupportedMediaTypeError,
    body_in,
    check_media_type,
    described_as_json,
)

pytestmark = pytest.mark.requirement("RS-12")

Fields = list[tuple[bytes, bytes]]
TYPE, CODING = b"content-type", b"content-encoding"


@pytest.mark.parametrize(
    "value",
    [
        b"application/json",
        b" Application/JSON\t",
        b"application/json; charset=utf-8",
        b'application/json ;CHARSET="UTF-8"',
        b"application/json;",
        b"application/json; ; x=y",
    ],
)
def test_json_in_utf_8_is_accepted(value: bytes) -> None:
    check_media_type({"headers": [(TYPE, value)]})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ([], "must be application/json"),
        ([(TYPE, b"application/json")] * 2, "must be application/json"),
        ([(TYPE, b"text/plain")], "must be application/json"),
        ([(TYPE, b"application/jsonl")], "must be application/json"),
        ([(TYPE, b"application/json; charset=utf-16")], "charset"),
        ([(TYPE, b"application/json; charset=latin-1")], "charset"),
        ([(TYPE, b"application/json; charset*=utf-8")], "charset"),
        ([(TYPE, b"application/json; charsets=utf-8")], "charset"),
        ([(TYPE, b"application/json; a=b; A=c")], "repeats a parameter"),
        ([(TYPE, b"application/json; a")], "malformed"),
        ([(TYPE, b"application/json; a=b, text/plain")], "malformed"),
        ([(TYPE, b"application/json"), (CODING, b"gzip")], "content coding"),
        ([(TYPE, b"application/json"), (CODING, b"identity")], "content coding"),
    ],
)
def test_any_other_declaration_is_refused(fields: Fields, says: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError, match=says):
        check_media_type({"headers": fields})


def test_what_is_forwarded_is_described_by_us() -> None:
    headers = [(b"accept", b"*/*"), (TYPE, b"x"), (CODING, b"y"), (b"content-length", b"1")]
    described = described_as_json({"headers": headers, "path": "/"}, b"{}")
    ours = [(TYPE, b"application/json"), (b"content-length", b"2")]
    assert (described["headers"], described["path"]) == ([(b"accept", b"*/*"), *ours], "/")
    assert body_in(described) == b"{}"
    assert body_in({"headers": headers}) is None
