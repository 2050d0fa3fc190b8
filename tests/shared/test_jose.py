"""Signatures are checked as the standards have it, and by nothing that the token itself says."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import jwt
import pytest

from auth_service.crypto.signing_keys import _new_pem
from auth_service.protocol.pkce import s256
from shared.jose import (
    ASYMMETRIC,
    InvalidJwsError,
    SigningKey,
    candidates,
    is_private,
    parse,
    public_jwk,
    sign,
    thumbprint,
    verify,
)
from tests.auth_service.keypair import KeyPair
from tests.vectors import read

RFC7515, RFC7517 = read("rfc7515"), read("rfc7517")
CLAIMS = {"sub": "somebody"}


@pytest.fixture(scope="module")
def rsa() -> KeyPair:
    return KeyPair("RS256")


@pytest.fixture(scope="module")
def ec() -> KeyPair:
    return KeyPair()


def verified(text: str, *keys: dict[str, Any], types: tuple[str | None, ...] = ("jwt",)) -> dict[str, Any]:
    return verify(parse(text), keys, algorithms=ASYMMETRIC, types=types)


def compact(header: dict[str, Any], signature: str = "AA") -> str:
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return f"{encoded}.e30.{signature}"


@pytest.mark.parametrize("vector", RFC7515["vectors"], ids=lambda vector: vector["name"])
def test_the_signatures_of_rfc_7515_verify(vector: dict[str, Any]) -> None:
    assert verified(vector["jws"], vector["key"], types=(None,)) == RFC7515["claims"]


@pytest.mark.parametrize("vector", RFC7515["vectors"], ids=lambda vector: vector["name"])
def test_a_changed_signature_of_rfc_7515_does_not(vector: dict[str, Any]) -> None:
    head, _, signature = vector["jws"].rpartition(".")
    changed = f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    with pytest.raises(InvalidJwsError, match="no known key verifies"):
        verified(changed, vector["key"], types=(None,))


@pytest.mark.requirement("SEC-8")
def test_an_hmac_is_refused_even_with_its_own_key() -> None:
    hmac = RFC7515["hmac"]
    with pytest.raises(InvalidJwsError, match="alg"):
        verified(hmac["jws"], hmac["key"])


@pytest.mark.requirement("SEC-8")
def test_the_unsecured_token_of_rfc_7515_is_not_a_signed_token() -> None:
    with pytest.raises(InvalidJwsError):
        parse(RFC7515["unsecured"]["jws"])


def signed_by_rfc_7517(kty: str, alg: str, **headers: str) -> str:
    """A JWS signed with a key of RFC 7517."""
    (private,) = (key for key in RFC7517["private"]["keys"] if key["kty"] == kty)
    return jwt.encode(CLAIMS, jwt.PyJWK({**private, "alg": alg}).key, alg, headers=headers)


@pytest.mark.parametrize("headers", [{"kid": "2011-04-29"}, {}])
def test_a_key_of_rfc_7517_is_found_in_its_set_by_its_id_or_its_type(headers: dict[str, str]) -> None:
    text = signed_by_rfc_7517("RSA", "RS256", **headers)
    assert verified(text, *RFC7517["public"]["keys"]) == CLAIMS


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize(
    ("kty", "alg", "kid"),
    [
        pytest.param("EC", "ES256", "1", id="a key for encryption"),
        pytest.param("RSA", "PS256", "2011-04-29", id="a key for another algorithm"),
        pytest.param("RSA", "RS256", "1", id="the id of another key"),
        pytest.param("RSA", "RS256", "2", id="the id of none"),
    ],
)
def test_a_key_of_rfc_7517_is_used_for_what_it_says_it_is_for_alone(kty: str, alg: str, kid: str) -> None:
    text = signed_by_rfc_7517(kty, alg, kid=kid)
    with pytest.raises(InvalidJwsError, match="no known key matches the header"):
        verified(text, *RFC7517["public"]["keys"])
    bare = [
        {name: key[name] for name in key if name not in ("use", "alg", "kid")}
        for key in RFC7517["public"]["keys"]
    ]
    assert verified(text, *bare) == CLAIMS


def test_the_private_keys_of_rfc_7517_are_distinguished_from_the_public_ones() -> None:
    assert all(map(is_private, RFC7517["private"]["keys"]))
    assert not any(map(is_private, RFC7517["public"]["keys"]))


@pytest.mark.parametrize("vector", read("rfc7638")["vectors"], ids=lambda vector: vector["name"])
def test_thumbprints_are_those_of_the_standards(vector: dict[str, Any]) -> None:
    assert thumbprint(vector["key"]) == vector["thumbprint"]


def test_the_code_challenge_is_the_one_of_rfc_7636() -> None:
    vector = read("rfc7636")
    assert s256(vector["code_verifier"]) == vector["code_challenge"]


@pytest.mark.parametrize("alg", ASYMMETRIC)
def test_what_another_library_signs_verifies(alg: str) -> None:
    pair = KeyPair(alg)
    assert verified(pair.sign(CLAIMS), pair.public) == CLAIMS


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_another_library_verifies_what_is_signed_here(alg: str) -> None:
    key = SigningKey("a-key", alg, _new_pem(alg))
    text = sign({**CLAIMS, "iat": 1}, key, "at+jwt")
    assert jwt.get_unverified_header(text) == {"alg": alg, "kid": "a-key", "typ": "at+jwt"}
    assert jwt.decode(text, jwt.PyJWK(public_jwk(key)), [alg])["sub"] == "somebody"


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_a_published_key_says_what_it_is_for_and_nothing_private(alg: str) -> None:
    published = public_jwk(SigningKey("a-key", alg, _new_pem(alg)))
    assert (published["kid"], published["use"], published["alg"]) == ("a-key", "sig", alg)
    assert not is_private(published)


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS256"},
        {"alg": "RS512"},
        {"alg": ["RS256"]},
        {"alg": None},
        {},
        {"alg": "ES256", "crit": ["exp"], "exp": 1},
        {"alg": "ES256", "crit": []},
        {"alg": "ES256", "b64": False, "crit": ["b64"]},
    ],
)
def test_no_header_talks_its_way_around_the_signature(header: dict[str, Any], ec: KeyPair) -> None:
    with pytest.raises(InvalidJwsError):
        verified(compact(header), ec.public, types=(None,))


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize("hint", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_in_the_header_is_not_believed(hint: str, ec: KeyPair) -> None:
    forged = KeyPair()
    value: Any = forged.public if hint == "jwk" else "https://evil.example/keys"
    text = forged.sign(CLAIMS, kid=None, **{hint: value})
    with pytest.raises(InvalidJwsError, match="no known key verifies"):
        verified(text, ec.public)


@pytest.mark.requirement("SEC-8")
def test_a_public_key_is_not_an_hmac_secret(rsa: KeyPair) -> None:
    head = compact({"alg": "HS256", "typ": "JWT"}).rpartition(".")[0]
    with pytest.raises(InvalidJwsError, match="alg"):
        verified(f"{head}.AAAA", rsa.public)


@pytest.mark.requirement("SEC-8")
def test_an_extension_that_must_be_understood_is_refused_though_the_signature_is_good(ec: KeyPair) -> None:
    with pytest.raises(InvalidJwsError, match="crit"):
        verified(ec.sign(CLAIMS, crit=["exp"], exp=1), ec.public)


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize("alg", ["HS256", "none"])
def test_no_caller_can_accept_hmac_or_none(alg: str, ec: KeyPair) -> None:
    token = parse(compact({"alg": alg, "typ": "JWT"}))
    with pytest.raises(InvalidJwsError, match="alg"):
        candidates(token, [ec.public], algorithms=("HS256", "none", "ES256"), types=("jwt",))


def test_a_key_that_says_its_algorithm_is_used_for_no_other(rsa: KeyPair) -> None:
    with pytest.raises(InvalidJwsError, match="no known key matches the header"):
        verified(rsa.sign(CLAIMS), {**rsa.public, "alg": "PS256"})


def test_a_key_for_encryption_signs_nothing(ec: KeyPair) -> None:
    with pytest.raises(InvalidJwsError, match="no known key matches the header"):
        verified(ec.sign(CLAIMS), {**ec.public, "use": "enc"})


def test_the_key_id_picks_the_key(ec: KeyPair) -> None:
    other = KeyPair()
    assert verified(ec.sign(CLAIMS), *other.jwks["keys"], *ec.jwks["keys"]) == CLAIMS
    with pytest.raises(InvalidJwsError, match="no known key matches the header"):
        verified(ec.sign(CLAIMS), *other.jwks["keys"])


def test_without_a_key_id_every_key_is_tried(ec: KeyPair) -> None:
    assert verified(ec.sign(CLAIMS, kid=None), *KeyPair().jwks["keys"], *ec.jwks["keys"]) == CLAIMS


def mersenne_signed(*exponents: int) -> tuple[str, dict[str, str]]:
    """A JWS, and its key, whose modulus is made of Mersenne primes: no others so large are at hand."""
    p, q = (2**exponent - 1 for exponent in exponents)
    modulus, size = p * q, (sum(exponents) + 7) // 8

    def encoded(number: int, length: int) -> str:
        return base64.urlsafe_b64encode(number.to_bytes(length, "big")).rstrip(b"=").decode()

    text = compact({"alg": "RS256", "typ": "JWT"}).rpartition(".")[0]
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(text.encode()).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest  # RFC 8017 §9.2
    signature = pow(int.from_bytes(padded, "big"), pow(65_537, -1, (p - 1) * (q - 1)), modulus)
    key = {"kty": "RSA", "n": encoded(modulus, size), "e": encoded(65_537, 3)}
    return f"{text}.{encoded(signature, size)}", key


def test_a_long_rsa_key_counts_and_one_that_takes_too_long_does_not() -> None:
    text, key = mersenne_signed(2_203, 2_281)
    assert verified(text, key) == {}
    text, key = mersenne_signed(4_253, 4_423)
    with pytest.raises(InvalidJwsError, match="no known key verifies"):
        verified(text, key)


def test_a_short_rsa_key_does_not_count() -> None:
    weak = KeyPair("RS256", bits=1_024)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        text = weak.sign(CLAIMS)
    with pytest.raises(InvalidJwsError, match="no known key verifies"):
        verified(text, weak.public)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "application/jwt", "APPLICATION/JWT"])
def test_the_type_is_compared_without_case_and_prefix(typ: str, ec: KeyPair) -> None:
    assert verified(ec.sign(CLAIMS, typ), ec.public) == CLAIMS


@pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", None])
def test_a_token_of_another_type_is_refused(typ: str | None, ec: KeyPair) -> None:
    with pytest.raises(InvalidJwsError, match="typ"):
        verified(ec.sign(CLAIMS, typ), ec.public)


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"kty": "RSA"},
        {"kty": "RSA", "n": 1, "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "!", "y": "!"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "oct", "k": "AAAA"},
    ],
)
def test_a_broken_key_fits_nothing(key: dict[str, Any], ec: KeyPair, rsa: KeyPair) -> None:
    for pair in (ec, rsa):
        with pytest.raises(InvalidJwsError):
            verified(pair.sign(CLAIMS, kid=None), key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a.b.c.d",
        "a.b.c\n",
        "....",
        "e30.e30.",
        "W10.e30.AA",
        "e30.W10.AA",
        "!!!.e30.AA",
        "e30." + "A" * 40_000 + ".AA",
        base64.urlsafe_b64encode(b"[" * 20_000).decode().rstrip("=") + ".e30.AA",
    ],
)
def test_what_is_not_a_compact_jws_is_refused(text: str) -> None:
    with pytest.raises(InvalidJwsError):
        parse(text)


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_key_with_a_private_member_is_private(member: str, ec: KeyPair) -> None:
    assert is_private({**ec.public, member: "x"})


@pytest.mark.parametrize(
    "key", [{}, {"kty": "oct", "k": "x"}, {"kty": "RSA", "n": "x"}, {"kty": "EC", "x": 1}]
)
def test_only_public_keys_have_a_thumbprint(key: dict[str, Any]) -> None:
    with pytest.raises(InvalidJwsError):
        thumbprint(key)
