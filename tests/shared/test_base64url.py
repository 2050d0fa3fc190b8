"""base64url (RFC 7515 §2) is encoded and decoded in one place."""

from __future__ import annotations

import pytest

from shared import base64url
from tests.source_files import ROOT, sources


def test_it_has_no_padding_and_only_url_safe_characters() -> None:
    assert base64url.encode(b"\xfb\xef\xbe\xff") == "----_w"


@pytest.mark.parametrize("text", ["----_w", "----_w=="])
def test_text_is_decoded_with_and_without_padding(text: str) -> None:
    assert base64url.decode(text) == b"\xfb\xef\xbe\xff"


@pytest.mark.parametrize("text", ["a", "é", "abcde"])
def test_what_encodes_nothing_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- binascii.Error is one
        base64url.decode(text)


def test_nothing_else_encodes_or_decodes_it() -> None:
    users = [
        str(path)
        for package in ("auth_service", "resource_service", "shared")
        for path in sources(f"{package}/**/*.py")
        if "urlsafe_b64" in (ROOT / path).read_text()
    ]
    assert users == ["shared/base64url.py"]
