"""The `claims` parameter (OpenID Connect Core §5.5)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auth_service.protocol.claims_request import ClaimsRequest, parse_claims
from auth_service.protocol.errors import InvalidRequestError

pytestmark = pytest.mark.requirement("AS-17")


@pytest.mark.parametrize(
    ("requested", "understood"),
    [
        ({}, ClaimsRequest()),
        ({"id_token": {"name": None}}, ClaimsRequest(id_token=("name",))),
        ({"userinfo": {"name": {"essential": True}}}, ClaimsRequest(userinfo=("name",))),
        ({"userinfo": {"birthdate": {"essential": True}}}, ClaimsRequest()),
        ({"id_token": {"sub": {"value": "u1"}}}, ClaimsRequest(subject="u1")),
        ({"userinfo": {"sub": {"value": "u1"}}}, ClaimsRequest(subject="u1")),
        ({"id_token": {"acr": {"essential": True, "value": "x"}}}, ClaimsRequest(acr=("x",))),
        ({"id_token": {"acr": {"essential": True, "values": ["x", "y"]}}}, ClaimsRequest(acr=("x", "y"))),
        ({"id_token": {"acr": {"values": ["x"]}}}, ClaimsRequest()),
        ({"id_token": {"acr": {"essential": "yes", "value": "x"}}}, ClaimsRequest()),
        ({"unknown": {"name": None}}, ClaimsRequest()),
    ],
)
def test_claims_are_understood_as_far_as_they_are_known(requested: object, understood: ClaimsRequest) -> None:
    assert parse_claims(json.dumps(requested)) == understood


def test_left_out_it_asks_for_nothing() -> None:
    assert parse_claims(None) == ClaimsRequest()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "1",
        '"x"',
        '{"id_token": []}',
        '{"id_token": {"name": 1}}',
        '{"userinfo": "x"}',
        "[" * 9_999,
    ],
)
def test_what_is_not_a_claims_request_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_claims(text)


@pytest.mark.parametrize("acr", [{"essential": True, "values": "x"}, {"essential": True, "values": [1]}])
def test_values_that_are_not_strings_require_no_header(acr: dict[str, Any]) -> None:
    assert parse_claims(json.dumps({"id_token": {"acr": acr}})).acr == ()
