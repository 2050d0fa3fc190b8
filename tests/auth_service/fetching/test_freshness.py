"""How long an answer is kept (RFC 9111 §4.2)."""

from __future__ import annotations

import pytest

from auth_service.fetching.freshness import Freshness

NOW = 1_790_000_000  # Mon, 21 Sep 2026 14:13:20 GMT
RULE = Freshness(least=60, default=3_600, most=86_400)


@pytest.mark.requirement("AS-8")
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 3_600),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": 'public, Max-Age="600"'}, 600),
        ({"cache-control": "max-age=600, s-maxage=900"}, 900),
        ({"cache-control": "max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=600", "age": "nonsense"}, 600),
        ({"cache-control": "max-age=600", "expires": "0"}, 600),
        ({"cache-control": "max-age=0"}, 60),
        ({"cache-control": "max-age=-5"}, 60),
        ({"cache-control": "max-age=nonsense"}, 60),
        ({"cache-control": "max-age=600, no-store"}, 60),
        ({"cache-control": "no-cache"}, 60),
        ({"cache-control": "max-age=99999999"}, 86_400),
        ({"cache-control": "max-age=99999999999999999999"}, 60),
        ({"cache-control": "immutable"}, 3_600),
        ({"expires": "Mon, 21 Sep 2026 14:33:20 GMT"}, 1_200),
        ({"expires": "Mon, 21 Sep 2026 14:33:20 GMT", "date": "Mon, 21 Sep 2026 14:23:20 GMT"}, 600),
        ({"expires": "Mon, 21 Sep 2020 14:33:20 GMT"}, 60),
        ({"expires": "0"}, 60),
        ({"expires": "Mon, 21 Sep 9999 14:33:20 GMT"}, 86_400),
    ],
)
def test_the_answer_says_how_long_within_the_bounds(headers: dict[str, str], seconds: int) -> None:
    assert RULE.of(headers, NOW) == seconds
