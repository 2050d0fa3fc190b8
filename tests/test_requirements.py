"""Requirements and tests, tied both ways by reading the tests, not by running them."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.requirements import (
    ATTACKS,
    AUTHORIZATION_SERVER,
    BOUNDS,
    EXTENSIONS,
    OPERATION,
    PEOPLE,
    REQUIREMENTS,
    RESOURCE_SERVER,
    Planned,
)
from tests.source_files import SHARED, nodes

TESTS = Path(__file__).resolve().parent

pytestmark = SHARED


def named_in(inside: Iterable[ast.AST], file: str) -> Iterator[tuple[str, str]]:
    """Each requirement id that a `requirement` mark among the nodes names, with the place.

    Raises:
        ValueError: an id is not written out, so that reading cannot tell which one it is.
    """
    for node in inside:
        match node:
            case ast.Call(func=ast.Attribute(attr="requirement") as function):
                is_mark = ast.unparse(function) == "pytest.mark.requirement"
            case _:
                is_mark = False
        if not is_mark:
            continue
        assert isinstance(node, ast.Call)
        for argument in node.args:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise ValueError(f"{file}:{node.lineno}: the id must be written out")
            yield argument.value, f"{file}:{node.lineno}"


@cache
def proofs() -> dict[str, list[str]]:
    """Where each id is named in the tests."""
    places = defaultdict(list)
    for path in sorted(path for path in TESTS.rglob("test_*.py") if ".venv" not in path.parts):
        for requirement, place in named_in(nodes(path), str(path.relative_to(TESTS))):
            places[requirement].append(place)
    return places


def test_every_id_of_the_list_is_there_once_and_in_order() -> None:
    for prefix, group, count in (
        ("AS", AUTHORIZATION_SERVER, 25),
        ("RS", RESOURCE_SERVER, 16),
        ("BOUND", BOUNDS, 5),
        ("ID", PEOPLE, 12),
        ("OP", OPERATION, 6),
        ("EXT", EXTENSIONS, 4),
        ("SEC", ATTACKS, 17),
    ):
        assert [requirement.id for requirement in group] == [f"{prefix}-{n}" for n in range(1, count + 1)]


def test_no_test_names_a_requirement_that_does_not_exist() -> None:
    assert {name: places for name, places in proofs().items() if name not in REQUIREMENTS} == {}


def test_every_requirement_held_in_whole_or_in_part_has_a_test() -> None:
    proven = proofs()
    claimed = {item.id for item in REQUIREMENTS.values() if not isinstance(item.status, Planned)}
    assert sorted(claimed - proven.keys()) == []


def test_no_requirement_still_planned_has_a_test() -> None:
    planned = {item.id for item in REQUIREMENTS.values() if isinstance(item.status, Planned)}
    assert {name: places for name, places in proofs().items() if name in planned} == {}


def test_ids_are_found_on_functions_classes_and_whole_modules() -> None:
    source = """
pytestmark = pytest.mark.requirement("AS-1", "AS-2")
@pytest.mark.requirement("AS-3")
class TestSomething:
    @pytest.mark.requirement("AS-4")
    async def test_it(self): ...
cases = [pytest.param(1, marks=pytest.mark.requirement("AS-5"))]
"""
    assert {name for name, _ in named_in(ast.walk(ast.parse(source)), "x")} == {
        "AS-1",
        "AS-2",
        "AS-3",
        "AS-4",
        "AS-5",
    }
