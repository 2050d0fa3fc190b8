"""Mutate modules and run their unit tests, to find rules whose loss no test notices.

    scripts/mutate.py                                          # every module of PACKAGES
    scripts/mutate.py auth_service/grants                      # the modules of a package
    scripts/mutate.py auth_service/protocol/pkce.py            # one module

cosmic-ray creates the mutants, in a separate environment, and `mutation.forked` runs the tests. Every mutant
that survived is printed, except those that `docs/contributing/mutation.toml` explains. The exit status is 1
if there was one, if a module has no tests, or if an explanation no longer matches any survivor.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
import time
import tomllib
import venv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutation.forked import CRASHED, SURVIVED, TIMEOUT, BaselineError, Subject, preload, verdicts

ROOT = Path(__file__).resolve().parents[1]
TOOL = ROOT / ".mutation"
COSMIC_RAY = "cosmic-ray==8.7.0"
TABLES = ROOT / "docs" / "contributing" / "mutation.toml"

PACKAGES = (
    *("auth_service/protocol", "auth_service/grants", "auth_service/client_auth"),
    *("resource_service/policy", "resource_service/introspection", "resource_service/auth"),
    *("resource_service/messages", "shared/appearance/colors.py", "shared/appearance/logo_files.py"),
)


@dataclass(frozen=True)
class Explanation:
    """The reason why mutants of a module may survive: those whose changed line contains one of `mutants`."""

    module: str
    mutants: tuple[str, ...]
    why: str

    def covers(self, module: str, change: str) -> bool:
        """Check whether the explanation covers a mutant of `module` with the changed lines `change`.

        The changed lines are those that the mutant adds, or if it adds none, those that it removes.
        """
        lines = change.splitlines()
        changed = [line for line in lines if line.startswith("+")] or [
            line for line in lines if line.startswith("-")
        ]
        return module == self.module and any(
            mutant in line[1:] for mutant in self.mutants for line in changed
        )


def main(arguments: Sequence[str]) -> int:
    """Mutate the modules and packages in `arguments`, or all, and return the exit status."""
    os.chdir(ROOT)
    _install()
    preload()
    tables = tomllib.loads(TABLES.read_text(encoding="utf-8"))
    explanations = [
        Explanation(entry["module"], tuple(entry["mutants"]), entry["why"]) for entry in tables["survivor"]
    ]
    results = [_mutate(module, tables["tests"], explanations) for module in _modules(arguments or PACKAGES)]
    return 0 if all(results) else 1


def _modules(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        modules = sorted(Path(path).rglob("*.py")) if Path(path).is_dir() else [Path(path)]
        yield from (str(module) for module in modules)


def _install() -> None:
    if not (TOOL / "bin" / "cosmic-ray").exists():
        venv.create(TOOL, with_pip=True)
        subprocess.run([TOOL / "bin" / "pip", "install", "--quiet", COSMIC_RAY], check=True)


def _tests(module: str, others: dict[str, list[str]]) -> list[str]:
    """Return the test files of a module: the one named after it, and those in the table."""
    path = Path(module)
    own = Path("tests") / path.parent / f"test_{path.stem}.py"
    named = [str(Path("tests") / name) for name in others.get(module, [])]
    return [str(own), *named] if own.exists() else named


def _mutate(module: str, others: dict[str, list[str]], explanations: Sequence[Explanation]) -> bool:
    """Print the results for the mutants of `module`; return whether each was noticed or is explained."""
    lister = Path(__file__).parent / "mutation" / "listing.py"
    listed = subprocess.run(
        [TOOL / "bin" / "python", lister, module], stdout=subprocess.PIPE, text=True, check=True
    )
    mutants = [json.loads(line) for line in listed.stdout.splitlines()]
    if not mutants:
        return True
    tests = _tests(module, others)
    if not tests:
        print(
            f"{module}: {len(mutants)} mutants, but no tests of its own: name them in {TABLES.name}",
            flush=True,
        )
        return False
    subject = Subject(module, Path(module).read_text(encoding="utf-8"), tests)
    return _run(subject, mutants, [entry for entry in explanations if entry.module == module])


def _run(subject: Subject, mutants: list[dict[str, str]], explanations: Sequence[Explanation]) -> bool:
    started, counts, survivors = time.monotonic(), Counter[str](), list[str]()
    try:
        for index, verdict in verdicts(subject, [mutant["source"] for mutant in mutants]):
            counts[verdict if verdict in (SURVIVED, TIMEOUT, CRASHED) else "noticed"] += 1
            if verdict in (SURVIVED, CRASHED):
                survivors.append(_change(subject.source, mutants[index]))
    except BaselineError as error:
        print(f"{subject.path}: its tests fail without a mutation: {error}", flush=True)
        return False
    left = [change for change in survivors if not any(e.covers(subject.path, change) for e in explanations)]
    stale = [e for e in explanations if not any(e.covers(subject.path, change) for change in survivors)]
    outcome = ", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items()))
    spent_s = time.monotonic() - started
    print(
        f"{subject.path}: {len(mutants)} mutants, {outcome}, {len(left)} unexplained; {spent_s:.0f} s",
        flush=True,
    )
    for change in left:
        print(change, flush=True)
    for explanation in stale:
        print(f"no survivor matches: {explanation}", flush=True)
    return not left and not stale


def _change(source: str, mutant: dict[str, str]) -> str:
    lines = difflib.unified_diff(source.splitlines(), mutant["source"].splitlines(), lineterm="", n=0)
    changed = [line for line in list(lines)[2:] if not line.startswith("@@")]
    return "\n".join([f"  line {mutant['line']}, {mutant['operator']}", *changed])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
