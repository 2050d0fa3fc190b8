"""The header of an API key: its name, its prefix, and what cannot be one (GW-1)."""

from __future__ import annotations

import pytest

from resource_service.messages.key_header import KeyHeader, check_header, check_prefix

pytestmark = pytest.mark.requirement("GW-1")


@pytest.mark.parametrize(
    ("name", "prefix", "field"),
    [
        (None, None, (b"authorization", b"Bearer k")),
        ("Authorization", "Token ", (b"authorization", b"Token k")),
        ("X-API-Key", None, (b"x-api-key", b"k")),
        ("X-API-Key", "Key ", (b"x-api-key", b"Key k")),
        ("X-API-Key", " ", (b"x-api-key", b"k")),
    ],
)
def test_a_key_is_sent_in_its_header_with_its_prefix(
    name: str | None, prefix: str | None, field: tuple[bytes, bytes]
) -> None:
    assert KeyHeader.of(name, prefix).field("k") == field


@pytest.mark.parametrize(
    "name",
    ["Host", "Cookie", "X-Doorward-Token", "Mcp-Session-Id", "Accept", "a b", "a_b", "X\n"],
)
def test_a_header_that_means_something_else_is_not_that_of_a_key(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent in this header"):
        check_header(name)


@pytest.mark.parametrize("prefix", ["Bearer\r\n", "x" * 41, "\u00fc"])
def test_a_prefix_is_short_and_one_line(prefix: str) -> None:
    with pytest.raises(ValueError, match="at most 40"):
        check_prefix(prefix)
