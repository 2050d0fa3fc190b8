"""Mutates modules and runs their unit tests, to find rules that no test notices the loss of.

    scripts/mutate.py                                       # every module in the table below; hours
    scripts/mutate.py auth_service/protocol/pkce.py …          # these

Works on a copy of the committed tree, with cosmic-ray in an environment of its own beside it, so that neither
the checkout nor its .venv is touched. Prints every mutant that survived; the exit status is 1 if one did.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOL = ROOT / ".mutation"
COSMIC_RAY = "cosmic-ray==8.7.0"
TIMEOUT_S = 20.0

PROTOCOL, POLICY = "auth_service/protocol", "resource_service/policy"
INTROSPECTION = "resource_service/introspection"
OTHER_TESTS = {
    f"{PROTOCOL}/grant.py": ("test_grant_code.py", "test_grant_refresh.py", "test_grant_invariants.py"),
    f"{PROTOCOL}/client.py": ("test_client_authentication.py", "test_registration.py"),
    f"{POLICY}/rules.py": ("test_rules.py", "test_file.py"),
    f"{POLICY}/faults.py": ("test_file.py", "test_rules.py"),
}
"""Where the tests of a module are not in the file of its name."""

# Mutants that cannot be told from the original, or say nothing that another does not: `X | None` in an
# annotation (never evaluated), `is` and `<` for the `==` of two strings, `==` and `<` for an `is`.
EXCLUDED = (
    r"core/ReplaceBinaryOperator_BitOr_.*",
    r"core/ReplaceComparisonOperator_(Eq|NotEq)_(Is|IsNot|Lt|LtE|Gt|GtE)",
    r"core/ReplaceComparisonOperator_(Is|IsNot)_(Eq|NotEq|Lt|LtE|Gt|GtE)",
)

UNTESTABLE = re.compile(r"^-@dataclass\(|^- *(async )?def .*\*, .*\n\+.*/, ", re.MULTILINE)
"""`frozen`, `slots` and `*` in a signature guard against mistakes of the calling code, not against input."""


def main(arguments: Sequence[str]) -> int:
    """Mutate the modules in `arguments`, or all; the exit status."""
    modules = list(arguments) or [module for module in _modules() if tests_of(module)]
    _install()
    with tempfile.TemporaryDirectory(prefix="mutation-") as directory:
        tree = Path(directory)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "x"], cwd=tree, input=archive.stdout, check=True)
        survived = [mutant for module in modules for mutant in _mutate(tree, module)]
    return 1 if survived else 0


def tests_of(module: str) -> list[str]:
    """The test files of a module: those that are named after it."""
    path = Path(module)
    directory = Path("tests") / path.parent
    names = OTHER_TESTS.get(module)
    if names is None:
        names = tuple(found.name for found in sorted((ROOT / directory).glob(f"test_{path.stem}.py")))
    return [str(directory / name) for name in names]


def _modules() -> list[str]:
    found = [path for package in (PROTOCOL, POLICY, INTROSPECTION) for path in (ROOT / package).glob("*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def _install() -> None:
    if not (TOOL / "bin" / "cosmic-ray").exists():
        venv.create(TOOL, with_pip=True)
        subprocess.run([TOOL / "bin" / "pip", "install", "--quiet", COSMIC_RAY], check=True)


def _mutate(tree: Path, module: str) -> list[str]:
    """The mutants of `module` that its tests did not notice, printed as they are found."""
    tests = tests_of(module)
    if not tests:
        sys.exit(f"{module} has no tests of its own; name them in OTHER_TESTS")
    config, session = tree / "mutation.toml", tree / "mutation.sqlite"
    config.write_text(_config(module, tests), encoding="utf-8")
    session.unlink(missing_ok=True)
    if _tool(tree, "cosmic-ray", "baseline", str(config), may_fail=True) is None:
        print(f"{module}: its tests fail without a mutation", flush=True)
        return [module]
    _tool(tree, "cosmic-ray", "init", str(config), str(session))
    _tool(tree, "cr-filter-operators", str(session), str(config))
    _tool(tree, "cosmic-ray", "exec", str(config), str(session))
    report = _tool(tree, "cr-report", "--show-diff", "--surviving-only", str(session))
    found = [part for part in (report or "").split("[job-id]")[1:] if "Outcome.SURVIVED" in part]
    survivors = [part for part in found if not UNTESTABLE.search(part)]
    print(f"{module}: {len(survivors)} survived", flush=True)
    for survivor in survivors:
        print("\n".join(line for line in survivor.splitlines() if line.startswith(("@@", "+", "-"))))
    return survivors


def _config(module: str, tests: list[str]) -> str:
    # -B: a cached module of another mutant must not be taken for this one.
    command = f"{ROOT}/.venv/bin/python -B -m pytest -q -x -n 0 -p no:cacheprovider {' '.join(tests)}"
    excluded = ", ".join(f"'{pattern}'" for pattern in EXCLUDED)
    return f"""\
[cosmic-ray]
module-path = "{module}"
timeout = {TIMEOUT_S}
excluded-modules = []
test-command = "{command}"
distributor.name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = [{excluded}]
"""


def _tool(tree: Path, program: str, *arguments: str, may_fail: bool = False) -> str | None:
    """What `program` printed; None if it failed, and may."""
    done = subprocess.run(
        [TOOL / "bin" / program, *arguments], cwd=tree, capture_output=True, text=True, check=False
    )
    if done.returncode and may_fail:
        return None
    if done.returncode:
        sys.exit(f"{program} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
