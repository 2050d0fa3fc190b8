"""Which issuers each kind of identity provider may have, and what is not allowed unless it is configured."""

from __future__ import annotations

import pytest

from auth_service.protocol.identity_providers import PRESETS, AllowList
from tests.auth_service.protocol.providers import provider

pytestmark = pytest.mark.requirement("ID-1", "ID-2")

TENANT = "00000000-1111-2222-3333-444444444444"


@pytest.mark.parametrize(
    ("preset", "issuer", "accepted"),
    [
        ("openid", "https://id.example", True),
        ("openid", "ftp://id.example", False),
        ("google", "https://accounts.google.com", True),
        ("google", "https://accounts.google.com/", False),
        ("entra", f"https://login.microsoftonline.com/{TENANT}/v2.0", True),
        ("entra", "https://login.microsoftonline.com/common/v2.0", False),
        ("keycloak", "https://id.example/realms/corp", True),
        ("keycloak", "https://id.example/realms/corp/", False),
        ("auth0", "https://corp.auth0.com/", True),
        ("auth0", "https://corp.auth0.com", False),
        ("okta", "https://corp.okta.com", True),
        ("okta", "https://corp.okta.com/oauth2/default", True),
        ("github", "https://github.com", True),
        ("github", "github.com", False),
        ("gitlab", "https://gitlab.com", True),
        ("gitlab", "https://gitlab.corp.example", True),
        ("authentik", "https://id.example/application/o/doorward/", True),
        ("authentik", "https://id.example/application/o/doorward", False),
        ("pocket-id", "https://id.example", True),
        ("pocket-id", "id.example", False),
    ],
)
def test_an_issuer_has_the_form_that_its_kind_of_provider_gives_it(
    preset: str, issuer: str, accepted: bool
) -> None:
    assert PRESETS[preset].accepts_issuer(issuer) is accepted


def test_an_address_at_entra_proves_nothing_and_a_doorward_has_none() -> None:
    assert [name for name, preset in PRESETS.items() if not preset.proves_email] == ["entra", "doorward"]


def test_nobody_may_log_in_and_no_account_is_linked_unless_it_is_configured() -> None:
    assert AllowList() == AllowList(everyone=False)
    assert provider(allow=AllowList(everyone=True)).links_email is False


def test_groups_are_needed_where_they_decide() -> None:
    assert provider(allow=AllowList(everyone=True)).needs_groups is False
    assert provider(allow=AllowList(groups=frozenset({"ops"}))).needs_groups is True


def test_a_provider_does_not_show_its_secret() -> None:
    assert "hidden" not in repr(provider(client_secret="hidden"))


def test_google_and_github_do_not_say_when_somebody_logged_in() -> None:
    assert [name for name, preset in PRESETS.items() if not preset.sends_auth_time] == ["google", "github"]


@pytest.mark.parametrize(
    ("preset", "scopes", "needed"),
    [
        ("openid", ("openid", "offline_access"), True),
        ("openid", ("openid",), False),
        ("okta", ("openid", "offline_access"), False),
    ],
)
def test_consent_is_requested_where_a_refresh_token_needs_it(
    preset: str, scopes: tuple[str, ...], needed: bool
) -> None:
    assert provider(preset, scopes=scopes).needs_consent is needed


def test_a_logout_ends_nothing_at_the_provider_unless_it_is_configured() -> None:
    assert provider().logs_out is False
