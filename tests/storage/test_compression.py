"""Compressed documents come back as they were, whatever they hold, and a damaged one is refused."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass

import pytest

from auth_service.protocol.client import Client
from auth_service.protocol.grant import Grant
from auth_service.protocol.request_source import RequestSource
from shared.storage.compression import compress, expand
from shared.storage.json_codec import JsonCodec, UnreadableDocumentError

TYPICAL_GRANT = Grant(
    grant_id="Za52n7DA4g30ACsHqwJDaw",
    client_id="27mBT83YUVdWA60Ff2GJWg",
    scopes=("notes:read", "notes:write"),
    created_at=1_795_887_474,
    expires_at=1_811_439_534,
    state="active",
    resource="https://mcp.example.com/mcp",
    subject="1szLdmE9NTFv7NI3Saan3g",
    username="alice",
    session_id="Z2rJgSbU3GRe2COUIev_1A",
    auth_time=1_795_887_474,
    redirect_uri="http://127.0.0.1:53682/callback",
    code_challenge="ikOSR3rSAbCiPojfJxLDF9E-4e5GhCxR7kK_Tjg8OGQ",
    refreshable=True,
    generation=7,
    issued_at=1_795_887_474,
    access_expires_at=1_795_888_074,
    refresh_expires_at=1_798_479_474,
    session_key="e89827df970174b46c0c02dc0409a84c976121c230a497c2ac27c19f89898b75",
    amr=("pwd",),
    redeemed_at=1_795_887_474,
    source=RequestSource(network="192.0.2.1/32", browser="Firefox on Linux"),
)
TYPICAL_CLIENT = Client(
    client_id="27mBT83YUVdWA60Ff2GJWg",
    created_at=1_795_887_474,
    metadata={
        "redirect_uris": ["http://127.0.0.1:53682/callback"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "client_name": "A client",
    },
    expires_at=1_795_973_874,
    registration_token_hash="8a5f70282487a5909d1af012eb46356d43044d0d3b1190a156fd3851b1f8e592",
    registered_from="192.0.2.1/32",
)


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    number: int
    scopes: tuple[str, ...] = ()


GRANT = JsonCodec(Grant).encode(TYPICAL_GRANT)


@pytest.mark.parametrize(
    "document", [b"{}", GRANT, GRANT * 500, '{"name":"\U0001f600\u0000"}'.encode(), bytes(range(256)) * 9]
)
def test_a_document_comes_back_as_it_was(document: bytes) -> None:
    assert expand(compress(document)) == document


def test_random_documents_come_back_as_they_were() -> None:
    source = random.Random(7)  # noqa: S311 -- no secret
    for _ in range(2_000):
        text = "".join(source.choices(string.printable, k=source.randrange(3_000)))
        assert expand(compress(text.encode())) == text.encode()


def test_a_document_that_is_not_compressed_is_left_as_it_is() -> None:
    assert expand(GRANT) == GRANT
    assert expand(b"") == b""


@pytest.mark.parametrize(("document", "budget"), [(TYPICAL_GRANT, 350), (TYPICAL_CLIENT, 200)])
def test_what_there_is_most_of_has_a_budget_of_bytes(document: Grant | Client, budget: int) -> None:
    codec = JsonCodec(type(document), compressed=True)
    value = codec.encode(document)
    assert len(value) <= budget, (
        "a member that every document gets needs a default, or a place in the dictionary"
    )
    assert len(value) < len(expand(value)) / 2
    assert codec.decode(value) == document


def test_a_truncated_or_extended_document_is_refused() -> None:
    whole = compress(GRANT)
    for end in range(1, len(whole)):
        with pytest.raises(ValueError, match="damaged"):
            expand(whole[:end])
    with pytest.raises(ValueError, match="damaged"):
        expand(whole + b"x")


def test_a_document_that_grows_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="damaged"):
        expand(compress(b" " * 5_000_000))


def test_a_codec_reads_both_forms_and_writes_its_own() -> None:
    plain, compressed = JsonCodec(Document), JsonCodec(Document, compressed=True)
    document = Document("ada", 1, ("a", "b"))
    for writing in (plain, compressed):
        for reading in (plain, compressed):
            assert reading.decode(writing.encode(document)) == document
    newer = plain.encode(document).replace(b'"name"', b'"colour":"red","name"')
    assert b'"colour":"red"' in expand(compressed.encode(document, replacing=newer))
    with pytest.raises(UnreadableDocumentError, match="damaged"):
        compressed.decode(compressed.encode(document)[:-1])
