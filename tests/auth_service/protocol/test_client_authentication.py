"""How a client says who it is, in every spelling seen on the wire."""

from __future__ import annotations

import base64

import pytest

from auth_service.protocol.client_authentication import (
    ASSERTION_TYPE,
    PresentedCredentials,
    parse_basic,
    present,
)
from auth_service.protocol.errors import InvalidClientError, InvalidRequestError
from tests.auth_service.protocol.builders import parameters

pytestmark = pytest.mark.requirement("AS-11", "SEC-8")


def basic(pair: str | bytes) -> str:
    """The value of an Authorization header over `pair`."""
    raw = pair if isinstance(pair, bytes) else pair.encode()
    return f"Basic {base64.b64encode(raw).decode()}"


@pytest.mark.parametrize(
    ("pair", "client_id", "secret"),
    [
        ("id:secret", "id", "secret"),
        ("a-b_c:d-e_f", "a-b_c", "d-e_f"),
        ("a%2Db%5Fc:d%2De%5Ff", "a-b_c", "d-e_f"),
        ("a%2db%5fc:d%2de%5ff", "a-b_c", "d-e_f"),
        ("%69%64:%73ecret", "id", "secret"),
        ("id:a:b:c", "id", "a:b:c"),
        ("id%3Ax:secret", "id:x", "secret"),
        ("https%3A%2F%2Fc.example%2Fc.json:s", "https://c.example/c.json", "s"),
        ("id:%C3%BC", "id", "ü"),
        ("id:ü", "id", "ü"),
        # Raw (RFC 7617): what base64 makes of random bytes, for a resource server's secret.
        ("id:a+b/c==", "id", "a+b/c=="),
        ("id:a%2Bb%2Fc%3D%3D", "id", "a+b/c=="),
    ],
)
def test_basic_credentials_are_read_raw_or_form_encoded(pair: str, client_id: str, secret: str) -> None:
    assert parse_basic(basic(pair)) == (client_id, secret)


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_scheme_is_read_in_any_case_and_spaces_around_the_credentials_do_not_matter(scheme: str) -> None:
    encoded = basic("id:secret").removeprefix("Basic ")
    assert parse_basic(f"{scheme}  {encoded} ") == ("id", "secret")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Bearer abc",
        "Digest username=x",
        basic("id:secret").replace("Basic", "Bearer"),
        "BasicaWQ6c2VjcmV0",
        "Basic aWQ6c2Vjcm",
        "Basic !!!!",
        "Basic aWQ6 c2VjcmV0",
        basic("no separator"),
        basic("id:"),
        basic(":secret"),
        basic(":"),
        basic(""),
        basic(b"id:\xff\xfe"),
        basic("id:%FF"),
        "Basic ü",
    ],
)
def test_credentials_that_cannot_be_read_are_refused(header: str) -> None:
    with pytest.raises(InvalidClientError):
        parse_basic(header)


def test_a_public_client_only_names_itself() -> None:
    assert present([], parameters(client_id="id")) == PresentedCredentials("id", None, "none")


def test_a_secret_in_the_body_is_a_method() -> None:
    assert present([], parameters(client_id="id", client_secret="s")) == PresentedCredentials(
        "id", "s", "client_secret_post"
    )


def test_basic_is_a_method_and_the_body_may_repeat_the_client_id() -> None:
    expected = PresentedCredentials("id", "s", "client_secret_basic")
    assert present([basic("id:s")], parameters()) == expected
    assert present([basic("id:s")], parameters(client_id="id")) == expected


@pytest.mark.parametrize(
    ("authorization", "values"),
    [
        ([basic("id:s"), basic("id:s")], {}),
        ([basic("id:s"), "Bearer x"], {}),
        ([basic("id:s")], {"client_secret": "s"}),
        ([basic("id:s")], {"client_id": "id", "client_secret": "s"}),
        ([basic("id:s")], {"client_id": "another"}),
        ([basic("id:s")], {"client_id": "ID"}),
    ],
)
def test_two_ways_at_once_are_refused(authorization: list[str], values: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError):
        present(authorization, parameters(**values))


@pytest.mark.parametrize(
    ("authorization", "values"),
    [
        ([], {}),
        ([], {"client_secret": "s"}),
        (["Bearer x"], {}),
        (["Bearer x"], {"client_secret": "s"}),
        ([""], {}),
        (["Basic"], {"client_id": "id"}),
        (["Basic !"], {"client_id": "id"}),
    ],
)
def test_a_client_that_does_not_say_who_it_is_is_refused(
    authorization: list[str], values: dict[str, str]
) -> None:
    with pytest.raises(InvalidClientError):
        present(authorization, parameters(**values))


ASSERTED = {"client_assertion": "a.b.c", "client_assertion_type": ASSERTION_TYPE}


@pytest.mark.parametrize(
    "header", ["Bearer sk-123", "bearer x", "Digest username=x", "ApiKey 1", "", "token"]
)
@pytest.mark.parametrize(
    ("values", "method"),
    [
        ({"client_id": "id"}, "none"),
        ({"client_id": "id", "client_secret": "s"}, "client_secret_post"),
        (ASSERTED, "private_key_jwt"),
        ({"client_id": "id", **ASSERTED}, "private_key_jwt"),
    ],
)
def test_a_header_of_another_scheme_is_ignored_where_the_body_says_which_client_it_is(
    header: str, values: dict[str, str], method: str
) -> None:
    assert present([header], parameters(**values)) == present([], parameters(**values))
    assert present([header], parameters(**values)).method == method


@pytest.mark.parametrize("header", [basic("id:s"), "Basic", "basic !"])
def test_basic_beside_a_client_assertion_is_refused(header: str) -> None:
    with pytest.raises(InvalidRequestError):
        present([header], parameters(**ASSERTED))


def assertion(**values: str) -> dict[str, str]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "a.b.c", **values}


def test_an_assertion_is_a_method_with_and_without_the_client_id_beside_it() -> None:
    expected = PresentedCredentials(None, None, "private_key_jwt", "a.b.c")
    assert present([], parameters(**assertion())) == expected
    named = PresentedCredentials("id", None, "private_key_jwt", "a.b.c")
    assert present([], parameters(**assertion(client_id="id"))) == named


@pytest.mark.parametrize(
    ("authorization", "secret"), [([basic("id:s")], {}), ([], {"client_secret": "s"})], ids=["basic", "post"]
)
def test_an_assertion_beside_another_method_is_refused(
    authorization: list[str], secret: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequestError):
        present(authorization, parameters(**assertion(client_id="id", **secret)))


@pytest.mark.parametrize(
    "values",
    [
        {"client_assertion": "a.b.c"},
        {"client_assertion_type": ASSERTION_TYPE},
        {"client_assertion": "a.b.c", "client_assertion_type": "urn:example:another"},
    ],
    ids=["no type", "no assertion", "another type"],
)
def test_half_an_assertion_is_refused(values: dict[str, str]) -> None:
    # RFC 7521 §4.2: both parameters, and the type of a JWT (RFC 7523 §2.2).
    with pytest.raises(InvalidRequestError):
        present([], parameters(client_id="id", **values))
