"""The properties of a client, from its registration and use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth_service.protocol.client import UNUSED_TTL_S, USE_NOTED_EVERY_S
from auth_service.protocol.redirect_uris import RedirectUriType
from tests.auth_service.protocol.builders import NOW, REDIRECT_URI, client

DAY_S = 86_400


@pytest.mark.requirement("AS-9", "SEC-5")
@pytest.mark.parametrize(
    ("sent", "displayed"),
    [
        ("Claude", "Claude"),
        ("  Claude \t\n Code ", "Claude Code"),
        ("ノート アプリ", "ノート アプリ"),
        ("Notes 🗒", "Notes 🗒"),
        ("Cl\u200baude", "Claude"),
        ("\u202eedualC", "edualC"),
        ("Claude\u2066 (verified)\u2069", "Claude (verified)"),
        ("\ufeffClaude\u00ad", "Claude"),
        ("Claude\x00\x1b[31m", "Claude[31m"),
        ("Claude\u2028verified", "Claude verified"),
        ("Cla\u034fude", "Claude"),
        ("Claude\u3164\u3164\u115f\u1160\uffa0", "Claude"),
        ("\u2800Claude\u2800by\u2800X", "Claude by X"),
        ("Claude\U000e0041\U000e0042", "Claude"),
        ("Claude\ufe0f\U000e0101", "Claude"),
        ("Claude\ue000", "Claude"),
        ("a\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "a\u0301\u0301"),
        ("  Notes \t of\nmine ", "Notes of mine"),
        ("a\u00a0b\u2003c\u2800d", "a b c d"),
        ("No\u200bte\u202es\u2066\ufeff\x00\ue000", "Notes"),
        ("N\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0o", "No"),
        ("N\u180b\u180f\ufe00\ufe0f\U000e0000\U000e0fffo", "No"),
        ("N\ufe20o\u180ap", "N\ufe20o\u180ap"),
        ("Cafe\u0301", "Cafe\u0301"),
        ("e\u0301\u0302", "e\u0301\u0302"),
        ("e" + "\u0301" * 40 + "x", "e\u0301\u0301x"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 80),
        ("\u200b \u3164", "An unnamed client"),
        ("", "An unnamed client"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_a_name_is_shown_without_what_cannot_be_seen(sent: str, displayed: str) -> None:
    assert client(client_name=sent).name == displayed
    assert client().name == "An unnamed client"


def test_a_client_has_a_domain_only_by_its_document() -> None:
    named = replace(client(), client_id="https://APP.example:8443/client.json")
    assert named.domain is None
    assert replace(named, fresh_until=0).domain == "app.example:8443"


@pytest.mark.requirement("AS-11")
@pytest.mark.parametrize(
    ("method", "confidential", "has_secret"),
    [
        ("none", False, False),
        ("client_secret_basic", True, True),
        ("client_secret_post", True, True),
        ("private_key_jwt", True, False),
    ],
)
def test_its_method_says_whether_it_must_authenticate(
    method: str, confidential: bool, has_secret: bool
) -> None:
    of = client(token_endpoint_auth_method=method)
    assert (of.auth_method, of.confidential, of.has_secret) == (method, confidential, has_secret)


def test_what_it_registered_is_what_it_gets() -> None:
    registered = client(id_token_signed_response_alg="ES256", userinfo_signed_response_alg="ES256")
    assert (registered.id_token_alg, registered.userinfo_alg) == ("ES256", "ES256")
    assert (client().id_token_alg, client().userinfo_alg) == ("RS256", None)
    assert client().redirect_uris == (REDIRECT_URI,)
    assert replace(client(), metadata={"grant_types": ["x"]}).redirect_uris == ()
    assert client().grant_types == ("authorization_code", "refresh_token")
    assert client().reaches == {RedirectUriType.WEB}
    assert client().sector is None
    assert client(subject_type="pairwise").sector == "client.example"
    assert client().instance == ""


FAPI = {
    "token_endpoint_auth_method": "private_key_jwt",
    "dpop_bound_access_tokens": True,
    "require_pushed_authorization_requests": True,
}


@pytest.mark.parametrize(
    ("changes", "follows"),
    [
        ({}, True),
        ({"token_endpoint_auth_method": "client_secret_basic"}, False),
        ({"dpop_bound_access_tokens": False}, False),
        ({"require_pushed_authorization_requests": False}, False),
    ],
)
def test_a_client_follows_fapi_by_all_three_of_its_promises(changes: dict[str, Any], follows: bool) -> None:
    assert client(**{**FAPI, **changes}).follows_fapi is follows
    assert client().follows_fapi is False


@pytest.mark.parametrize(
    ("expires_at", "fresh_until", "operators"), [(None, None, True), (1, None, False), (None, 0, False)]
)
def test_only_the_operator_makes_clients_that_stay(
    expires_at: int | None, fresh_until: int | None, operators: bool
) -> None:
    of = replace(client(), expires_at=expires_at, fresh_until=fresh_until)
    assert of.is_operators is operators


@pytest.mark.requirement("AS-7")
@pytest.mark.parametrize(
    ("changes", "unused"),
    [
        ({}, True),
        ({"expires_at": NOW + UNUSED_TTL_S - 1}, True),
        ({"expires_at": NOW + UNUSED_TTL_S + 1}, False),
        ({"expires_at": None}, False),
        ({"used_at": NOW}, False),
        ({"fresh_until": NOW}, False),
    ],
)
def test_a_registration_that_nothing_came_of_is_unused(changes: dict[str, Any], unused: bool) -> None:
    assert replace(client(), **changes).unused is unused


def test_a_document_that_is_read_again_keeps_what_is_known_here() -> None:
    stored = replace(
        client(client_name="Old"),
        expires_at=NOW + 9,
        used_at=NOW,
        instance="i",
        registered_from="192.0.2.0/24",
        fresh_until=NOW,
    )
    newer = replace(
        client(client_name="New"), created_at=NOW + 5, expires_at=NOW + 7, instance="j", fresh_until=NOW + 6
    )
    read = stored.renewed_from(newer)
    assert read == replace(stored, metadata=newer.metadata, fresh_until=NOW + 6)
    assert stored.renewed_from(replace(newer, expires_at=NOW + 10)).expires_at == NOW + 10
    assert replace(stored, expires_at=None).renewed_from(newer).expires_at == NOW + 7


@pytest.mark.parametrize(
    ("used_at", "kept_until", "now", "noted"),
    [
        (NOW, NOW + DAY_S, NOW, True),
        (NOW, NOW + DAY_S, NOW + USE_NOTED_EVERY_S - 1, True),
        (NOW, NOW + DAY_S, NOW + USE_NOTED_EVERY_S, False),
        (NOW, NOW + DAY_S, NOW + USE_NOTED_EVERY_S + 1, False),
        (NOW, NOW + DAY_S - 1, NOW, False),
        (NOW, NOW + DAY_S + 1, NOW, True),
        (NOW, None, NOW, True),
        (None, None, NOW, False),
    ],
)
def test_its_use_is_noted_once_a_day_and_whenever_it_must_be_kept_longer(
    used_at: int | None, kept_until: int | None, now: int, noted: bool
) -> None:
    of = replace(client(), used_at=used_at, expires_at=kept_until)
    assert of.knows_of_use(now, NOW + DAY_S) is noted


def test_a_use_keeps_a_client_longer_and_never_shorter() -> None:
    of = replace(client(), expires_at=NOW + 100)
    assert of.used(NOW, NOW + 200) == replace(of, used_at=NOW, expires_at=NOW + 200)
    assert of.used(NOW, NOW + 50).expires_at == NOW + 100
    assert replace(of, used_at=NOW + 3).used(NOW, NOW).used_at == NOW + 3
    assert replace(of, expires_at=None).used(NOW, NOW).expires_at is None
    assert of.used(0, NOW).used_at == 0


def test_a_client_that_would_expire_is_kept_for_years_while_it_is_disabled() -> None:
    of = replace(client(), expires_at=NOW + 100)
    disabled = of.with_disabled(True, NOW)
    assert disabled == replace(of, disabled=True, expires_at=NOW + 5 * 365 * DAY_S)
    assert disabled.with_disabled(True, NOW + 5) == disabled
    assert disabled.with_disabled(False, NOW + 5) == replace(of, expires_at=NOW + 5 + UNUSED_TTL_S)
    fetched = replace(disabled, fresh_until=NOW + 2 * UNUSED_TTL_S)
    assert fetched.with_disabled(False, NOW).expires_at == NOW + 2 * UNUSED_TTL_S
    assert of.with_disabled(False, NOW) == of


def test_a_client_of_the_operator_never_expires_disabled_or_not() -> None:
    of = replace(client(), expires_at=None)
    assert of.with_disabled(True, NOW) == replace(of, disabled=True)
    assert replace(of, disabled=True).with_disabled(False, NOW) == of
