"""RFC 6750 without a network: what is a token, what is not, and what a challenge looks like."""

from __future__ import annotations

import pytest

from shared.bearer import (
    MAX_TOKEN_CHARACTERS,
    Credentials,
    MalformedCredentialsError,
    challenge,
    read_credentials,
    scheme_of,
)

METADATA = "https://mcp.example/.well-known/oauth-protected-resource/mcp"


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("Bearer abc ", "abc"),
        ("Bearer abc \t ", "abc"),
        ("bearer abc", "abc"),
        ("BEARER   abc", "abc"),
        ("Bearer AZaz09-._~+/==", "AZaz09-._~+/=="),
        ("Bearer " + "a" * MAX_TOKEN_CHARACTERS, "a" * MAX_TOKEN_CHARACTERS),
    ],
)
def test_a_bearer_token_is_read_whatever_the_case_of_the_scheme(header: str, token: str) -> None:
    assert read_credentials([header], "") == Credentials("Bearer", token)


@pytest.mark.requirement("EXT-3")
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
def test_a_token_with_a_proof_is_distinguished_from_a_bearer_token(scheme: str) -> None:
    assert read_credentials([f"{scheme} abc"], "") == Credentials("DPoP", "abc")


@pytest.mark.parametrize("headers", [[], ["Basic dXNlcjpwYXNz"], ["Negotiate"], ["Bearerer abc"]])
def test_other_credentials_are_not_tokens(headers: list[str]) -> None:
    assert read_credentials(headers, "") is None


@pytest.mark.requirement("RS-2")
@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Bearer a b",
        "Bearer a,b",
        "Bearer a, Bearer b",
        "Bearer =abc",
        "Bearer a=b",
        "Bearer\tabc",
        " Bearer abc",
        "Bearer abc\n",
        'Bearer "abc"',
        "Bearer a\x00b",
        "Bearer ä",
        "Bearer: abc",
        "DPoP",
        "DPoP a b",
        "DPoP abc, Bearer abc",
        "(Bearer) abc",
        "Bearer " + "a" * (MAX_TOKEN_CHARACTERS + 1),
    ],
)
def test_garbled_credentials_are_distinguished_from_a_missing_token(header: str) -> None:
    with pytest.raises(MalformedCredentialsError):
        read_credentials([header], "")


@pytest.mark.requirement("RS-3")
@pytest.mark.parametrize("headers", [["Bearer a", "Bearer a"], ["Bearer a", "Basic b"], ["", "Bearer a"]])
def test_two_authorization_headers_are_refused(headers: list[str]) -> None:
    with pytest.raises(MalformedCredentialsError):
        read_credentials(headers, "")


@pytest.mark.requirement("RS-3")
@pytest.mark.parametrize(
    "query",
    ["access_token=abc", "access_token=", "access_token", "a=b&access_token=abc", "%61ccess_token=abc"],
)
@pytest.mark.parametrize("headers", [[], ["Bearer abc"]])
def test_a_token_in_the_query_is_refused_with_or_without_a_header(headers: list[str], query: str) -> None:
    with pytest.raises(MalformedCredentialsError):
        read_credentials(headers, query)


def test_other_query_parameters_are_ignored() -> None:
    assert read_credentials(["Bearer abc"], "session=1&not_access_token=x") == Credentials("Bearer", "abc")


@pytest.mark.requirement("RS-2")
def test_a_challenge_without_an_error_names_only_metadata_and_scope() -> None:
    expected = f'Bearer resource_metadata="{METADATA}", scope="a b"'
    assert challenge(METADATA, scopes=("a", "b")) == expected


@pytest.mark.requirement("RS-2")
def test_a_challenge_names_its_error() -> None:
    assert challenge(METADATA, error="invalid_token", description="It has expired.") == (
        f'Bearer error="invalid_token", error_description="It has expired.", resource_metadata="{METADATA}"'
    )


@pytest.mark.requirement("EXT-3")
def test_a_challenge_for_a_proof_names_the_algorithms() -> None:
    text = challenge(METADATA, scheme="DPoP", error="invalid_dpop_proof", description="No.")
    assert text == (
        'DPoP error="invalid_dpop_proof", error_description="No.", algs="ES256 RS256 PS256", '
        f'resource_metadata="{METADATA}"'
    )


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ([], "Bearer"),
        (["Basic abc"], "Bearer"),
        (["Bearer abc"], "Bearer"),
        (["DPoP abc"], "DPoP"),
        (["dpop"], "DPoP"),
        (["DPoP a b"], "DPoP"),
        (["DPoP abc", "DPoP abc"], "Bearer"),
        (["DPoP\tabc"], "Bearer"),
        ([""], "Bearer"),
    ],
)
def test_the_answer_is_in_the_scheme_that_was_tried(headers: list[str], scheme: str) -> None:
    assert scheme_of(headers) == scheme


@pytest.mark.parametrize("description", ['say "no"', "back\\slash", "line\nbreak", "ä"])
def test_a_challenge_cannot_be_broken_out_of(description: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        challenge(METADATA, error="invalid_token", description=description)
