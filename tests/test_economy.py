"""Savings in the process of the tests, which leave what is tested as it is."""

from __future__ import annotations

from io import StringIO

import structlog


def test_a_logged_error_has_a_traceback_without_a_frame_or_variables() -> None:
    variable, output = "the value of a variable", StringIO()
    # As the services print to a terminal; what an earlier test has configured does not matter.
    logger = structlog.wrap_logger(
        structlog.PrintLogger(output), processors=[structlog.dev.ConsoleRenderer()]
    )
    try:
        raise ValueError(len(variable))
    except ValueError:
        logger.exception("it failed", exc_info=True)
    printed = output.getvalue()
    assert "Traceback (most recent call last):" in printed
    assert "ValueError: 23" in printed
    assert variable not in printed
    assert "╭" not in printed
