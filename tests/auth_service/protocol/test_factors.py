"""The second factors of an account: what counts once, what may be removed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.factors import (
    MAX_NOTICES,
    MAX_PASSKEYS,
    Assertion,
    AuthenticatorApp,
    Factors,
    Notice,
    Passkey,
    Refused,
    accept_assertion,
    accept_code,
    accept_recovery_code,
    add_app,
    add_passkey,
    remove_app,
    remove_passkey,
    with_notice,
)
from shared.texts import Text
from tests.auth_service.protocol.builders import NOW

pytestmark = pytest.mark.requirement("ID-5")

APP = AuthenticatorApp(sealed="sealed", added_at=NOW, last_step=100)
KEY = Passkey(credential_id="key-1", public_key="public", name="Phone", added_at=NOW)
WITH_APP = Factors(app=APP, recovery_codes=("r1", "r2"), accepted="before")
WITH_KEY = Factors(passkeys=(KEY,), accepted="before")


@pytest.mark.parametrize(("step", "accepted"), [(None, False), (99, False), (100, False), (101, True)])
def test_a_code_counts_once_and_none_before_it_counts_again(step: int | None, accepted: bool) -> None:
    changed, result = accept_code(WITH_APP, step, mark="now", now=NOW)
    assert result is accepted
    assert (changed is not None) is accepted
    if changed:
        assert accept_code(changed, step, mark="later", now=NOW) == (None, False)


def test_the_same_form_is_accepted_twice_and_changes_nothing_the_second_time() -> None:
    changed, _ = accept_code(WITH_APP, 101, mark="now", now=NOW)
    assert changed
    assert accept_code(changed, 101, mark="now", now=NOW) == (None, True)
    recovered, _ = accept_recovery_code(WITH_APP, "r1", mark="now")
    assert recovered
    assert accept_recovery_code(recovered, "r1", mark="now") == (None, True)


def test_without_an_app_no_code_counts() -> None:
    assert accept_code(WITH_KEY, 101, mark="now", now=NOW) == (None, False)


def test_a_recovery_code_is_used_up() -> None:
    changed, accepted = accept_recovery_code(WITH_APP, "r1", mark="now")
    assert accepted
    assert changed
    assert changed.recovery_codes == ("r2",)
    assert accept_recovery_code(changed, "r1", mark="later") == (None, False)


def test_recovery_codes_alone_are_not_a_second_factor() -> None:
    assert accept_recovery_code(Factors(recovery_codes=("r1",)), "r1", mark="now") == (None, False)
    left, refused = remove_app(WITH_APP, required=False)
    assert refused is None
    assert left == Factors(accepted="before")


@pytest.mark.parametrize(
    ("stored", "sent", "result"),
    [
        (0, 0, Assertion.ACCEPTED),
        (0, 1, Assertion.ACCEPTED),
        (5, 6, Assertion.ACCEPTED),
        (5, 5, Assertion.CLONED),
        (5, 4, Assertion.CLONED),
        (5, 0, Assertion.CLONED),
    ],
)
def test_a_counter_that_goes_back_shows_a_copy(stored: int, sent: int, result: Assertion) -> None:
    factors = replace(WITH_KEY, passkeys=(replace(KEY, sign_count=stored),))
    assert accept_assertion(factors, "key-1", sent, mark="now", now=NOW)[1] is result


def test_a_copied_passkey_is_blocked_and_the_person_is_told() -> None:
    factors = replace(WITH_KEY, passkeys=(replace(KEY, sign_count=5),))
    blocked, _ = accept_assertion(factors, "key-1", 5, mark="now", now=NOW)
    assert blocked
    assert "Phone" in blocked.notices[0].text
    assert accept_assertion(blocked, "key-1", 99, mark="later", now=NOW) == (None, Assertion.CLONED)


def test_a_passkey_of_another_account_is_unknown() -> None:
    assert accept_assertion(WITH_KEY, "key-2", 0, mark="before", now=NOW) == (None, Assertion.UNKNOWN)


def test_the_same_passkey_assertion_posted_twice_is_accepted_twice() -> None:
    used, _ = accept_assertion(WITH_KEY, "key-1", 7, mark="now", now=NOW)
    assert used
    assert used.passkeys[0].sign_count == 7
    assert used.passkeys[0].used_at == NOW
    assert accept_assertion(used, "key-1", 7, mark="now", now=NOW) == (None, Assertion.ACCEPTED)


def test_an_account_has_one_app_and_a_bounded_number_of_different_passkeys() -> None:
    assert add_app(WITH_APP, APP, mark="now") == (None, Refused.THERE)
    assert add_passkey(WITH_KEY, KEY, mark="now") == (None, Refused.TAKEN)
    many = Factors(passkeys=tuple(replace(KEY, credential_id=str(n)) for n in range(MAX_PASSKEYS)))
    assert add_passkey(many, KEY, mark="now") == (None, Refused.FULL)
    too_many = replace(many, passkeys=(*many.passkeys, replace(KEY, credential_id="one more")))
    assert add_passkey(too_many, KEY, mark="now") == (None, Refused.FULL)
    added, refused = add_passkey(WITH_KEY, replace(KEY, credential_id="key-2"), mark="now")
    assert added
    assert (len(added.passkeys), refused) == (2, None)
    assert add_passkey(WITH_KEY, KEY, mark="before") == (None, None)


@pytest.mark.parametrize("required", [True, False])
def test_the_last_factor_stays_where_one_is_required(required: bool) -> None:
    assert remove_app(WITH_APP, required=required)[1] is (Refused.LAST if required else None)
    assert remove_passkey(WITH_KEY, "key-1", required=required)[1] is (Refused.LAST if required else None)
    both = replace(WITH_APP, passkeys=(KEY,))
    assert remove_app(both, required=True)[1] is None
    assert remove_passkey(both, "key-1", required=True)[1] is None
    assert remove_passkey(both, "key-2", required=True) == (None, None)


def test_the_person_is_told_of_a_bounded_number_of_changes_for_a_month() -> None:
    factors = Factors()
    for number in range(MAX_NOTICES + 3):
        factors = with_notice(factors, Notice(text=str(number), at=NOW))
    assert len(factors.notices) == MAX_NOTICES
    assert factors.notices[0].text == str(MAX_NOTICES + 2)
    month_s = 30 * 86_400
    assert factors.recent_notices(NOW + month_s - 1)
    for later in (NOW + month_s, NOW + month_s + 1):
        assert not factors.recent_notices(later)


def test_what_was_never_used_has_no_time_and_factors_are_counted_without_recovery_codes() -> None:
    assert (KEY.sign_count, KEY.used_at, KEY.cloned_at) == (0, 0, 0)
    app = AuthenticatorApp(sealed="sealed", added_at=NOW)
    assert (app.last_step, app.used_at) == (0, 0)
    assert Factors().recovery_codes_at == 0
    assert [f.count for f in (Factors(), WITH_APP, WITH_KEY, replace(WITH_APP, passkeys=(KEY,)))] == [
        0,
        1,
        1,
        2,
    ]


ALONE = replace(KEY, alone=True)


def test_a_passkey_that_has_once_sufficed_is_known_to_suffice() -> None:
    assert not KEY.alone
    used, _ = accept_assertion(WITH_KEY, "key-1", 1, mark="one", now=NOW)
    assert used
    assert not used.has_login
    used, _ = accept_assertion(used, "key-1", 2, mark="two", now=NOW, alone=True)
    assert used
    assert used.has_login
    used, _ = accept_assertion(used, "key-1", 3, mark="three", now=NOW)
    assert used
    assert used.has_login
    assert not replace(used, passkeys=(replace(ALONE, cloned_at=NOW),)).has_login
    assert not Factors(passkeys=(KEY,)).has_login


def test_the_only_way_to_log_in_stays() -> None:
    other = replace(KEY, credential_id="key-2")
    factors = replace(WITH_APP, passkeys=(ALONE, other))
    assert remove_passkey(factors, "key-1", required=False, only_way=True) == (None, Refused.ONLY_WAY)
    assert remove_passkey(factors, "key-2", required=False, only_way=True)[1] is None
    assert remove_passkey(factors, "key-1", required=False)[1] is None
    two = replace(factors, passkeys=(ALONE, replace(ALONE, credential_id="key-2")))
    assert remove_passkey(two, "key-1", required=False, only_way=True)[1] is None
    assert (
        remove_passkey(replace(factors, passkeys=(KEY,)), "key-1", required=False, only_way=True)[1] is None
    )


def test_what_was_added_since_a_moment_is_named() -> None:
    factors = replace(WITH_APP, passkeys=(KEY, replace(KEY, name="Old", added_at=NOW - 9)))
    assert factors.added_since(NOW - 1) == (("Phone", NOW), ("", NOW))
    assert factors.added_since(NOW) == ()
    assert factors.added_since(NOW + 1) == ()
    assert WITH_KEY.added_since(NOW - 1) == (("Phone", NOW),)


def test_a_notice_and_a_refusal_are_shown_in_the_language_of_the_page() -> None:
    named = Notice.of(Text("%(name)s was added", name="Phone"), at=NOW, network="192.0.2.1/32")
    assert named == Notice(text="%(name)s was added", at=NOW, network="192.0.2.1/32", name="Phone")
    assert (named.shown_text, named.shown_text.values) == ("Phone was added", {"name": "Phone"})
    plain = Notice.of(Text("100% done"), at=NOW)
    assert (plain.name, plain.shown_text, plain.shown_text.values) == ("", "100% done", {})
    assert Refused.LAST.text.startswith("This is your last second factor")
