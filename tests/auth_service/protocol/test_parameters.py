"""From urlencoded text to parameters."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from auth_service.protocol.errors import InvalidRequestError, InvalidTargetError
from auth_service.protocol.parameters import MAX_PARAMETERS, parse_parameters
from auth_service.protocol.reasons import Reason
from tests.refusals import because


@pytest.mark.parametrize(
    ("encoded", "values"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=", {}),
        (b"a", {}),
        (b"a=+b%20c%2B", {"a": " b c+"}),
        (b"a=%C3%BC", {"a": "ü"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"&&a=1&&", {"a": "1"}),
        (b"=1&a=2", {"": "1", "a": "2"}),
        (b"%61=1", {"a": "1"}),
        (b"a=%", {"a": "%"}),
        (b"a=%zz", {"a": "%zz"}),
        (b"A=1&a=2", {"A": "1", "a": "2"}),
    ],
)
def test_values_are_decoded_and_empty_ones_count_as_left_out(encoded: bytes, values: dict[str, str]) -> None:
    parameters = parse_parameters(encoded)
    assert parameters.values == values
    assert parameters.get("never sent") is None


@pytest.mark.parametrize(
    "encoded", ["a%3Db=%26&c+d=e+f%2B", "a=%C3%BC+x&b=plain&%62b", "a==%3D&&=%20&b%", ""]
)
def test_decoded_names_and_values_are_those_of_the_standard_library(encoded: str) -> None:
    pairs = parse_qsl(encoded, keep_blank_values=True, errors="strict")
    assert parse_parameters(encoded.encode()).values == {name: value for name, value in pairs if value}


@pytest.mark.requirement("SEC-2")
@pytest.mark.parametrize(
    "encoded",
    [b"a=1&a=2", b"a=1&a=1", b"a=&a=1", b"a=1&a=", b"a&a", b"a=1&%61=2", b"a=1&b=2&a=3", b"=1&=2"],
)
def test_a_name_that_comes_twice_is_refused(encoded: bytes) -> None:
    with pytest.raises(InvalidRequestError, check=because(Reason.PARAMETER_REPEATED)):
        parse_parameters(encoded)


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize(
    "encoded",
    [b"a=\xff", b"a=\xc3\xbc", b"a=%ff", b"a=%C3", b"a=%ED%A0%80", b"a=%00", b"%00=a", b"a=x%00y"],
)
def test_text_that_is_not_unicode_or_holds_nul_is_refused(encoded: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parse_parameters(encoded)


@pytest.mark.requirement("SEC-17")
def test_there_is_an_end_to_the_number_of_parameters() -> None:
    most = b"&".join(b"p%d=1" % number for number in range(MAX_PARAMETERS))
    assert len(parse_parameters(most).values) == MAX_PARAMETERS
    with pytest.raises(InvalidRequestError):
        parse_parameters(most + b"&one=more")
    with pytest.raises(InvalidRequestError):
        parse_parameters(most + b"&one=more&another=one")


@pytest.mark.parametrize("encoded", [b"a=&a=1", b"a=&a=%31"])
def test_an_empty_parameter_counts_when_it_is_repeated(encoded: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="a appears more than once"):
        parse_parameters(encoded)


def test_a_refusal_shows_a_harmless_name_only() -> None:
    with pytest.raises(InvalidRequestError) as plain:
        parse_parameters(b"state=1&state=2")
    assert plain.value.description == "state appears more than once"
    with pytest.raises(InvalidRequestError, match="^" + "a" * 64 + " appears"):
        parse_parameters(b"a" * 64 + b"=1&" + b"a" * 64 + b"=2")
    for name in (b"<script>", b"a" * 65, b"a%22b", b"a%0d%0ab"):
        with pytest.raises(InvalidRequestError) as odd:
            parse_parameters(name + b"=1&" + name + b"=2")
        assert odd.value.description == "a parameter appears more than once"


def test_a_parameter_that_must_be_there_is_named_when_it_is_missing() -> None:
    assert parse_parameters(b"code=1").require("code") == "1"
    for encoded in (b"", b"code=", b"code"):
        with pytest.raises(InvalidRequestError, match="code is missing"):
            parse_parameters(encoded).require("code")


@pytest.mark.requirement("AS-14")
def test_resource_alone_may_be_repeated_with_one_value() -> None:
    assert parse_parameters(b"").resource() is None
    assert parse_parameters(b"resource=").resource() is None
    assert parse_parameters(b"resource=a&resource=a&resource=").resource() == "a"
    twice = b"resource=https://mcp.example/mcp&resource=HTTPS://MCP.example/mcp/"
    assert parse_parameters(twice).resource() == "https://mcp.example/mcp"
    with pytest.raises(InvalidTargetError):
        parse_parameters(b"resource=a&resource=b").resource()
