"""JSON is read and written without a change of meaning."""

from __future__ import annotations

import json
from typing import Any

import pytest

from resource_service.messages.exact_json import (
    MAX_DEPTH,
    MAX_NUMBER_CHARACTERS,
    ExactNumber,
    UnreadableError,
    dumps,
    loads,
)

pytestmark = pytest.mark.requirement("RS-12")


@pytest.mark.parametrize(
    "number",
    [
        "0",
        "-7",
        "42",
        "0.1",
        "-0.0",
        "1e400",
        "-1e400",
        "1e999999999999999999999",
        "0.12345678901234567890123",
    ],
)
def test_a_number_is_written_as_it_was_read(number: str) -> None:
    assert (
        dumps(loads(f'{{"n":[{number},"x",{number}]}}'.encode()))
        == f'{{"n":[{number},"x",{number}]}}'.encode()
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.50", 1.5),
        ("1e2", 100.0),
        ("1e400", ExactNumber("1e400")),
        ("0.10000000000000001", ExactNumber("0.10000000000000001")),
    ],
)
def test_a_number_is_a_double_if_that_represents_it_exactly(text: str, value: object) -> None:
    assert loads(text.encode()) == value


def test_the_texts_of_exact_numbers_are_put_where_they_were() -> None:
    text = b'["",1e400,{"a":2e400},3e400,"4e400"]'
    assert dumps(loads(text)) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "The body is not JSON."),
        (b"\xff", "The body is not JSON."),
        (b"NaN", "The body contains a number that is not valid in JSON."),
        (b"-Infinity", "The body contains a number that is not valid in JSON."),
        (b"0." + b"1" * (MAX_NUMBER_CHARACTERS - 1), "The body contains a number that is too long."),
        (b"[" * 129 + b"]" * 129, "The body is nested deeper than 128 levels."),
    ],
)
def test_anything_else_is_refused_in_a_sentence(text: bytes, says: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        loads(text)
    assert str(raised.value) == says


def test_what_is_at_the_limits_is_read() -> None:
    number = b"0." + b"1" * (MAX_NUMBER_CHARACTERS - 2)
    assert dumps(loads(number)) == number
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_an_object_is_built_from_its_members_in_their_order() -> None:
    assert loads(b'{"b":1,"a":2}', object_of=list) == [("b", 1), ("a", 2)]  # type: ignore[arg-type]


def test_text_is_one_line_to_every_reader_and_always_in_utf_8() -> None:
    written = dumps({"a": "ü \u2028\u2029\x85\x7f\x9f\ud800"})
    assert written == '{"a":"ü \\u2028\\u2029\\u0085\\u007f\\u009f\\ud800"}'.encode()
    assert json.loads(written) == {"a": "ü \u2028\u2029\x85\x7f\x9f\ud800"}


@pytest.mark.parametrize(("value", "error"), [(float("inf"), ValueError), (object(), TypeError)])
def test_what_has_no_place_in_json_is_not_written(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        dumps([value])
