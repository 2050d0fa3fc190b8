"""A rule is applied to what the person of a grant may still hold (ID-4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.errors import InvalidGrantError
from auth_service.protocol.grant import Grant, Outcome, revoked
from auth_service.protocol.narrowed_grants import NOT_GRANTED, AccessNotGrantedError, within
from auth_service.protocol.reasons import Reason
from tests.auth_service.protocol.builders import active_grant

pytestmark = pytest.mark.requirement("ID-4")

GRANT = active_grant()
LESS = replace(GRANT, scopes=GRANT.scopes[:1])
REFUSED = InvalidGrantError(Reason.GRANT_REVOKED, "refused")


def outcome(answer: Outcome, remains: Grant | None) -> Outcome:
    """Return the outcome of a rule if `remains` is left of the grant."""
    seen: list[Grant] = []

    def rule(grant: Grant) -> Outcome:
        seen.append(grant)
        return answer

    result = within(rule, lambda _: remains)(GRANT)
    assert seen == [remains or GRANT]
    return result


def test_a_grant_of_which_nothing_remains_ends_with_a_request_that_would_be_accepted() -> None:
    document, error = outcome((GRANT, GRANT), None)
    assert document == revoked(GRANT, NOT_GRANTED)
    assert isinstance(error, AccessNotGrantedError)
    assert (error.reason, str(error)) == (Reason.ACCESS_NOT_GRANTED, NOT_GRANTED)


@pytest.mark.parametrize("document", [None, LESS])
def test_a_refused_request_changes_nothing_more(document: Grant | None) -> None:
    assert outcome((document, REFUSED), None) == (document, REFUSED)
    assert outcome((document, REFUSED), LESS) == (document, REFUSED)


def test_a_repeated_response_is_for_less_from_now_on() -> None:
    assert outcome((None, LESS), LESS) == (LESS, LESS)
    assert outcome((None, GRANT), GRANT) == (None, GRANT)
    assert outcome((None, GRANT), LESS) == (None, GRANT)
    assert outcome((GRANT, LESS), LESS) == (GRANT, LESS)
