"""The validation of DPoP proofs (RFC 9449 §4.3)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.dpop import ALGORITHMS, TYPE, WINDOW_S, InvalidProofError, check_access_token, check_proof
from shared.jose import parse, thumbprint, verify
from tests.vectors import read

NOW = 1_800_000_000
URL = "https://auth.example/token"
VECTORS = read("rfc9449")
CLAIMS = {"htm": "POST", "htu": URL, "iat": NOW, "jti": "1"}

pytestmark = pytest.mark.requirement("AS-18")


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_the_proofs_of_rfc_9449_hold(vector: dict[str, Any]) -> None:
    token = parse(vector["proof"])
    key = token.header["jwk"]
    claims = verify(token, [key], algorithms=ALGORITHMS, types=(TYPE,))
    assert thumbprint(key) == VECTORS["jkt"]
    assert check_proof(claims, vector["method"], (vector["url"],), vector["time"]) == vector["jti"]
    if "access_token" in vector:
        check_access_token(claims, vector["access_token"])
        with pytest.raises(InvalidProofError):
            check_access_token(claims, "another token")


@pytest.mark.parametrize(
    "htu",
    [
        URL,
        "https://auth.example:443/token",
        "HTTPS://AUTH.example/token",
        f"{URL}?a=b",
        f"{URL}#fragment",
    ],
)
def test_the_same_url_may_be_written_in_several_ways(htu: str) -> None:
    assert check_proof({**CLAIMS, "htu": htu}, "POST", (URL,), NOW) == "1"


def test_the_root_may_be_written_with_and_without_its_slash() -> None:
    assert (
        check_proof({**CLAIMS, "htu": "https://auth.example"}, "POST", ("https://auth.example/",), NOW) == "1"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "GET"},
        {"htm": "post"},
        {"htm": None},
        {"htu": None},
        {"htu": "https://auth.example/userinfo"},
        {"htu": "http://auth.example/token"},
        {"htu": "https://auth.example:8443/token"},
        {"htu": "https://auth.example:port/token"},
        {"htu": "https://auth.example.evil/token"},
        {"htu": f"{URL}/"},
        {"htu": "https://[token"},
        {"iat": None},
        {"iat": str(NOW)},
        {"iat": NOW - WINDOW_S - 1},
        {"iat": NOW + WINDOW_S + 1},
        {"jti": None},
        {"jti": ""},
        {"jti": 1},
    ],
)
def test_a_proof_for_another_request_or_time_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidProofError):
        check_proof({**CLAIMS, **changes}, "POST", (URL,), NOW)


@pytest.mark.parametrize(
    "htu", ['https://auth.example:"quoted"/token', "https://[\r\nSet-Cookie: a", "https://\u2100/"]
)
def test_a_refusal_repeats_nothing_that_was_sent(htu: str) -> None:
    with pytest.raises(InvalidProofError, match=r"htu is not a URL$"):
        check_proof({**CLAIMS, "htu": htu}, "POST", (URL,), NOW)


def test_an_endpoint_may_have_a_url_in_two_spellings() -> None:
    urls = ("https://mcp.example/mcp", "https://mcp.example/mcp/")
    assert [check_proof({**CLAIMS, "htu": url}, "POST", urls, NOW) for url in urls] == ["1", "1"]


@pytest.mark.parametrize("ath", [None, "", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo=", 1])
def test_a_proof_without_the_hash_of_the_token_is_refused(ath: object) -> None:
    with pytest.raises(InvalidProofError, match="ath"):
        check_access_token({"ath": ath}, "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")
