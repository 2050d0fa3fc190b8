"""The next step of a pending request: the whole table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.claims_request import ACR_FEDERATED, ACR_MFA, ACR_PASSWORD
from auth_service.protocol.client import Client
from auth_service.protocol.errors import (
    AccessDeniedError,
    ConsentRequiredError,
    LoginRequiredError,
    UnmetAuthenticationRequirementsError,
)
from auth_service.protocol.interaction import (
    Approval,
    Decision,
    Login,
    Outcome,
    Progress,
    Step,
    granted_scopes,
    may_be_silent,
    next_step,
)
from tests.auth_service.protocol.builders import NOW, REDIRECT_URI, RESOURCE, client
from tests.auth_service.protocol.interactions import request_with

LOGIN = Login(subject="subject-1", session_id="session-1", auth_time=NOW - 100)
ALLOWED = Decision("subject-1", ("a", "b"))
DENIED = Decision("subject-1", None)
APPROVAL = Approval(REDIRECT_URI, RESOURCE, ("a", "b"))


def step(
    request: AuthorizationRequest,
    *,
    login: Login | None = LOGIN,
    progress: Progress | None = None,
    approvals: tuple[Approval, ...] = (),
    of: Client | None = None,
    **required: bool,
) -> Step:
    return next_step(
        request,
        client=of or client(),
        progress=progress or Progress(),
        login=login,
        approvals=approvals,
        now=NOW,
        **required,
    )


def test_nobody_logged_in_leads_to_the_login() -> None:
    assert step(request_with(), login=None, approvals=(APPROVAL,)) is Step.LOGIN


def test_a_new_client_leads_to_the_consent_page() -> None:
    assert step(request_with()) is Step.CONSENT


def test_what_was_approved_before_is_not_asked_again() -> None:
    assert step(request_with(), approvals=(APPROVAL,)) is Step.ISSUE


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_a_login_for_this_request_can_be_required(prompt: str) -> None:
    request = request_with(prompt)
    assert step(request, approvals=(APPROVAL,)) is Step.LOGIN
    assert step(request, approvals=(APPROVAL,), progress=Progress("another session")) is Step.LOGIN
    assert step(request, approvals=(APPROVAL,), progress=Progress("session-1")) is Step.ISSUE


def test_a_decision_does_not_replace_a_requested_login() -> None:
    assert step(request_with("login"), progress=Progress(None, ALLOWED)) is Step.LOGIN


@pytest.mark.parametrize(
    ("max_age", "expected"),
    [(None, Step.ISSUE), (101, Step.ISSUE), (100, Step.ISSUE), (99, Step.LOGIN), (0, Step.LOGIN)],
)
def test_a_login_may_be_as_old_as_the_client_says(max_age: int | None, expected: Step) -> None:
    assert step(request_with(max_age=max_age), approvals=(APPROVAL,)) is expected


def test_a_login_for_this_very_request_is_recent_enough_for_any_max_age() -> None:
    assert step(request_with(max_age=0), progress=Progress("session-1"), approvals=(APPROVAL,)) is Step.ISSUE


def test_consent_can_be_requested_although_it_was_given_before() -> None:
    assert step(request_with("consent"), approvals=(APPROVAL,)) is Step.CONSENT
    assert (
        step(request_with("consent"), approvals=(APPROVAL,), progress=Progress(None, ALLOWED)) is Step.ISSUE
    )


def test_login_comes_before_consent() -> None:
    request = request_with("login", "consent")
    assert step(request) is Step.LOGIN
    assert step(request, progress=Progress("session-1")) is Step.CONSENT
    assert step(request, progress=Progress("session-1", ALLOWED)) is Step.ISSUE


@pytest.mark.requirement("ID-5")
@pytest.mark.parametrize(
    ("acr", "second_factor", "wanted", "expected"),
    [
        (ACR_PASSWORD, False, {}, Step.ISSUE),
        (ACR_PASSWORD, True, {}, Step.SECOND_FACTOR),
        (ACR_MFA, True, {}, Step.ISSUE),
        (ACR_PASSWORD, False, {"acr": (ACR_MFA,)}, Step.SECOND_FACTOR),
        (ACR_PASSWORD, False, {"acr_values": (ACR_MFA,)}, Step.SECOND_FACTOR),
        (ACR_PASSWORD, False, {"acr_values": (ACR_MFA, ACR_PASSWORD)}, Step.ISSUE),
        (ACR_PASSWORD, False, {"acr_values": (ACR_PASSWORD,)}, Step.ISSUE),
        (ACR_MFA, False, {"acr": (ACR_MFA,)}, Step.ISSUE),
        (ACR_MFA, False, {"acr": (ACR_PASSWORD,)}, Step.ISSUE),
        (ACR_FEDERATED, False, {"acr": (ACR_PASSWORD,)}, Step.LOGIN),
        (ACR_FEDERATED, False, {"acr": (ACR_MFA,)}, Step.SECOND_FACTOR),
    ],
)
def test_a_login_is_stepped_up_to_what_the_policy_or_the_client_requires(
    acr: str, second_factor: bool, wanted: dict[str, Any], expected: Step
) -> None:
    login, logged_in_for_it = replace(LOGIN, acr=acr), Progress("session-1")
    for progress in (Progress(), logged_in_for_it):
        assert (
            step(
                request_with(**wanted),
                login=login,
                progress=progress,
                approvals=(APPROVAL,),
                second_factor=second_factor,
            )
            is expected
        )


@pytest.mark.requirement("ID-5")
def test_a_second_factor_cannot_be_requested_silently() -> None:
    with pytest.raises(LoginRequiredError, match="a second factor is required"):
        step(request_with("none"), approvals=(APPROVAL,), second_factor=True)


def test_a_refusal_ends_the_request() -> None:
    with pytest.raises(AccessDeniedError):
        step(request_with(), progress=Progress(None, DENIED), approvals=(APPROVAL,))


@pytest.mark.parametrize("login", [None, LOGIN])
def test_a_cancelled_login_ends_the_request_even_with_a_login(login: Login | None) -> None:
    with pytest.raises(AccessDeniedError, match="cancelled"):
        step(request_with(), login=login, progress=Progress(cancelled=True), approvals=(APPROVAL,))


@pytest.mark.requirement("AS-17")
def test_a_kind_of_login_that_there_is_not_cannot_be_required() -> None:
    with pytest.raises(UnmetAuthenticationRequirementsError):
        step(request_with(acr=("gold",)), approvals=(APPROVAL,))
    assert step(request_with(acr=("gold", "password")), approvals=(APPROVAL,)) is Step.ISSUE


@pytest.mark.requirement("AS-17", "ID-1")
@pytest.mark.parametrize("max_age", [0, 100, 10**9])
def test_a_login_of_unknown_age_is_too_old_for_every_maximum_age(max_age: int) -> None:
    unknown = replace(LOGIN, auth_time_known=False)
    assert step(request_with(max_age=max_age), login=unknown, approvals=(APPROVAL,)) is Step.LOGIN
    assert step(request_with(), login=unknown, approvals=(APPROVAL,)) is Step.ISSUE
    with pytest.raises(LoginRequiredError):
        step(request_with("none", max_age=max_age), login=unknown, approvals=(APPROVAL,))


@pytest.mark.requirement("AS-17")
def test_only_the_requested_user_is_accepted() -> None:
    request = request_with(subject="subject-2")
    assert step(request, approvals=(APPROVAL,)) is Step.LOGIN
    with pytest.raises(LoginRequiredError, match="another user"):
        step(request, progress=Progress("session-1"), approvals=(APPROVAL,))
    assert step(request_with(subject="subject-1"), approvals=(APPROVAL,)) is Step.ISSUE


def test_an_outcome_says_no_more_than_it_is_given() -> None:
    assert Outcome() == Outcome(
        grant_id=None, code_expires_at=0, error=None, device_connected=None, on_page=False
    )


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize("decision", [ALLOWED, DENIED])
def test_a_decision_counts_only_for_the_person_who_took_it(decision: Decision) -> None:
    other = Login(subject="subject-2", session_id="session-2", auth_time=NOW)
    assert step(request_with(), login=other, progress=Progress(None, decision)) is Step.CONSENT


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize("decision", [ALLOWED, DENIED])
def test_nobody_is_connected_silently_by_a_button_pressed_in_another_session(decision: Decision) -> None:
    transferred = replace(decision, session_id="session-0")
    assert step(request_with(), progress=Progress(None, transferred), approvals=(APPROVAL,)) is Step.CONSENT


def test_prompt_none_shows_no_page() -> None:
    with pytest.raises(LoginRequiredError):
        step(request_with("none"), login=None)
    with pytest.raises(LoginRequiredError):
        step(request_with("none", max_age=10), approvals=(APPROVAL,))
    with pytest.raises(ConsentRequiredError):
        step(request_with("none"))
    assert step(request_with("none"), approvals=(APPROVAL,)) is Step.ISSUE


WEB = ("https://client.example/other",)


@pytest.mark.requirement("AS-9", "SEC-5")
@pytest.mark.parametrize(
    ("request_changes", "approval", "redirect_uris", "silent"),
    [
        ({}, APPROVAL, (), True),
        ({}, APPROVAL, WEB, True),
        ({"scopes": ("a",)}, APPROVAL, (), True),
        ({"scopes": ()}, APPROVAL, (), True),
        ({"scopes": ("b", "a")}, APPROVAL, (), True),
        ({"scopes": ("a", "b", "c")}, APPROVAL, (), False),
        ({"scopes": ("c",)}, APPROVAL, (), False),
        ({"resource": None}, APPROVAL, (), False),
        ({"resource": RESOURCE + "/"}, APPROVAL, (), False),
        ({"redirect_uri": WEB[0]}, APPROVAL, WEB, False),
        ({}, replace(APPROVAL, resource=None), (), False),
        ({}, replace(APPROVAL, scopes=()), (), False),
        # Anyone who can receive on this machine could pose as the client (RFC 8252 §8.6).
        ({}, APPROVAL, ("http://localhost/cb",), False),
        ({}, APPROVAL, ("http://127.0.0.1:1/cb",), False),
        ({}, APPROVAL, ("app.example:/cb",), False),
        ({}, APPROVAL, ("https://localhost/cb",), False),
    ],
)
def test_consent_is_silent_only_for_exactly_what_was_approved(
    request_changes: dict[str, Any], approval: Approval, redirect_uris: tuple[str, ...], silent: bool
) -> None:
    of = client(redirect_uris=[REDIRECT_URI, *redirect_uris])
    request = request_with(**request_changes)
    assert may_be_silent(request, of, (approval,)) is silent
    assert step(request, approvals=(approval,), of=of) is (Step.ISSUE if silent else Step.CONSENT)


@pytest.mark.requirement("AS-9", "SEC-5")
@pytest.mark.parametrize("uri", ["http://127.0.0.1:5/cb", "http://localhost/cb", "app.example:/cb"])
def test_consent_is_never_silent_where_any_program_could_receive(uri: str) -> None:
    approval = Approval(uri, RESOURCE, ("a", "b"))
    assert not may_be_silent(request_with(redirect_uri=uri), client(redirect_uris=[uri]), (approval,))


def test_approvals_do_not_add_up() -> None:
    approvals = (replace(APPROVAL, scopes=("a",)), replace(APPROVAL, scopes=("b",)))
    assert not may_be_silent(request_with(), client(), approvals)


@pytest.mark.parametrize(
    ("decision", "granted"),
    [
        (None, ("a", "b")),
        (Decision("subject-1", ("a", "b")), ("a", "b")),
        (Decision("subject-1", ("b",)), ("b",)),
        (Decision("subject-1", ()), ()),
        (Decision("subject-1", ("b", "c", "d")), ("b",)),
    ],
)
@pytest.mark.requirement("AS-24", "SEC-5")
def test_a_decision_takes_scopes_away_and_never_adds_any(
    decision: Decision | None, granted: tuple[str, ...]
) -> None:
    assert granted_scopes(request_with(), Progress(None, decision)) == granted


def test_an_outcome_is_redirected_and_blames_no_access_rule_unless_it_says_so() -> None:
    assert (Outcome().on_page, Outcome().no_access) == (False, False)
