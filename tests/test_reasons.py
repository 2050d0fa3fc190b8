"""Reason codes: each is declared once, used, documented, and beside every refusal (RS-11)."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from auth_service.protocol import reasons as auth
from resource_service import reasons as resource
from shared.reasons import CommonReason, ReasonCode, reasons_table
from tests.source_files import SHARED, nodes

pytestmark = [pytest.mark.requirement("RS-11"), SHARED]

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = {
    "auth_service": (auth.Reason, "Reason"),
    "resource_service": (resource.Reason, "Reason"),
    "shared": (CommonReason, "CommonReason"),
}
SERVICES = pytest.mark.parametrize("package", CATALOGUES)
INTROSPECTED = {"introspected as inactive"}


def modules(package: str) -> Iterator[tuple[Path, tuple[ast.AST, ...]]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        if path.name != "reasons.py":
            yield path.relative_to(ROOT), nodes(path)


def calls(package: str) -> Iterator[tuple[Path, ast.Call]]:
    for path, inside in modules(package):
        yield from ((path, node) for node in inside if isinstance(node, ast.Call))


def named(node: ast.AST, catalogue: str) -> str | None:
    """The member that an expression names."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=member) if name == catalogue:
            return member
        case _:
            return None


@SERVICES
def test_every_reason_code_is_given_somewhere(package: str) -> None:
    reasons, name = CATALOGUES[package]
    names = {named(node, name) for _, inside in modules(package) for node in inside}
    assert {reason.name for reason in reasons} - names == set()


@SERVICES
def test_every_line_of_the_log_about_a_refusal_names_its_code(package: str) -> None:
    without, seen = [], 0
    for path, call in calls(package):
        keywords = {keyword.arg for keyword in call.keywords}
        event = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        if event == "refused" or {"reason", "status"} <= keywords or event in INTROSPECTED:
            seen += 1
            if "reason_code" not in keywords:
                without.append(f"{path}:{call.lineno}")
    assert without == []
    assert seen or package == "shared", "no such line: the rule would hold of nothing"


@SERVICES
def test_a_code_says_no_more_to_a_stranger_than_the_sentence(package: str) -> None:
    _, name = CATALOGUES[package]
    by_sentence = defaultdict[str, set[str]](set)
    for _, call in calls(package):
        match call.args:
            case [reason, ast.Constant(value=str(sentence)), *_] if member := named(reason, name):
                by_sentence[sentence].add(member)
    assert by_sentence or package == "shared"
    assert {sentence: codes for sentence, codes in by_sentence.items() if len(codes) > 1} == {}


@SERVICES
def test_the_table_of_the_documentation_is_the_catalogue(package: str) -> None:
    assert reasons_table(CATALOGUES[package][0]) in (ROOT / "docs" / "reference" / "why.md").read_text()


@SERVICES
def test_a_code_is_snake_case_and_explained_in_a_sentence(package: str) -> None:
    reasons: type[ReasonCode] = CATALOGUES[package][0]
    for reason in reasons:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", reason.code)
        assert reason.meaning.endswith(".")
        assert not reason.remedy or reason.remedy.endswith(".")
