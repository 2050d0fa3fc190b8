"""The table of what this release writes and reads, and the comparison of two of them (OP-5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.compatibility import (
    BEFORE_RECORDS,
    DOCUMENTS,
    FORMS,
    MEANINGS,
    RENAMED_SETTINGS,
    Form,
    obstacles,
)
from shared.setting_names import setting_names
from tests.storage.stored_kinds import ROOT, kinds

pytestmark = pytest.mark.requirement("OP-5")

OLD = Form(name="store", writes=1, reads_from=1, reads_to=1)
NEW = Form(name="store", writes=2, reads_from=1, reads_to=2)


def test_this_release_runs_beside_itself_and_the_releases_without_a_record() -> None:
    assert [*obstacles(FORMS)] == []
    assert [*obstacles(BEFORE_RECORDS)] == []


def test_a_form_that_the_running_release_does_not_read_is_an_obstacle() -> None:
    assert [*obstacles([OLD], [NEW])] == [
        "store: this release writes version 2, and the running one reads 1 to 1"
    ]


def test_a_form_that_this_release_does_not_read_is_an_obstacle() -> None:
    assert [*obstacles([replace(NEW, reads_to=3)], [replace(OLD, writes=2)])] == [
        "store: the running release writes version 2, and this one reads 1 to 1"
    ]


def test_the_version_of_documents_is_the_highest_of_all_kinds() -> None:
    [form] = [form for form in FORMS if form.name == DOCUMENTS]
    highest = max(kind.version for kind in kinds())
    assert (form.writes, form.reads_from, form.reads_to) == (highest, 1, highest + 1)


def test_every_form_has_a_meaning() -> None:
    assert MEANINGS.keys() == {form.name for form in FORMS}


def test_no_renamed_setting_exists() -> None:
    assert not RENAMED_SETTINGS.keys() & frozenset().union(*setting_names().values())


def test_the_guide_has_the_table_of_forms() -> None:
    guide = (ROOT / "docs" / "how-to" / "upgrade.md").read_text()
    for form in FORMS:
        [row] = [line for line in guide.splitlines() if line.startswith(f"| `{form.name}` | ")][-1:]
        reads = "" if form.reads_from == form.reads_to else f", reads {form.reads_from} to {form.reads_to}"
        assert f"| {'writes ' if reads else ''}{form.writes}{reads} |" in row
