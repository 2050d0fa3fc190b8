"""A name that some parser takes for another one is refused where names have a meaning."""

from __future__ import annotations

from typing import Any

import pytest

from resource_service.messages.member_names import MAX_VALUES, NAMES, fault_in, folded

pytestmark = pytest.mark.requirement("RS-12")


def calling(arguments: object = None, **params: Any) -> dict[str, Any]:
    return {"method": "tools/call", "params": {"name": "x", "arguments": arguments, **params}}


@pytest.mark.parametrize(
    "message",
    [
        calling({"Name": 1, "name": 2, "\ud800": "\0"}),
        {"result": {"Method": 1, "a": 1, "A": 2}},
        {"error": {"data": {"Method": 1}}},
        calling(context={"arguments": {"Name": 1}}),
        calling(inputResponses={"Name": 1}),
        calling(_meta={"example.org/x": {"Name": 1}}),
        {"params": {"capabilities": {"experimental": {"Name": 1}, "extensions": {"Name": 1}}}},
        [{"a": 1}, {"A": 1}],
        {"x" * 129: 1, "X" * 129: 2},
        "text",
        None,
    ],
)
def test_a_message_without_ambiguity_has_no_fault(message: object) -> None:
    assert fault_in(message) is None


@pytest.mark.parametrize(
    "message",
    [
        {"Method": "x"},
        {"param\u017f": {}},
        {"\u0130d": 1},
        {"\u0131d": 1},
        {"a": 1, "A": 2},
        calling(Name="y"),
        calling(_meta={"progressToken": 1, "PROGRESSTOKEN": 2}),
        calling(_meta={"io.modelcontextprotocol/x": {"Name": 1}}),
        calling(_meta={"x": {"Name": 1}}),
        calling(_meta={"example.org/x": 1}, context={"Name": 1}),
        {"error": {"Data": 1}},
        [{"method": "a"}, {"METHOD": "b"}],
        {"params": [{"Name": 1}]},
        {"x" * 128: 1, "X" * 128: 2},
    ],
)
def test_a_name_that_may_be_read_as_another_one_is_named(message: object) -> None:
    assert str(fault_in(message)).endswith("for another one.")


@pytest.mark.parametrize("text", ["\0", "a\0b", chr(0xD800), chr(0xDFFF), f"a{chr(0xDBFF)}"], ids=ascii)
def test_text_that_some_parser_ends_or_replaces_is_refused(text: str) -> None:
    assert fault_in({"x": text}) == "The message contains an invalid character."
    assert str(fault_in({text: 1})).endswith("contains an invalid character.")


@pytest.mark.parametrize("text", ["\ud7ff", "\ue000", "\U0001f600", "\x01"], ids=ascii)
def test_any_other_character_is_text(text: str) -> None:
    assert fault_in({"x": text, text: 1}) is None


def test_a_fault_shows_the_first_64_characters_of_the_name() -> None:
    assert f"the member '{'X' * 64}' for" in str(fault_in({"x" * 100: 1, "X" * 100: 1}))
    assert f"The member '\\x00{'x' * 63}' contains" in str(fault_in({"\0" + "x" * 100: 1}))


def test_values_are_counted_outside_of_what_is_free() -> None:
    assert fault_in([1] * (MAX_VALUES - 1)) is None
    assert fault_in([1] * MAX_VALUES) == "The message contains too many values outside of arguments."
    assert fault_in(calling([1] * MAX_VALUES)) is None


def test_the_names_are_those_of_the_protocol() -> None:
    assert {
        "method",
        "params",
        "_meta",
        "protocolVersion",
        "io.modelcontextprotocol/protocolVersion",
    } <= NAMES
    assert max(map(len, NAMES)) < 128
    assert folded("PARAM\u017f") == "params"
