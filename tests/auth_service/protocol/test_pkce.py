"""PKCE with S256 and nothing else."""

from __future__ import annotations

import itertools

import pytest

from auth_service.protocol.errors import InvalidGrantError, InvalidRequestError
from auth_service.protocol.pkce import PkcePolicy, check_challenge, check_verifier, s256
from auth_service.protocol.reasons import Reason
from tests.auth_service.protocol.challenges import CHALLENGE
from tests.refusals import because

pytestmark = pytest.mark.requirement("AS-1")

# RFC 7636 Appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def test_the_vector_of_rfc_7636_appendix_b() -> None:
    assert s256(VERIFIER) == CHALLENGE
    check_verifier(CHALLENGE, VERIFIER)


def test_a_challenge_is_taken_as_it_is() -> None:
    assert check_challenge(CHALLENGE, "S256", required=True) == CHALLENGE


def test_no_challenge_is_fine_where_none_is_required() -> None:
    assert check_challenge(None, None, required=False) is None
    check_verifier(None, None)


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(
    ("challenge", "method"),
    [
        (None, "S256"),
        (None, "plain"),
        (CHALLENGE, None),
        (CHALLENGE, "plain"),
        (CHALLENGE, "s256"),
        (CHALLENGE, "S256 "),
        (CHALLENGE, "S512"),
        (CHALLENGE, "none"),
        (CHALLENGE[:-1], "S256"),
        (CHALLENGE + "A", "S256"),
        (CHALLENGE + "=", "S256"),
        (CHALLENGE.replace("-", "+"), "S256"),
        (CHALLENGE[:-1] + " ", "S256"),
        (CHALLENGE[:-1] + "\n", "S256"),
        (CHALLENGE + "\n", "S256"),
        (CHALLENGE[:-1] + "ü", "S256"),
        ("a" * 128, "S256"),
    ],
)
def test_any_other_challenge_is_refused(challenge: str | None, method: str | None, required: bool) -> None:
    with pytest.raises(InvalidRequestError):
        check_challenge(challenge, method, required=required)


def test_a_missing_challenge_is_refused_where_one_is_required() -> None:
    with pytest.raises(InvalidRequestError, check=because(Reason.CODE_CHALLENGE_MISSING)):
        check_challenge(None, None, required=True)


@pytest.mark.parametrize(
    ("pkce_policy", "exempt"),
    [
        (PkcePolicy.ALL, set()),
        (PkcePolicy.PUBLIC, {(True, True, True)}),
        (PkcePolicy.OPENID, {(True, True, True), (True, True, False)}),
    ],
    ids=lambda value: value.value if isinstance(value, PkcePolicy) else "",
)
def test_only_confidential_clients_that_ask_for_an_id_token_are_ever_exempt(
    pkce_policy: PkcePolicy, exempt: set[tuple[bool, bool, bool]]
) -> None:
    for case in itertools.product((True, False), repeat=3):
        confidential, openid, nonce = case
        required = pkce_policy.requires(confidential=confidential, openid=openid, nonce=nonce)
        assert required is (case not in exempt), case


@pytest.mark.parametrize("length", [43, 128])
def test_a_verifier_has_43_to_128_characters(length: int) -> None:
    verifier = ("aZ09-._~" * 16)[:length]
    check_verifier(s256(verifier), verifier)


@pytest.mark.parametrize(
    "verifier",
    [
        None,
        CHALLENGE,
        VERIFIER[:-1],
        VERIFIER + "A",
        VERIFIER.lower(),
        "a" * 42,
        "a" * 129,
        "a" * 42 + "+",
        "a" * 42 + "\n",
        "ü" * 43,
    ],
)
@pytest.mark.requirement("SEC-6")
def test_a_verifier_that_is_not_the_one_or_is_malformed_is_refused(verifier: str | None) -> None:
    with pytest.raises(InvalidGrantError):
        check_verifier(CHALLENGE, verifier)


@pytest.mark.parametrize("verifier", ["a" * 42, "a" * 129, "a" * 42 + "+", "a" * 43 + "\n"])
def test_a_malformed_verifier_is_refused_even_if_it_matches(verifier: str) -> None:
    with pytest.raises(InvalidGrantError):
        check_verifier(s256(verifier), verifier)


@pytest.mark.requirement("SEC-6")
def test_a_code_with_a_challenge_needs_a_verifier() -> None:
    with pytest.raises(InvalidGrantError, match="code_verifier is missing"):
        check_verifier(CHALLENGE, None)


def test_a_verifier_for_a_code_without_a_challenge_is_a_downgrade() -> None:
    with pytest.raises(InvalidGrantError, check=because(Reason.CODE_VERIFIER_UNEXPECTED)):
        check_verifier(None, VERIFIER)
