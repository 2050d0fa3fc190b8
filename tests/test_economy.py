"""Savings in the process of the tests, which leave what is tested as it is."""

from __future__ import annotations

import pytest

from shared.logs import get_logger


def test_a_logged_error_has_a_traceback_without_a_frame_or_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    variable = "the value of a variable"
    try:
        raise ValueError(len(variable))
    except ValueError:
        get_logger(__name__).exception("it failed")
    printed = capsys.readouterr().out
    assert "Traceback (most recent call last):" in printed
    assert "ValueError: 23" in printed
    assert variable not in printed
    assert "╭" not in printed
