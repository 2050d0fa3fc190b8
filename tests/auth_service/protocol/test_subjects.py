"""Which sector a client belongs to, and who may say so (OpenID Connect Core §8.1, Registration §5)."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.errors import InvalidClientMetadataError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration import parse_metadata
from auth_service.protocol.subjects import check_sector_document, sector_of
from tests.refusals import because

pytestmark = pytest.mark.requirement("AS-5", "AS-17")

CALLBACK = "https://client.example/callback"


@pytest.mark.parametrize(
    ("metadata", "sector"),
    [
        ({}, None),
        ({"subject_type": "public"}, None),
        ({"subject_type": "public", "sector_identifier_uri": "https://sector.example/uris"}, None),
        ({"subject_type": "pairwise"}, "client.example"),
        (
            {"subject_type": "pairwise", "redirect_uris": [CALLBACK, "https://CLIENT.example:8443/"]},
            "client.example",
        ),
        (
            {"subject_type": "pairwise", "redirect_uris": ["http://127.0.0.1:1/", "http://127.0.0.1/"]},
            "127.0.0.1",
        ),
        (
            {"subject_type": "pairwise", "sector_identifier_uri": "https://Sector.example/uris"},
            "sector.example",
        ),
        (
            {
                "subject_type": "pairwise",
                "redirect_uris": [CALLBACK, "https://other.example/"],
                "sector_identifier_uri": "https://sector.example/uris",
            },
            "sector.example",
        ),
    ],
)
def test_a_sector_is_the_host_of_the_redirect_uris_or_of_the_list_of_them(
    metadata: dict[str, Any], sector: str | None
) -> None:
    assert sector_of({"redirect_uris": [CALLBACK], **metadata}) == sector


@pytest.mark.parametrize(
    "redirect_uris",
    [
        [CALLBACK, "https://other.example/callback"],
        ["cursor://anysphere.cursor-mcp/oauth/callback", CALLBACK],
        ["com.example.app:/callback"],
    ],
)
def test_where_nothing_says_which_sector_it_is_pairwise_subjects_cannot_be_registered(
    redirect_uris: list[str],
) -> None:
    metadata, _ = parse_metadata({"redirect_uris": redirect_uris, "subject_type": "pairwise"})
    with pytest.raises(InvalidClientMetadataError, check=because(Reason.SECTOR_INVALID)):
        metadata.registered(("authorization_code",))


def test_a_client_without_redirect_uris_has_no_sector_either() -> None:
    device = "urn:ietf:params:oauth:grant-type:device_code"
    metadata, _ = parse_metadata({"grant_types": [device], "subject_type": "pairwise"})
    with pytest.raises(InvalidClientMetadataError, check=because(Reason.SECTOR_INVALID)):
        metadata.registered((device,))


@pytest.mark.parametrize("subject_type", ["Pairwise", "ephemeral", 1, ["pairwise"]])
def test_there_are_no_other_types(subject_type: object) -> None:
    with pytest.raises(InvalidClientMetadataError, match="subject_type"):
        parse_metadata({"redirect_uris": [CALLBACK], "subject_type": subject_type})


@pytest.mark.parametrize(
    "uri", ["sector.example", "ftp://sector.example/", "https://", "javascript:alert(1)", 1]
)
def test_the_list_is_on_the_web(uri: object) -> None:
    with pytest.raises(InvalidClientMetadataError, match="sector_identifier_uri"):
        parse_metadata({"redirect_uris": [CALLBACK], "sector_identifier_uri": uri})


def test_a_list_may_hold_more_than_a_client_has() -> None:
    check_sector_document([CALLBACK, "https://other.example/", 1, None], [CALLBACK])


@pytest.mark.parametrize(
    "document",
    [
        [],
        ["https://other.example/"],
        [f"{CALLBACK}/"],
        [CALLBACK.upper()],
        {CALLBACK: True},
        CALLBACK,
        None,
        1,
    ],
)
def test_an_incomplete_or_malformed_list_of_redirect_uris_is_refused(document: object) -> None:
    with pytest.raises(InvalidClientMetadataError, check=because(Reason.SECTOR_INVALID)):
        check_sector_document(document, [CALLBACK])
