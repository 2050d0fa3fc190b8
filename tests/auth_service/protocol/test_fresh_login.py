"""The proof that a provider has just authenticated somebody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.fresh_login import Freshness, NotFreshError, check_freshness, fresh_parameters
from auth_service.protocol.identity_providers import PRESETS
from tests.auth_service.protocol.providers import provider

pytestmark = pytest.mark.requirement("ID-1", "SEC-16")

SINCE = 1_000


@pytest.mark.parametrize(
    ("auth_time", "freshness"),
    [
        (None, Freshness.ANY),
        (1, Freshness.ANY),
        (None, Freshness.IF_KNOWN),
        (SINCE - 30, Freshness.IF_KNOWN),
        (SINCE - 30, Freshness.REQUIRED),
        (SINCE + 60, Freshness.REQUIRED),
    ],
)
def test_a_login_that_is_new_enough_for_its_purpose_counts(
    auth_time: int | None, freshness: Freshness
) -> None:
    check_freshness(auth_time, freshness, since=SINCE)


@pytest.mark.parametrize(
    ("auth_time", "freshness"),
    [
        (None, Freshness.REQUIRED),
        (SINCE - 31, Freshness.REQUIRED),
        (0, Freshness.REQUIRED),
        (SINCE - 31, Freshness.IF_KNOWN),
    ],
)
def test_an_old_login_does_not_and_where_proof_is_required_neither_does_an_unknown_one(
    auth_time: int | None, freshness: Freshness
) -> None:
    with pytest.raises(NotFreshError):
        check_freshness(auth_time, freshness, since=SINCE)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("freshness", Freshness)
def test_a_provider_is_asked_to_authenticate_again_if_it_says_when_it_did(
    preset: str, freshness: Freshness
) -> None:
    repeated = freshness is not Freshness.ANY and PRESETS[preset].sends_auth_time
    expected = {"prompt": "login", "max_age": "0"} if repeated else {}
    assert fresh_parameters(provider(preset), freshness) == expected


@pytest.mark.parametrize(
    ("preset", "scopes", "freshness", "prompt"),
    [
        ("openid", ("openid",), Freshness.ANY, None),
        ("openid", ("openid", "offline_access"), Freshness.ANY, "consent"),
        ("openid", ("openid", "offline_access"), Freshness.REQUIRED, "login consent"),
        ("okta", ("openid", "offline_access"), Freshness.ANY, None),
    ],
)
def test_offline_access_is_requested_with_consent_where_it_would_be_ignored_without(
    preset: str, scopes: tuple[str, ...], freshness: Freshness, prompt: str | None
) -> None:
    offline = replace(provider(preset), scopes=scopes)
    assert fresh_parameters(offline, freshness).get("prompt") == prompt
