"""``WWW-Authenticate``, in every shape that servers send it."""

from __future__ import annotations

import pytest

from shared.challenges import Challenge, bearer_challenge, parse_challenges


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("Bearer", [Challenge("Bearer")]),
        ('Bearer realm="mcp"', [Challenge("Bearer", {"realm": "mcp"})]),
        ("bearer error=invalid_token", [Challenge("bearer", {"error": "invalid_token"})]),
        ('Bearer a="1",b = "2" , C=3', [Challenge("Bearer", {"a": "1", "b": "2", "c": "3"})]),
        (r'Bearer a="say \"hi\", then \\go"', [Challenge("Bearer", {"a": 'say "hi", then \\go'})]),
        (
            'Basic realm="x, y", Bearer a="1"',
            [Challenge("Basic", {"realm": "x, y"}), Challenge("Bearer", {"a": "1"})],
        ),
        ("Negotiate, Bearer", [Challenge("Negotiate"), Challenge("Bearer")]),
        ('Bearer a="", b=""', [Challenge("Bearer", {"a": "", "b": ""})]),
        ("", []),
    ],
)
def test_what_follows_the_grammar_is_read(value: str, parsed: list[Challenge]) -> None:
    assert parse_challenges(value) == parsed


@pytest.mark.parametrize("value", ['Bearer a="1" b="2"', 'Bearer a="1', "a=b", 'Bearer "x"', "Bearer ="])
def test_what_does_not_is_not_guessed_at(value: str) -> None:
    assert parse_challenges(value) is None
    assert bearer_challenge(value) is None


def test_a_long_header_is_read_in_one_go() -> None:
    value = "Bearer " + ", ".join(f'p{number}="{"x" * 20}"' for number in range(5_000))
    challenge = bearer_challenge(value)
    assert challenge is not None
    assert len(challenge.parameters) == 5_000
