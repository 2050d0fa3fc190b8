"""`docs/reference/doctor.md` lists exactly the checks that exist, and a test makes each of them report."""

from __future__ import annotations

import re
from pathlib import Path

from shared.cli.doctor.checks import CHECKS, DISCOVERY, LOGIN
from shared.cli.doctor.documentation import tables
from shared.cli.doctor.profiles import PROFILES
from tests.doctor.seeded import SEEDED

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "doctor.md"
NOT_SEEDED = {
    "reachable": "test_command.py",
    "tls": "test_tls.py",
    "tls-expiry": "test_tls.py",
    "https": "test_rules.py",
    "hosted": "test_rules.py",
    "http-upgrade": "test_rules.py",
    "speed": "test_rules.py",
    "public-urls": "test_rules.py",
}


def test_the_document_ends_with_the_tables_that_the_code_makes() -> None:
    assert DOCUMENT.read_text().endswith(f"\n## What is checked\n\n{tables()}\n"), (
        "write the output of `doorward doctor --list-checks` below that heading"
    )


def test_every_check_is_made_to_speak_by_a_test() -> None:
    seeded = {misconfiguration.check for misconfiguration in SEEDED}
    assert seeded | NOT_SEEDED.keys() == CHECKS.keys()
    assert not seeded & NOT_SEEDED.keys()
    for check, file in NOT_SEEDED.items():
        words = check.replace("-", ".?")
        assert re.search(words, (Path(__file__).parent / file).read_text()), check


def test_ids_are_different_and_sentences_are_sentences() -> None:
    everything = [check for group in (*DISCOVERY.values(), *LOGIN.values()) for check in group]
    assert len(everything) == len(CHECKS)
    for check in everything:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", check.id)
        assert not check.title.endswith(".")
        assert check.fix.endswith(".")
        assert check.meaning.endswith(".")
        assert check.fix[0].isupper()


def test_every_profile_is_in_the_document() -> None:
    text = DOCUMENT.read_text()
    assert all(f"| `{profile.id}` | {profile.name} |" in text for profile in PROFILES.values())
