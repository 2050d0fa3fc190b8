"""Addresses that are safe to compare."""

from __future__ import annotations

import pytest

from auth_service.protocol.email_addresses import normalized, required

pytestmark = pytest.mark.requirement("ID-2")

LABEL = "d" * 61


def test_an_address_is_compared_in_lower_case() -> None:
    assert normalized("Ada.L+x@Corp.Example") == "ada.l+x@corp.example"


@pytest.mark.parametrize(
    "address",
    ["", "ada", "ada@corp", "@corp.example", "ada@@corp.example", "ad\u0430@corp.example", "a@b.example\n"],
)
def test_an_address_that_cannot_be_compared_safely_is_ignored(address: str) -> None:
    assert normalized(address) is None


def test_an_address_has_at_most_254_characters() -> None:
    longest = f"{'a' * 64}@{LABEL}.{LABEL}.{LABEL}.eee"
    assert len(longest) == 254
    assert normalized(longest) == longest
    assert normalized(f"{longest}e") is None
    assert normalized(f"{longest}ee") is None


def test_an_address_that_is_required_must_be_safe_to_compare() -> None:
    assert required("Ada@Corp.example") == "ada@corp.example"
    with pytest.raises(ValueError, match="must have the form name@domain"):
        required("ada")
