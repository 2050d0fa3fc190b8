"""The one-time code of the set-up page, a pure rule."""

from __future__ import annotations

import pytest

from shared.cli.set_up.one_time_code import MAX_ATTEMPTS, Entry, OneTimeCode, new_code

pytestmark = pytest.mark.requirement("OP-6")


def test_the_code_admits_one_browser_however_it_is_typed_and_however_often_it_is_pressed() -> None:
    one_time_code = OneTimeCode(code="ABCD-2345-EFGH")
    assert not one_time_code.admits("ada")
    typed = ("abcd2345efgh", " ABCD 2345 EFGH ", "ABCD-2345-EFGH")
    assert [one_time_code.enter(code, "ada") for code in typed] == [Entry.ACCEPTED] * 3
    assert one_time_code.enter("ABCD-2345-EFGH", "eve") is Entry.OVER
    assert (one_time_code.admits("ada"), one_time_code.admits("eve"), one_time_code.admits(None)) == (
        True,
        False,
        False,
    )


def test_after_some_wrong_codes_the_right_one_is_not_accepted_either() -> None:
    one_time_code = OneTimeCode()
    assert [one_time_code.enter("", "eve") for _ in range(MAX_ATTEMPTS)] == [Entry.WRONG] * MAX_ATTEMPTS
    assert one_time_code.enter(one_time_code.code, "ada") is Entry.OVER


def test_a_code_has_sixty_bits_and_differs_each_time() -> None:
    codes = {new_code() for _ in range(100)}
    assert len(codes) == 100
    assert {len(code.replace("-", "")) for code in codes} == {12}
