"""Compare the locks with pyproject.toml and with each other, without a network: `make check` runs this.

Usage: check_locks.py [ROOT], where ROOT contains pyproject.toml and the locks.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

Pins = dict[str, set[str]]
"""Maps a name to its pinned versions: more than one if they differ by platform."""


def read_lock(path: Path) -> Pins:
    """Parse a lock.

    Raises:
        ValueError: an entry is not pinned to one version, has no hash, or names a source.
    """
    pins: Pins = {}
    for entry in path.read_text().replace("\\\n", " ").splitlines():
        if not entry.strip() or entry.lstrip().startswith("#"):
            continue
        requirement, *hashes = re.split(r"\s+--hash=", entry.strip())
        pinned = re.fullmatch(r"([a-z0-9._-]+)(?:\[[^]]*])?==([^ ;]+)(?: ; .+)?", requirement)
        if not pinned or not hashes:
            raise ValueError(f"{path.name}: not a pinned, hashed entry: {requirement}")
        pins.setdefault(canonicalize_name(pinned[1]), set()).add(pinned[2])
    return pins


def grouped(pyproject: dict[str, Any], group: str) -> Iterator[Requirement]:
    """Yield the requirements of a dependency group, and of those that it includes."""
    for entry in pyproject["dependency-groups"][group]:
        if isinstance(entry, dict):
            yield from grouped(pyproject, entry["include-group"])
        else:
            yield Requirement(entry)


def unmet(pins: Pins, requirements: Iterable[Requirement]) -> Iterator[str]:
    """Yield a message for each requirement that the pins do not satisfy."""
    for requirement in requirements:
        versions = pins.get(canonicalize_name(requirement.name), set())
        if not versions or not all(requirement.specifier.contains(version) for version in versions):
            yield f"{requirement} is asked for, {sorted(versions) or 'nothing'} is locked"


def wanted(pyproject: dict[str, Any]) -> dict[str, list[Requirement]]:
    """Return the requirements of each lock, by its path."""
    both = [Requirement(each) for each in pyproject["project"]["dependencies"]]
    return {
        "requirements.lock": [*both, *grouped(pyproject, "dev")],
        "deploy/doorward.lock": both,
        "scripts/build.lock": [*grouped(pyproject, "build")],
        "deploy/auth.lock": [*grouped(pyproject, "auth")],
        "deploy/resource.lock": [*grouped(pyproject, "resource")],
    }


def ungrouped(pyproject: dict[str, Any]) -> set[str]:
    """Return the dependencies that only the package or only a service lists."""
    both = set(pyproject["project"]["dependencies"])
    return both ^ {str(each) for service in ("auth", "resource") for each in grouped(pyproject, service)}


def problems(root: Path) -> Iterator[str]:
    """Yield all problems with the locks in `root`."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text())
    for name in sorted(ungrouped(pyproject)):
        yield f"pyproject.toml: {name} is a dependency of the package or of a service, but not of both"
    everything = read_lock(root / "requirements.lock")
    for path, requirements in wanted(pyproject).items():
        pins = read_lock(root / path)
        for message in unmet(pins, requirements):
            yield f"{path}: {message}"
        for name in sorted(name for name in pins if not pins[name] <= everything.get(name, set())):
            yield f"{path}: {name} {sorted(pins[name])} is not what requirements.lock holds"


def main() -> int:
    """Print every problem, and return the exit status: 1 if there was one."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    try:
        complaints = list(problems(root))
    except ValueError as error:
        complaints = [str(error)]
    for problem in complaints:
        print(problem)
    print(
        f"The locks do not fit: {len(complaints)} problems; run `make lock`"
        if complaints
        else "The locks fit."
    )
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
