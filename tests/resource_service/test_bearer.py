"""RFC 6750 without a network: what is a token, what is not, and what a challenge looks like."""

from __future__ import annotations

import pytest

from resource_service.bearer import MAX_TOKEN_CHARACTERS, MalformedCredentialsError, bearer_token, challenge

METADATA = "https://mcp.example/.well-known/oauth-protected-resource/mcp"


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER   abc", "abc"),
        ("Bearer AZaz09-._~+/==", "AZaz09-._~+/=="),
        ("Bearer " + "a" * MAX_TOKEN_CHARACTERS, "a" * MAX_TOKEN_CHARACTERS),
    ],
)
def test_a_bearer_token_is_read_whatever_the_case_of_the_scheme(header: str, token: str) -> None:
    assert bearer_token([header], "") == token


@pytest.mark.parametrize("headers", [[], ["Basic dXNlcjpwYXNz"], ["Negotiate"], ["DPoP abc"]])
def test_other_credentials_are_no_token(headers: list[str]) -> None:
    assert bearer_token(headers, "") is None


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
        "Bearer abc ",
        "Bearer abc\n",
        'Bearer "abc"',
        "Bearer a\x00b",
        "Bearer ä",
        "Bearer: abc",
        "(Bearer) abc",
        "Bearer " + "a" * (MAX_TOKEN_CHARACTERS + 1),
    ],
)
def test_garbled_credentials_are_told_from_a_missing_token(header: str) -> None:
    with pytest.raises(MalformedCredentialsError):
        bearer_token([header], "")


@pytest.mark.requirement("RS-3")
@pytest.mark.parametrize("headers", [["Bearer a", "Bearer a"], ["Bearer a", "Basic b"], ["", "Bearer a"]])
def test_two_authorization_headers_are_refused(headers: list[str]) -> None:
    with pytest.raises(MalformedCredentialsError):
        bearer_token(headers, "")


@pytest.mark.requirement("RS-3")
@pytest.mark.parametrize(
    "query",
    ["access_token=abc", "access_token=", "access_token", "a=b&access_token=abc", "%61ccess_token=abc"],
)
@pytest.mark.parametrize("headers", [[], ["Bearer abc"]])
def test_a_token_in_the_query_is_refused_with_or_without_a_header(headers: list[str], query: str) -> None:
    with pytest.raises(MalformedCredentialsError):
        bearer_token(headers, query)


def test_other_query_parameters_are_nobody_s_business() -> None:
    assert bearer_token(["Bearer abc"], "session=1&not_access_token=x") == "abc"


@pytest.mark.requirement("RS-2")
def test_a_challenge_without_an_error_names_only_metadata_and_scope() -> None:
    expected = f'Bearer resource_metadata="{METADATA}", scope="a b"'
    assert challenge(METADATA, scopes=("a", "b")) == expected


@pytest.mark.requirement("RS-2")
def test_a_challenge_names_its_error() -> None:
    assert challenge(METADATA, error="invalid_token", description="It has expired.") == (
        f'Bearer error="invalid_token", error_description="It has expired.", resource_metadata="{METADATA}"'
    )


@pytest.mark.parametrize("description", ['say "no"', "back\\slash", "line\nbreak", "ä"])
def test_a_challenge_cannot_be_broken_out_of(description: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        challenge(METADATA, error="invalid_token", description=description)
