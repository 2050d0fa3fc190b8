"""ID tokens and UserInfo: what is in them, and what is an ID token at all."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.id_token import (
    MAX_GROUPS_IN_ID_TOKEN,
    Person,
    at_hash,
    id_token_claims,
    is_id_token,
    userinfo_claims,
)
from auth_service.protocol.subjects import ClientSubject
from tests.auth_service.protocol.builders import NOW, active_grant

pytestmark = pytest.mark.requirement("AS-17")

ISSUER = "https://auth.example"
KNOWN = ClientSubject("pairwise-1", "sid-1")
WESEN = Person("wesen", "Wesen B.")
TOKEN = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"


def claims(
    person: Person | None = WESEN, client_subject: ClientSubject = KNOWN, **changes: Any
) -> dict[str, Any]:
    grant = active_grant(**changes)
    return id_token_claims(
        grant, client_subject=client_subject, issuer=ISSUER, access_token=TOKEN, person=person
    )


def test_the_hash_of_an_access_token_is_that_of_openid_connect_core_a_3() -> None:
    assert at_hash(TOKEN) == "77QmUPtjPfzWtF2AnpK9RQ"


def test_an_id_token_says_who_logged_in_when_and_for_which_client() -> None:
    assert claims(nonce="n") == {
        "iss": ISSUER,
        "sub": "pairwise-1",
        "aud": "client-1",
        "iat": NOW,
        "exp": NOW + 600,
        "auth_time": NOW - 5,
        "acr": "password",
        "sid": "sid-1",
        "nonce": "n",
        "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
    }


def test_what_is_not_known_is_left_out() -> None:
    left = claims(auth_time=None, client_subject=ClientSubject("s", None))
    assert left.keys() == {"iss", "sub", "aud", "iat", "exp", "at_hash"}


def test_a_time_at_which_nobody_is_known_to_have_authenticated_is_left_out() -> None:
    assert claims(auth_time_known=False).keys() == claims().keys() - {"auth_time"}


@pytest.mark.requirement("ID-3")
@pytest.mark.parametrize(
    ("groups", "in_id_token"),
    [
        (("ops", "npm:readers"), True),
        # Otherwise a client would keep the groups of a person who has left the last one.
        ((), True),
        (tuple(f"g{n}" for n in range(MAX_GROUPS_IN_ID_TOKEN)), True),
        (tuple(f"g{n}" for n in range(MAX_GROUPS_IN_ID_TOKEN + 1)), False),
    ],
)
def test_groups_are_in_userinfo_and_in_the_id_token_unless_there_are_too_many(
    groups: tuple[str, ...], in_id_token: bool
) -> None:
    person, scopes = Person("wesen", None, groups), ("openid", "groups")
    expected = {"groups": list(groups)}
    assert claims(person, scopes=scopes) == {**claims(), **(expected if in_id_token else {})}
    assert userinfo_claims("s", person, scopes, ()) == {"sub": "s", **expected}


@pytest.mark.requirement("ID-3")
def test_without_the_scope_no_claims_request_gets_the_groups() -> None:
    person = Person("wesen", None, ("ops",))
    assert "groups" not in claims(person, id_token_claims=("groups",))
    assert userinfo_claims("s", person, ("openid",), ("groups",)) == {"sub": "s"}


def test_of_a_person_it_has_what_was_requested_and_is_known() -> None:
    requested = ("name", "preferred_username", "email")
    assert claims(id_token_claims=("name",)) == {**claims(), "name": "Wesen B."}
    assert claims(Person("wesen", ""), id_token_claims=("name",)) == claims()
    nameless = claims(Person("wesen", None), id_token_claims=requested)
    assert nameless == {**claims(), "preferred_username": "wesen"}
    assert claims(None, id_token_claims=requested) == claims()


@pytest.mark.parametrize("missing", ["exp", "iat", "at_hash"])
def test_a_jwt_without_the_required_claims_is_not_an_id_token(missing: str) -> None:
    token = claims()
    assert is_id_token(token)
    assert not is_id_token({name: value for name, value in token.items() if name != missing})


def test_a_logout_token_is_not_an_id_token() -> None:
    assert not is_id_token({**claims(), "events": {}})


@pytest.mark.parametrize(
    ("scopes", "requested", "added"),
    [
        (("openid",), (), {}),
        (("openid", "profile"), (), {"name": "Wesen B.", "preferred_username": "wesen"}),
        (("openid",), ("name",), {"name": "Wesen B."}),
        (("openid", "profile"), ("name",), {"name": "Wesen B.", "preferred_username": "wesen"}),
        (("openid",), ("email",), {}),
    ],
)
def test_userinfo_has_what_the_scopes_and_the_claims_request_allow(
    scopes: tuple[str, ...], requested: tuple[str, ...], added: dict[str, str]
) -> None:
    assert userinfo_claims("subject-1", WESEN, scopes, requested) == {"sub": "subject-1", **added}
