"""The rules of redeeming a code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.errors import InvalidGrantError, InvalidTargetError, OAuthError
from auth_service.protocol.grant import SECOND_CALLBACK_S, is_live_access, redeem
from tests.auth_service.protocol.builders import (
    LIFETIMES,
    NOW,
    REDIRECT_URI,
    RESOURCE,
    VERIFIER,
    active_grant,
    code_grant,
    redemption,
    refusal,
    written,
)


def test_a_code_becomes_an_active_grant_of_the_first_generation() -> None:
    grant = written(redeem(code_grant(), redemption(), LIFETIMES, NOW + 5))
    assert (grant.state, grant.generation, grant.issued_at) == ("active", 1, NOW + 5)
    assert grant.access_expires_at == NOW + 5 + LIFETIMES.access_s
    assert grant.refresh_expires_at == NOW + 5 + LIFETIMES.refresh_idle_s
    assert grant.scopes == ("a", "b", "c")


def test_a_grant_without_refresh_tokens_has_no_expiry_of_one() -> None:
    grant = written(redeem(code_grant(refreshable=False), redemption(), LIFETIMES, NOW))
    assert grant.refresh_expires_at == 0


def test_no_token_outlives_the_grant() -> None:
    grant = written(redeem(code_grant(expires_at=NOW + 100), redemption(), LIFETIMES, NOW))
    assert (grant.access_expires_at, grant.refresh_expires_at) == (NOW + 100, NOW + 100)


@pytest.mark.requirement("SEC-6")
@pytest.mark.parametrize(
    ("presented", "error"),
    [
        pytest.param(redemption(client_id="client-2"), InvalidGrantError, id="another client"),
        pytest.param(redemption(redirect_uri=REDIRECT_URI + "/"), InvalidGrantError, id="another redirect"),
        pytest.param(redemption(redirect_uri=REDIRECT_URI.upper()), InvalidGrantError, id="upper case"),
        pytest.param(redemption(code_verifier=None), InvalidGrantError, id="no verifier"),
        pytest.param(redemption(code_verifier=VERIFIER[:-1] + "l"), InvalidGrantError, id="wrong verifier"),
        pytest.param(redemption(code_verifier=VERIFIER[:42]), InvalidGrantError, id="short verifier"),
        pytest.param(redemption(resource="https://other.example/"), InvalidTargetError, id="other resource"),
        pytest.param(redemption(resource="not a URI"), InvalidTargetError, id="resource no URI"),
    ],
)
def test_a_wrong_redemption_is_refused_and_changes_nothing(
    presented: object, error: type[OAuthError]
) -> None:
    assert isinstance(refusal(redeem(code_grant(), presented, LIFETIMES, NOW)), error)  # type: ignore[arg-type]


@pytest.mark.requirement("SEC-6")
def test_a_second_redemption_revokes_everything_the_first_one_led_to() -> None:
    document, result = redeem(active_grant(), redemption(), LIFETIMES, NOW + SECOND_CALLBACK_S + 1)
    assert isinstance(result, InvalidGrantError)
    assert document is not None
    assert document.state == "revoked"
    assert not is_live_access(document, 1)


@pytest.mark.requirement("SEC-6")
@pytest.mark.parametrize("later_s", [0, 1, SECOND_CALLBACK_S])
def test_a_callback_that_arrives_twice_is_refused_and_ends_nothing(later_s: int) -> None:
    outcome = redeem(active_grant(), redemption(), LIFETIMES, NOW + later_s)
    assert isinstance(refusal(outcome), InvalidGrantError)


@pytest.mark.requirement("SEC-6")
@pytest.mark.parametrize(
    ("grant", "presented"),
    [
        pytest.param({}, {"code_verifier": None}, id="no verifier"),
        pytest.param({}, {"code_verifier": VERIFIER[:-1] + "l"}, id="wrong verifier"),
        pytest.param({}, {"redirect_uri": REDIRECT_URI + "/"}, id="another redirect"),
        pytest.param({}, {"jkt": "another"}, id="another key"),
        pytest.param({"code_challenge": None}, {"code_verifier": None}, id="without PKCE"),
        pytest.param({"redeemed_at": 0}, {}, id="a document from before"),
    ],
)
def test_anybody_else_who_brings_a_used_code_ends_the_grant_at_once(
    grant: dict[str, object], presented: dict[str, object]
) -> None:
    used = replace(active_grant(), **grant)  # type: ignore[arg-type]
    document, _ = redeem(used, redemption(**presented), LIFETIMES, NOW + 1)
    assert document is not None
    assert document.state == "revoked"


@pytest.mark.requirement("SEC-6")
def test_a_second_redemption_revokes_even_without_the_verifier() -> None:
    document, _ = redeem(active_grant(), redemption(code_verifier=None), LIFETIMES, NOW + 1)
    assert document is not None
    assert document.state == "revoked"


@pytest.mark.requirement("SEC-6")
@pytest.mark.parametrize("state", ["active", "revoked", "code"])
def test_another_client_cannot_end_a_grant_with_a_code_it_found(state: str) -> None:
    grant = replace(active_grant(), state=state)  # type: ignore[arg-type]
    outcome = redeem(grant, redemption(client_id="client-2"), LIFETIMES, NOW)
    assert isinstance(refusal(outcome), InvalidGrantError)


def test_a_revoked_code_stays_revoked() -> None:
    assert isinstance(
        refusal(redeem(code_grant(state="revoked"), redemption(), LIFETIMES, NOW)), InvalidGrantError
    )


def test_the_redirect_uri_may_be_left_out_where_pkce_binds_the_code() -> None:
    assert written(redeem(code_grant(), redemption(redirect_uri=None), LIFETIMES, NOW)).state == "active"


def test_the_redirect_uri_is_required_without_pkce_if_it_was_given() -> None:
    grant = code_grant(code_challenge=None)
    without = redemption(redirect_uri=None, code_verifier=None)
    assert isinstance(refusal(redeem(grant, without, LIFETIMES, NOW)), InvalidGrantError)
    assert written(redeem(grant, redemption(code_verifier=None), LIFETIMES, NOW)).state == "active"
    not_given = code_grant(code_challenge=None, redirect_uri_given=False)
    assert written(redeem(not_given, without, LIFETIMES, NOW)).state == "active"


@pytest.mark.requirement("SEC-6")
def test_a_verifier_without_a_challenge_is_refused() -> None:
    assert isinstance(
        refusal(redeem(code_grant(code_challenge=None), redemption(), LIFETIMES, NOW)), InvalidGrantError
    )


@pytest.mark.requirement("AS-14")
@pytest.mark.parametrize(
    "spelling",
    [
        RESOURCE,
        RESOURCE + "/",
        "HTTPS://mcp.example/mcp",
        "https://MCP.Example/mcp",
        "https://MCP.example/mcp/",
    ],
)
def test_the_resource_may_be_spelled_as_clients_spell_it(spelling: str) -> None:
    grant = written(redeem(code_grant(), redemption(resource=spelling), LIFETIMES, NOW))
    assert grant.resource == RESOURCE


@pytest.mark.requirement("AS-14")
@pytest.mark.parametrize(
    "other",
    [
        "https://mcp.example/MCP",
        "https://mcp.example/mcp//",
        "https://mcp.example/mcp/x",
        "https://mcp.example/mcp?x",
        "https://mcp.example",
        "https://mcp.example:443/mcp",
        "http://mcp.example/mcp",
        "https://user@mcp.example/mcp",
        "https://mcp.example.evil.example/mcp",
        "mcp.example/mcp",
        " https://mcp.example/mcp",
        "https://[mcp.example/mcp",
    ],
)
def test_another_resource_is_not_the_one_that_was_granted(other: str) -> None:
    assert isinstance(
        refusal(redeem(code_grant(), redemption(resource=other), LIFETIMES, NOW)), InvalidTargetError
    )


def test_a_grant_for_no_resource_cannot_be_turned_into_one_for_a_resource() -> None:
    outcome = redeem(code_grant(resource=None), redemption(resource=RESOURCE), LIFETIMES, NOW)
    assert isinstance(refusal(outcome), InvalidTargetError)


@pytest.mark.requirement("SEC-6")
@pytest.mark.parametrize("jkt", [None, "another"])
def test_a_code_that_is_bound_to_a_key_is_good_with_no_other(jkt: str | None) -> None:
    bound = code_grant(code_jkt="one")
    assert isinstance(refusal(redeem(bound, redemption(jkt=jkt), LIFETIMES, NOW)), InvalidGrantError)
    assert written(redeem(bound, redemption(jkt="one"), LIFETIMES, NOW)).jkt == "one"
