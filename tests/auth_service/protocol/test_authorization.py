"""The authorization request: whom to answer, and what is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth_service.protocol.authorization import (
    AuthorizationRequest,
    check_response_target,
    only_target,
    response_location,
    response_target,
    validate,
)
from auth_service.protocol.client import Client
from auth_service.protocol.errors import (
    InvalidRequestError,
    InvalidScopeError,
    InvalidTargetError,
    OAuthError,
    RequestUriNotSupportedError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from auth_service.protocol.pkce import PkcePolicy
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ProtectedResource, ResourceRegistry
from tests.auth_service.protocol.builders import (
    CATALOGUE,
    NOTES,
    OWN_SCOPES,
    REDIRECT_URI,
    RESOURCE,
    VERIFIER,
    client,
    parameters,
)
from tests.auth_service.protocol.challenges import CHALLENGE
from tests.refusals import because

OTHER = ProtectedResource(
    resource="https://other.example/mcp", name="Other", scopes={"x": "Do x"}, default_scopes=("x",)
)


def validated(
    *resources: str,
    of: Client | None = None,
    catalogue: ResourceRegistry = CATALOGUE,
    pkce_policy: PkcePolicy = PkcePolicy.ALL,
    without: str = "",
    **changes: str,
) -> AuthorizationRequest:
    """A request of `of` that is good but for `changes`."""
    usual = {
        "response_type": "code",
        "redirect_uri": REDIRECT_URI,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    values = {name: value for name, value in {**usual, **changes}.items() if name not in without.split()}
    request, of = parameters(*resources, **values), of or client()
    return validate(request, of, response_target(request, of), catalogue, pkce_policy=pkce_policy)


def test_the_answer_goes_to_the_redirect_uri_with_the_state_as_it_was_sent() -> None:
    address = response_target(parameters(redirect_uri=REDIRECT_URI, state="ä &="), client())
    assert (address.redirect_uri, address.redirect_uri_given, address.state) == (REDIRECT_URI, True, "ä &=")


def test_the_only_redirect_uri_may_be_left_out() -> None:
    address = response_target(parameters(), client())
    assert (address.redirect_uri, address.redirect_uri_given) == (REDIRECT_URI, False)


@pytest.mark.requirement("AS-10")
@pytest.mark.parametrize("redirect_uris", [[], [REDIRECT_URI, "https://client.example/other"]])
def test_a_redirect_uri_must_be_sent_where_there_is_not_exactly_one(redirect_uris: list[str]) -> None:
    with pytest.raises(InvalidRequestError):
        response_target(parameters(), client(redirect_uris=redirect_uris))


@pytest.mark.requirement("AS-10")
def test_a_request_that_cannot_be_read_is_answered_at_the_only_redirect_uri() -> None:
    target = only_target(parameters(state="x"), client())
    assert target is not None
    assert (target.redirect_uri, target.redirect_uri_given) == (REDIRECT_URI, False)
    assert (target.state, target.response_mode) == ("x", "query")


@pytest.mark.requirement("AS-10")
@pytest.mark.parametrize(
    "redirect_uris", [[], [REDIRECT_URI, "https://client.example/other"], ["http://127.0.0.1/cb"]]
)
def test_a_request_that_cannot_be_read_is_answered_nowhere_else(redirect_uris: list[str]) -> None:
    assert only_target(parameters(), client(redirect_uris=redirect_uris)) is None


@pytest.mark.requirement("AS-10", "SEC-1")
def test_a_redirect_uri_that_is_not_registered_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        response_target(parameters(redirect_uri=REDIRECT_URI + "/"), client())


@pytest.mark.requirement("AS-10")
def test_a_loopback_redirect_uri_is_answered_at_the_port_that_was_requested() -> None:
    of = client(redirect_uris=["http://127.0.0.1/cb"])
    request = parameters(redirect_uri="http://127.0.0.1:4711/cb")
    assert response_target(request, of).redirect_uri == "http://127.0.0.1:4711/cb"


@pytest.mark.requirement("AS-10")
@pytest.mark.parametrize(
    "redirect_uri", ["ms-word:callback", "https://client.example/cb#x", "http://a.example"]
)
def test_a_redirect_uri_that_was_registered_under_older_rules_is_not_answered(redirect_uri: str) -> None:
    of = client(redirect_uris=[redirect_uri])
    for values in ({}, {"redirect_uri": redirect_uri}):
        with pytest.raises(InvalidRequestError, match="does not redirect to this kind"):
            response_target(parameters(**values), of)
    with pytest.raises(InvalidRequestError, match="does not redirect to this kind"):
        check_response_target(replace(validated(), redirect_uri=redirect_uri), of)


@pytest.mark.requirement("AS-10")
def test_a_request_that_waited_is_answered_only_where_the_client_is_still_registered() -> None:
    waiting = validated()
    check_response_target(waiting, client())
    moved = client(redirect_uris=[REDIRECT_URI + "/new"])
    with pytest.raises(InvalidRequestError, match="no longer"):
        check_response_target(waiting, moved)
    # A device polls for its answer: there is nowhere to redirect to.
    check_response_target(replace(waiting, device="device", redirect_uri=""), moved)


@pytest.mark.parametrize(
    ("mode", "used"),
    [(None, "query"), ("query", "query"), ("form_post", "form_post"), ("fragment", "query"), ("x", "query")],
)
def test_an_error_is_sent_in_the_requested_response_mode_if_it_exists(mode: str | None, used: str) -> None:
    request = parameters(**({"response_mode": mode} if mode else {}))
    assert response_target(request, client()).response_mode == used


def test_a_request_with_everything_is_taken_as_it_is() -> None:
    request = validated(
        RESOURCE,
        scope="openid a",
        state="s",
        nonce="n",
        prompt="consent login",
        max_age="0",
        login_hint="wesen",
        response_mode="form_post",
    )
    assert request == AuthorizationRequest(
        client_id="client-1",
        redirect_uri=REDIRECT_URI,
        redirect_uri_given=True,
        response_mode="form_post",
        scopes=("openid", "a"),
        state="s",
        resource=RESOURCE,
        code_challenge=CHALLENGE,
        nonce="n",
        prompts=("consent", "login"),
        max_age=0,
        login_hint="wesen",
    )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"without": "response_type"}, InvalidRequestError),
        ({"response_type": "token"}, UnsupportedResponseTypeError),
        ({"response_type": "code id_token"}, UnsupportedResponseTypeError),
        ({"response_type": "CODE"}, UnsupportedResponseTypeError),
        ({"response_mode": "fragment"}, InvalidRequestError),
        ({"response_mode": "query.jwt"}, InvalidRequestError),
        ({"request_uri": "https://client.example/request"}, RequestUriNotSupportedError),
        ({"of": client(grant_types=["refresh_token"])}, UnauthorizedClientError),
        ({"state": "s" * 4_097}, InvalidRequestError),
        ({"nonce": "n" * 4_097}, InvalidRequestError),
        ({"dpop_jkt": "too short"}, InvalidRequestError),
        ({"dpop_jkt": "j" * 100}, InvalidRequestError),
        ({"scope": 'a"'}, InvalidScopeError),
        ({"scope": "a\tb"}, InvalidScopeError),
        ({"prompt": "none login"}, InvalidRequestError),
        ({"prompt": "none consent"}, InvalidRequestError),
        ({"prompt": "create"}, InvalidRequestError),
        ({"prompt": "NONE"}, InvalidRequestError),
        ({"max_age": "-1"}, InvalidRequestError),
        ({"max_age": "1.5"}, InvalidRequestError),
        ({"max_age": "1e3"}, InvalidRequestError),
        ({"max_age": " 1"}, InvalidRequestError),
        ({"max_age": "+1"}, InvalidRequestError),
        ({"max_age": "١"}, InvalidRequestError),
        ({"max_age": "9" * 11}, InvalidRequestError),
        ({"max_age": "9" * 5_000}, InvalidRequestError),
        ({"without": "code_challenge"}, InvalidRequestError),
        ({"without": "code_challenge_method"}, InvalidRequestError),
        ({"code_challenge_method": "plain", "code_challenge": VERIFIER}, InvalidRequestError),
    ],
)
@pytest.mark.requirement("AS-1")
def test_a_wrong_request_is_refused(changes: dict[str, Any], error: type[OAuthError]) -> None:
    with pytest.raises(error):
        validated(**changes)


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [("none", ("none",)), ("none none", ("none",)), ("login select_account", ("login", "select_account"))],
)
def test_prompt_none_stands_alone_and_others_together(prompt: str, prompts: tuple[str, ...]) -> None:
    assert validated(prompt=prompt).prompts == prompts


def test_an_unusable_hint_is_left_out() -> None:
    assert validated(login_hint="x" * 1_000).login_hint is None


@pytest.mark.parametrize("max_age", [0, 1, 86_400, 9_999_999_999])
def test_max_age_is_a_number_of_seconds(max_age: int) -> None:
    assert validated(max_age=str(max_age)).max_age == max_age


@pytest.mark.requirement("AS-1")
@pytest.mark.parametrize(
    ("scope", "nonce", "allowed_by"),
    [
        ("openid a", "n", {PkcePolicy.PUBLIC, PkcePolicy.OPENID}),
        ("openid", "n", {PkcePolicy.PUBLIC, PkcePolicy.OPENID}),
        ("openid a", "", {PkcePolicy.OPENID}),
        ("a", "n", set()),
        ("", "", set()),
    ],
)
@pytest.mark.parametrize("pkce_policy", PkcePolicy)
@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
def test_only_a_confidential_openid_client_can_do_without_pkce_and_only_where_configured(
    scope: str, nonce: str, allowed_by: set[PkcePolicy], pkce_policy: PkcePolicy, method: str
) -> None:
    changes: dict[str, Any] = {"without": "code_challenge code_challenge_method"}
    changes |= {name: value for name, value in (("scope", scope), ("nonce", nonce)) if value}
    of = client(token_endpoint_auth_method=method)
    if pkce_policy in allowed_by and method != "none":
        assert validated(of=of, pkce_policy=pkce_policy, **changes).code_challenge is None
        return
    with pytest.raises(InvalidRequestError, check=because(Reason.CODE_CHALLENGE_MISSING)):
        validated(of=of, pkce_policy=pkce_policy, **changes)


@pytest.mark.requirement("AS-17")
def test_an_openid_request_says_where_it_is_answered() -> None:
    with pytest.raises(InvalidRequestError, check=because(Reason.REDIRECT_URI_MISSING)):
        validated(scope="openid a", without="redirect_uri")
    assert validated(scope="openid a").redirect_uri_given
    assert not validated(scope="a", without="redirect_uri").redirect_uri_given


@pytest.mark.requirement("AS-21")
@pytest.mark.parametrize(
    ("scope", "registered", "granted"),
    [
        (None, None, ("a", "b")),
        ("a", None, ("a",)),
        ("c b a", None, ("c", "b", "a")),
        ("a a  a", None, ("a",)),
        ("a unknown", None, ("a",)),
        ("unknown", None, ("a", "b")),
        ("openid profile offline_access a b c", None, ("openid", "profile", "offline_access", "a", "b", "c")),
        ("openid", None, ("openid",)),
        (" offline_access", None, ("a", "b", "offline_access")),
        ("offline_access c", None, ("offline_access", "c")),
        ("offline_access openid", None, ("offline_access", "openid")),
        (None, "c", ("c",)),
        (None, "unknown", ("a", "b")),
        ("b", "c", ("b",)),
    ],
)
def test_unknown_scopes_are_dropped_and_no_scope_means_the_default(
    scope: str | None, registered: str | None, granted: tuple[str, ...]
) -> None:
    of = client(scope=registered) if registered else client()
    request = validated(of=of, scope=scope) if scope else validated(of=of)
    assert request.scopes == granted


@pytest.mark.requirement("AS-14")
@pytest.mark.parametrize(
    "spelling", [RESOURCE, RESOURCE + "/", "HTTPS://MCP.example/mcp", "https://mcp.EXAMPLE/mcp/"]
)
def test_a_resource_is_kept_as_its_server_announces_it(spelling: str) -> None:
    assert validated(spelling).resource == RESOURCE
    assert validated(spelling, spelling).resource == RESOURCE


@pytest.mark.requirement("AS-14")
def test_the_only_resource_may_be_left_out_and_one_of_several_may_not_be_guessed() -> None:
    assert validated().resource == RESOURCE
    several = ResourceRegistry([NOTES, OTHER], OWN_SCOPES)
    assert validated(catalogue=several, scope="openid a x").scopes == ("openid",)
    assert validated(catalogue=several).resource is None
    assert validated(OTHER.resource, catalogue=several, scope="a x").scopes == ("x",)


@pytest.mark.requirement("AS-14")
@pytest.mark.parametrize(
    "resources",
    [
        ("https://other.example/mcp",),
        (RESOURCE + "/x",),
        ("mcp",),
        ("https://[",),
        ("ü",),
        (RESOURCE, "https://other.example/mcp"),
    ],
)
def test_an_unknown_resource_and_several_are_refused(resources: tuple[str, ...]) -> None:
    with pytest.raises(InvalidTargetError):
        validated(*resources)


@pytest.mark.parametrize(
    ("redirect_uri", "prefix"),
    [
        ("https://c.example/cb", "https://c.example/cb?"),
        ("https://c.example", "https://c.example?"),
        ("https://c.example/cb?x=1", "https://c.example/cb?x=1&"),
        ("https://c.example/cb?", "https://c.example/cb?"),
        ("https://c.example/cb?x=1&", "https://c.example/cb?x=1&"),
        ("app.example:/cb", "app.example:/cb?"),
        ("cursor://a.b/cb", "cursor://a.b/cb?"),
    ],
)
def test_an_answer_is_added_to_the_redirect_uri_which_stays_as_it_is(redirect_uri: str, prefix: str) -> None:
    members = {"code": "dw_ac_x", "state": "a&b=c#d\r\nX: y ü", "iss": "https://as.example"}
    location = response_location(redirect_uri, members)
    assert location.startswith(prefix)
    assert "\n" not in location
    response = dict(parse_qsl(urlsplit(location).query))
    assert {name: response[name] for name in members} == members
