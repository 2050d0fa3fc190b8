"""Request objects: whom they are from and for, and what they ask (RFC 9101 §4 to §6)."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.errors import InvalidRequestObjectError
from auth_service.protocol.request_object import check_claims, parameters_in
from shared.jwt_claims import SKEW_S
from tests.vectors import read

pytestmark = pytest.mark.requirement("AS-18")

NOW = 1_800_000_000
EXAMPLE = read("rfc9101")
CLIENT, ISSUER = EXAMPLE["client_id"], EXAMPLE["issuer"]
CLAIMS: dict[str, Any] = EXAMPLE["claims"]


def test_the_request_object_of_rfc_9101_is_read_as_it_is_meant() -> None:
    check_claims(CLAIMS, CLIENT, ISSUER, NOW)
    read_back = parameters_in(CLAIMS, CLIENT)
    assert read_back.values == EXAMPLE["parameters"]
    assert read_back.resources == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another"},
        {"client_id": "another"},
        {"aud": "https://other.example"},
        {"aud": None},
        {"exp": NOW - 60},
        {"exp": NOW + 100_000},
        {"exp": "soon"},
        {"nbf": NOW + 60},
        {"nbf": NOW + SKEW_S + 1},
        {"nbf": "x"},
    ],
)
def test_a_request_object_of_others_for_others_or_out_of_time_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestObjectError):
        check_claims({**CLAIMS, **changes}, CLIENT, ISSUER, NOW)


@pytest.mark.parametrize("nbf", [NOW - 86_400, NOW - 1, NOW, NOW + SKEW_S])
def test_a_request_object_that_never_ends_may_have_begun_at_any_time(nbf: int) -> None:
    check_claims({**CLAIMS, "nbf": nbf}, CLIENT, ISSUER, NOW)


def test_audience_and_times_may_be_left_out() -> None:
    check_claims({"response_type": "code"}, CLIENT, ISSUER, NOW)


@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_a_request_object_holds_no_other(name: str) -> None:
    with pytest.raises(InvalidRequestObjectError, match="another"):
        parameters_in({**CLAIMS, name: "x"}, CLIENT)


def test_what_no_request_may_hold_is_refused_as_a_request_object() -> None:
    with pytest.raises(InvalidRequestObjectError, match="character"):
        parameters_in({**CLAIMS, "state": "a\x00b"}, CLIENT)


@pytest.mark.parametrize("value", [True, False, None])
def test_what_cannot_be_a_parameter_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequestObjectError):
        parameters_in({**CLAIMS, "scope": value}, CLIENT)


def test_structured_claims_become_json_and_resources_may_be_several() -> None:
    claims = {"claims": {"id_token": {"acr": None}}, "resource": ["https://a.example", "https://b.example"]}
    read_back = parameters_in({**CLAIMS, **claims}, CLIENT)
    assert read_back.values["claims"] == '{"id_token": {"acr": null}}'
    assert read_back.resources == ("https://a.example", "https://b.example")
    one = parameters_in({**CLAIMS, "resource": "https://a.example", "scope": ["a"]}, CLIENT)
    assert (one.resources, one.values["scope"]) == (("https://a.example",), '["a"]')


def test_claims_about_the_jwt_itself_are_not_requestable() -> None:
    claims = {**CLAIMS, "jti": "1", "iat": 1, "nbf": 1, "exp": NOW, "sub": "x"}
    assert parameters_in(claims, CLIENT).values == EXAMPLE["parameters"]


DATED = {**CLAIMS, "nbf": NOW - 10, "exp": NOW + 60}


@pytest.mark.parametrize(
    ("nbf", "exp"),
    [
        (NOW, NOW + 3_600),
        (NOW - 3_600 - SKEW_S + 1, NOW - SKEW_S + 1),
        (NOW - 10, NOW + 60),
        (NOW + 20, NOW + 60),
    ],
)
def test_a_client_that_always_signs_dates_its_request_objects_within_an_hour(nbf: int, exp: int) -> None:
    check_claims({**DATED, "nbf": nbf, "exp": exp}, CLIENT, ISSUER, NOW, dated=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"nbf": None},
        {"exp": None},
        {"nbf": NOW - 3_600 - SKEW_S - 1, "exp": NOW - 1},
        {"nbf": NOW - 7_200, "exp": NOW - 3_600},
        {"nbf": NOW - 3_700, "exp": NOW + 10},
        {"nbf": NOW - 10, "exp": NOW + 3_591},
        {"nbf": NOW + 60, "exp": NOW + 120},
        {"nbf": True},
        {"nbf": "0"},
    ],
)
def test_a_request_object_without_dates_or_with_wide_ones_is_refused_of_a_client_that_always_signs(
    changes: dict[str, Any],
) -> None:
    claims = {name: value for name, value in {**DATED, **changes}.items() if value is not None}
    with pytest.raises(InvalidRequestObjectError):
        check_claims(claims, CLIENT, ISSUER, NOW, dated=True)
