"""One bound of depth for all JSON of others."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import pytest

from shared.json_text import MAX_DEPTH, TooDeepError, check_depth, parse_json

pytestmark = pytest.mark.requirement("BOUND-1")


def nested(depth: int, opening: str = "[", closing: str = "]", inner: str = "1") -> str:
    return opening * depth + inner + closing * depth


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"]":', "}]"), ("[1,", "]")])
def test_the_bound_is_exact(opening: str, closing: str) -> None:
    per_level = opening.count("[") + opening.count("{")
    assert parse_json(nested(MAX_DEPTH // per_level, opening, closing))
    with pytest.raises(TooDeepError):
        parse_json(nested(MAX_DEPTH // per_level + 1, opening, closing))


@pytest.mark.parametrize("depth", [941, 100_000])
def test_json_nested_without_end_is_refused_whether_or_not_it_is_closed(depth: int) -> None:
    for text in (nested(depth), "[" * depth, '{"a":' * depth, "[" * depth + "]" * (depth - 1)):
        with pytest.raises(TooDeepError):
            parse_json(text)


@pytest.mark.parametrize(
    "text", ['"' + "[" * 999 + '"', json.dumps('\\"' + "[{" * 999), "[" + "[]," * 999 + "1]"]
)
def test_brackets_in_strings_and_beside_each_other_are_not_depth(text: str) -> None:
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize(
    "text", ['"' + '\\"' * 50_000 + "[" * 70, '"[' * 50_000, "]" * 50_000, "\\" * 50_000]
)
def test_what_is_not_json_is_left_to_its_reader(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


def test_depth_is_counted_as_a_reader_counts_it() -> None:
    def depth(value: object) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    def grow(chance: random.Random, left: int) -> object:
        if left == 0 or chance.random() < 0.02:
            return chance.choice(["[[", '\\"{', "é]", 1, None])
        if chance.random() < 0.5:
            return [grow(chance, left - 1) for _ in range(chance.choice((1, 1, 1, 1, 1, 2)))]
        return {'"{[': grow(chance, left - 1)}

    seen = set()
    for seed in range(200):
        chance = random.Random(seed)  # noqa: S311 -- a seeded generator of cases
        value = grow(chance, chance.choice((8, 63, 64, 65, 66)) if seed % 2 else 7)
        for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
            refused = False
            try:
                check_depth(text.encode())
            except TooDeepError:
                refused = True
            assert refused == (depth(value) > MAX_DEPTH), seed
            seen.add(refused)
    assert seen == {True, False}


@pytest.mark.parametrize("ending", ["", '"', '\\\\"', "\\\\\\", '"\\\\"[', '\\"'])
def test_depth_before_the_first_fault_counts(ending: str) -> None:
    with pytest.raises(TooDeepError):
        check_depth(nested(MAX_DEPTH + 1, '["\\\\\\"[",', "", ending).encode())


def test_long_strings_cost_about_as_much_as_to_read_them() -> None:
    text = json.dumps([["x" * 1_000]] * 5_000).encode()

    def cost(function: Callable[[bytes], object]) -> float:
        def once() -> float:
            start = time.process_time()
            function(text)
            return time.process_time() - start

        return min(once() for _ in range(5))

    assert cost(check_depth) < 8 * cost(json.loads)


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json("9" * 5_000)
