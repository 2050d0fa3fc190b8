"""Which errors leave by redirect without anybody pressing a button."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.error_redirects import may_redirect_error
from auth_service.protocol.interaction import Approval
from tests.auth_service.protocol.builders import REDIRECT_URI, client

pytestmark = pytest.mark.requirement("AS-10", "SEC-1")

LOOPBACK, APP, PRIVATE = "http://127.0.0.1:4711/cb", "com.example.app:/cb", "http://192.168.1.5/cb"
PLACES = (REDIRECT_URI, LOOPBACK, APP, PRIVATE)


def approved(redirect_uri: str) -> Approval:
    return Approval(redirect_uri, None, ())


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_errors_go_to_clients_of_the_operator_and_to_places_that_the_person_approved(
    place: str, silent: bool
) -> None:
    assert may_redirect_error(place, replace(client(), expires_at=None), [], silent=silent)
    others = [approved("https://other.example/cb"), approved(place)]
    assert may_redirect_error(place, client(), others, silent=silent)


@pytest.mark.parametrize("place", PLACES)
def test_no_error_goes_where_a_stranger_says(place: str) -> None:
    others = [approved("https://other.example/cb")]
    assert not may_redirect_error(place, client(), others, silent=False)
    assert not may_redirect_error(place, replace(client(), expires_at=None, fresh_until=1), [], silent=False)


def test_an_approved_loopback_address_counts_on_any_port() -> None:
    assert may_redirect_error(LOOPBACK, client(), [approved("http://127.0.0.1:1/cb")], silent=False)


@pytest.mark.parametrize(
    ("place", "redirected"), [(REDIRECT_URI, True), (LOOPBACK, True), (APP, False), (PRIVATE, False)]
)
def test_a_silent_request_is_answered_unless_an_app_would_open(place: str, redirected: bool) -> None:
    assert may_redirect_error(place, client(), [], silent=True) is redirected
