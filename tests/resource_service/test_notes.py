"""Where notes are kept, and how many."""

from __future__ import annotations

from pathlib import Path

import pytest

from resource_service.mcp_server.notes import Notes, NotesFullError

pytestmark = pytest.mark.anyio


async def test_notes_in_a_file_outlive_the_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a%20b/notes.sqlite3"
    notes = Notes(url, lambda: 1_000.9)
    written = await notes.add("me", "first")
    notes.close()
    assert (tmp_path / "a b" / "notes.sqlite3").exists()
    reopened = Notes(url, lambda: 2_000.0)
    assert (written.number, written.written_at) == (1, 1_000)
    assert await reopened.list("me") == [written]
    assert (await reopened.add("me", "second")).number == 2
    reopened.close()


async def test_two_processes_with_one_file_never_give_one_number_twice(tmp_path: Path) -> None:
    one, two = (Notes(f"sqlite:///{tmp_path}/notes", lambda: 0.0) for _ in range(2))
    numbers = [(await notes.add("me", "x")).number for notes in (one, two, one, two)]
    assert numbers == [1, 2, 3, 4]
    one.close()
    two.close()


async def test_an_owner_has_room_for_so_many_and_takes_none_from_others() -> None:
    notes = Notes("sqlite://", lambda: 0.0, max_notes=2)
    for text in ("a", "b"):
        await notes.add("me", text)
    with pytest.raises(NotesFullError):
        await notes.add("me", "c")
    assert [note.text for note in await notes.list("me")] == ["a", "b"]
    assert (await notes.add("you", "c")).number == 1
    assert await notes.count("me") == 2
    notes.close()
