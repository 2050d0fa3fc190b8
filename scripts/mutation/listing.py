"""Print the mutants of a module as JSON lines: operator, line, and the complete mutated source.

It runs in the environment of cosmic-ray, whose operators it applies; `scripts/mutate.py` starts it.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import parso
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes
from cosmic_ray.operators.operator import Operator

# Identity for equality, order for equality, and arithmetic that is an unlikely mistake.
EXCLUDED = re.compile(
    r"core/(ReplaceComparisonOperator_(?!Is)\w+_(Is|IsNot)"
    r"|ReplaceComparisonOperator_(Eq|NotEq)_(Lt|LtE|Gt|GtE)"
    r"|ReplaceComparisonOperator_(Is|IsNot)_(Eq|NotEq|Lt|LtE|Gt|GtE)"
    r"|ReplaceBinaryOperator_\w+_(Pow|RShift|LShift|FloorDiv|Mod|BitXor)"
    r"|ReplaceBinaryOperator_(Add|Sub)_(Div|BitOr|BitAnd)"
    r"|ReplaceBinaryOperator_(Mul|Div|FloorDiv)_(Sub|BitOr|BitAnd)|ReplaceBinaryOperator_Mul_Div)"
)
TUNABLE_FROM = 50


class DeleteStatement(Operator):  # type: ignore[misc]  # the environment of this script has no types
    """Replaces a call whose result is not used, or a `raise`, with `pass`."""

    def mutation_positions(self, node):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        if node.type == "simple_stmt" and node.children[0].type in ("atom_expr", "raise_stmt", "await"):
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        return parso.parse(f"{node.get_first_leaf().prefix}pass\n")

    @classmethod
    def examples(cls):  # type: ignore[no-untyped-def]  # noqa: ANN206
        return ()


def main(module: str) -> None:
    """Print the mutants of `module` whose behavior can differ."""
    source = Path(module).read_text(encoding="utf-8")
    seen = {_meaning(source)}
    for name, line, mutated in _mutants(source):
        try:
            meaning = _meaning(mutated)
        except SyntaxError:
            continue
        if meaning not in seen:
            seen.add(meaning)
            print(json.dumps({"operator": name, "line": line, "source": mutated}))


def _operators() -> Iterator[tuple[str, Operator]]:
    yield "DeleteStatement", DeleteStatement()
    for name in plugins.operator_names():
        operator = plugins.get_operator(name)
        if not operator.arguments() and not EXCLUDED.fullmatch(name):
            yield name.removeprefix("core/"), operator()


def _mutants(source: str) -> Iterator[tuple[str, int, str]]:
    tree = parso.parse(source)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for name, operator in _operators():
        for node in ast_nodes(tree):
            if name == "NumberReplacer" and _is_tunable(node):
                continue
            for index, (position, _) in enumerate(list(operator.mutation_positions(node))):
                row, column = node.get_start_pos_of_prefix()
                before = source[: starts[row - 1] + column]
                after = source[starts[node.end_pos[0] - 1] + node.end_pos[1] :]
                try:
                    text = _mutated(operator, node, index)
                except AttributeError:
                    # ExceptionReplacer does not know `except module.Error`.
                    continue
                yield name, position[0], before + text + after


def _is_tunable(node: parso.tree.NodeOrLeaf) -> bool:
    """Check whether it is a number from 50 in a module constant, or the whole value of a `MAX_…` constant.

    A limit that is off by one is still a limit. Comparisons decide that it exists and what happens at it.
    """
    if node.type != "number" or node.search_ancestor("funcdef", "classdef", "lambdef") is not None:
        return False
    statement = node.search_ancestor("expr_stmt")
    named_limit = statement is not None and statement.get_code().lstrip().startswith("MAX_")
    return named_limit or bool(ast.literal_eval(node.value) >= TUNABLE_FROM)


def _mutated(operator: Operator, node: parso.tree.NodeOrLeaf, index: int) -> str:
    """Return the mutated text of `node`, and undo the mutation: operators edit the tree in place."""
    kept = {name: getattr(node, name) for name in ("children", "value") if hasattr(node, name)}
    if "children" in kept:
        node.children = list(kept["children"])
    try:
        changed = operator.mutate(node, index)
        return "" if changed is None else str(changed.get_code())
    finally:
        for name, value in kept.items():
            setattr(node, name, value)


def _meaning(source: str) -> str:
    """Return what is executed, without annotations, which are text, and without guards against misuse.

    `@dataclass` with its arguments and `*` in a signature prevent mistakes of programmers, not bad input.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(value=None)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arguments):
            node.args, node.posonlyargs = [*node.posonlyargs, *node.args, *node.kwonlyargs], []
            node.kwonlyargs, node.defaults = [], [*node.defaults, *(d for d in node.kw_defaults if d)]
            node.kw_defaults = []
        elif isinstance(node, ast.ClassDef):
            node.decorator_list = [d for d in node.decorator_list if "dataclass" not in ast.unparse(d)]
            if any(ast.unparse(base) == "Protocol" for base in node.bases):
                node.body = []
    return ast.dump(tree)


if __name__ == "__main__":
    main(sys.argv[1])
