"""One vocabulary, in plain English: which names and phrases the project no longer uses (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.source_files import SHARED, nodes, tree
from tests.vocabulary import CLASSES, MODULES, PARTICIPLES, PHRASES, RIDDLE, TEST_NAMES, VARIABLES

pytestmark = SHARED

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("auth_service", "resource_service", "shared", "bench", "scripts")

PROSE = ("*.md", "docs/**/*.md", "auth_service/**/*.html", "resource_service/**/*.html", "shared/**/*.html")

# The history of the project, and the page that lists the phrases to avoid.
EXEMPT = {"CHANGELOG.md", "CONTRIBUTING.md"}

Named = tuple[str, int]


def sources() -> list[Path]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).glob("**/*.py"))]
    assert paths
    return paths


def definitions(path: Path) -> Iterator[Named]:
    """Every name that a module gives to something, with its line."""
    for node in nodes(path):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.lineno
            case (
                ast.arg(arg=name)
                | ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
            ):
                yield name, node.lineno
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                yield name, node.lineno


TEXT = re.compile(
    r"""
    \#[^\n]*
    | [rRbBuUfF]{0,2} (?:
        \"{3} (?:[^"\\] | \\. | "(?!""))* \"{3}
        | \'{3} (?:[^'\\] | \\. | '(?!\'\'))* \'{3}
        | " (?:[^"\\\n] | \\.)* "
        | ' (?:[^'\\\n] | \\.)* '
    )
    """,
    re.DOTALL | re.VERBOSE,
)
"""A comment or a string literal; `tokenize` takes nine times as long to find them."""


@cache
def texts(path: Path) -> tuple[Named, ...]:
    """Comments and string literals, docstrings among them, with the line on which each begins."""
    text, line, end, named = path.read_text(), 1, 0, []
    for token in TEXT.finditer(text):
        line += text.count("\n", end, token.start())
        end = token.start()
        named.append((token[0], line))
    return tuple(named)


def place(path: Path, line: int, text: str) -> str:
    return f"{path.relative_to(ROOT)}:{line} {text}"


def test_no_name_is_a_word_that_the_vocabulary_replaces() -> None:
    replaced = CLASSES | VARIABLES
    old = [
        place(p, line, name)
        for p in sources()
        for name, line in definitions(p)
        if name.strip("_") in replaced
    ]
    assert old == []


def sources_of_tests() -> list[Path]:
    installed, lists = {".venv", "node_modules"}, {"vocabulary.py", "test_vocabulary.py"}
    paths = sorted((ROOT / "tests").glob("**/*.py"))
    return [path for path in paths if installed.isdisjoint(path.parts) and path.name not in lists]


def test_no_variable_of_a_test_is_named_after_how_its_value_came() -> None:
    """Variables, arguments and functions; the attributes of an object may tell what happened to it."""
    named = [
        place(path, line, name)
        for path in sources_of_tests()
        for name, line in bindings(path)
        if name.strip("_") in PARTICIPLES
    ]
    assert named == []


def bindings(path: Path) -> Iterator[Named]:
    """The functions of a module, and what any function in it binds: variables and arguments."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    yield from ((node.name, node.lineno) for node in tree(path).body if isinstance(node, functions))
    for node in nodes(path):
        if isinstance(node, functions):
            for inner in ast.walk(node):
                if isinstance(inner, ast.arg):
                    yield inner.arg, inner.lineno
                elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    yield inner.id, inner.lineno


def test_names_of_tests_are_in_plain_english() -> None:
    names = [
        place(path, node.lineno, node.name)
        for path in sources_of_tests()
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if TEST_NAMES.search(node.name)
    ]
    assert names == []


def test_docstrings_name_the_thing_that_they_describe() -> None:
    riddles = [
        place(path, line, text.splitlines()[0])
        for path in (*sources(), *sources_of_tests())
        for text, line in texts(path)
        if text.startswith('"""') and RIDDLE.match(text[3:])
    ]
    assert riddles == []


def test_no_module_is_named_by_a_word_that_the_vocabulary_replaces() -> None:
    assert [str(path.relative_to(ROOT)) for path in sources() if path.stem in MODULES] == []


def test_code_comments_and_messages_are_in_plain_english() -> None:
    old = [
        place(path, line + text[: match.start()].count("\n"), match[0])
        for path in (*sources(), *sources_of_tests())
        for text, line in texts(path)
        for match in PHRASES.finditer(text)
    ]
    assert old == []


@pytest.mark.parametrize("pattern", PROSE)
def test_documents_and_pages_are_in_plain_english(pattern: str) -> None:
    tracked = set(subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines())
    names = {str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)} & tracked - EXEMPT
    assert names or pattern == "resource_service/**/*.html"
    old = [
        f"{name}:{number} {match[0]}"
        for name in sorted(names)
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
        for match in PHRASES.finditer(line)
    ]
    assert old == []
