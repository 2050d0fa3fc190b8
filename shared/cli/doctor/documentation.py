"""Generate the tables of `docs/reference/doctor.md` from the checks and profiles."""

from __future__ import annotations

from collections.abc import Iterator

from shared.cli.doctor.checks import DISCOVERY, LOGIN
from shared.cli.doctor.profiles import PROFILES, Profile
from shared.cli.doctor.verdict import Check


def tables() -> str:
    """Return Markdown: every check with its meaning and fix, by heading; then every profile."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    for part, groups in (("", DISCOVERY), (" (with `--login`)", LOGIN)):
        for heading, checks in groups.items():
            yield from (f"### {heading}{part}", "")
            yield from _header("check", "must be true", "what goes wrong otherwise", "what to do", "weight")
            yield from (_check(check) for check in checks)
            yield ""
    yield from ("### Profiles", "")
    yield from _header("profile", "client", "registers by", "also a failure", "only a warning", "notes")
    yield from (_profile(profile) for profile in PROFILES.values())


def _header(*columns: str) -> tuple[str, str]:
    return f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"


def _check(check: Check) -> str:
    return f"| `{check.id}` | {check.title} | {check.meaning} | {check.fix} | {check.weight} |"


def _profile(profile: Profile) -> str:
    fatal, tolerated = (_ids(ids) for ids in (profile.fatal, profile.tolerates))
    ways = ", ".join(profile.registers_by)
    return f"| `{profile.id}` | {profile.name} | {ways} | {fatal} | {tolerated} | {profile.notes} |"


def _ids(ids: frozenset[str]) -> str:
    return ", ".join(f"`{check_id}`" for check_id in sorted(ids))
