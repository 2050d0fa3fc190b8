"""Every command that changes something is an event, or says why it has none (JR-1)."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from auth_service.crypto.keyring import KeyRing
from auth_service.journal.keys import public_keys
from auth_service.journal.reader import JournalReader
from auth_service.journal.writer import JournalWriter
from auth_service.settings import KeySettings
from shared.cli.commands import leaves
from shared.cli.main import app, main
from shared.cli.operator import operator
from shared.journal.chain import read_entry
from shared.journal.event import EventKind
from shared.storage import StoreUnavailableError, open_store
from tests.auth_service.service import MASTER_KEY
from tests.cli.backup_keys import PRIVATE, PUBLIC

pytestmark = pytest.mark.requirement("JR-1")

KEY_RING = KeyRing(KeySettings(master_keys=f"1:{MASTER_KEY}").master_keys)  # type: ignore[arg-type]
READS = "only reads, and no event of the journal"
FILES = "writes files of the operator, not the store"
SERVICES = "starts the services, which record what they do"
OUTSIDE = "sends requests like any client; the server that answers them records them"
WITHOUT_EVENT = {
    **{f"users {verb}": READS for verb in ("list", "identities")},
    **dict.fromkeys(("access show", "access check", "groups list", "clients list", "keys list"), READS),
    **dict.fromkeys(("stops", "export", "upgrade check", "config check", "config show", "trust"), READS),
    **{f"policy {verb}": FILES for verb in ("draft", "check", "replay", "test", "scopes")},
    **dict.fromkeys(("init", "keys backup"), FILES),
    "tools diff": READS,
    "audit verify": "prints numbers only, and leaves what it checks as it is",
    "tools approve": "writes the lock file; the resource service records the approval when it takes effect",
    **dict.fromkeys(("up", "auth", "resource"), SERVICES),
    **dict.fromkeys(("health", "doctor"), OUTSIDE),
}
"""The reason why a command has no event."""

READING = {
    "audit tail": [],
    "audit search": [],
    "audit show": ["1-1-x"],
    "audit export": [],
    "why": ["x", "--journal"],
}
"""Commands that read the journal, which is an event of the kind `journal.read`."""

CHANGING: dict[str, list[str]] = {
    "users add": ["ada"],
    "users invite": ["bob"],
    "users import": ["people.csv", "--update", "--yes"],
    "users passwd": ["ada"],
    "users promote": ["ada"],
    "users demote": ["ada"],
    "users email": ["ada", "ada@corp.example"],
    "users confirm-email": ["ada", "ada@corp.example"],
    "users reset": ["ada", "--yes"],
    "users reset-factors": ["ada", "--yes"],
    "users disconnect": ["ada", "x", "--yes"],
    "users disable": ["ada"],
    "users enable": ["ada"],
    "users rename": ["ada", "eve"],
    "users delete": ["eve", "--yes"],
    "groups add": ["ops", "ada"],
    "groups remove": ["ops", "ada"],
    "access set": ["access.yaml", "--yes"],
    "access edit": ["--yes"],
    "apply": ["doorward.yaml", "--yes"],
    "clients add": ["job"],
    "clients rotate": ["CLIENT"],
    "clients disable": ["CLIENT"],
    "clients enable": ["CLIENT"],
    "clients remove": ["CLIENT", "--yes"],
    "clients invite": [],
    "stop": ["tool", "delete", "--reason", "broken"],
    "resume": ["tool", "delete"],
    "keys rotate": [],
    "upgrade confirm": ["--yes"],
    "backup": ["x.age", "--recipient", PUBLIC],
    "move": ["sqlite:///auth.db", "sqlite:///moved.db"],
    "restore": ["x.age", "--identity", "identity"],
}
"""Arguments of the commands that change something, in the order in which they can be run."""
INTO = {"move": "moved.db", "restore": "restored.db"}
"""The store that a command writes."""


def test_every_command_has_its_event_or_a_reason() -> None:
    commands = {" ".join(path) for path, _ in leaves(get_command(app))}
    assert sorted([*CHANGING, *READING, *WITHOUT_EVENT]) == sorted(commands)


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the store of a directory with files for all of them: exit status and output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOORWARD_STORE", "sqlite:///auth.db")
    monkeypatch.setenv("DOORWARD_MASTER_KEYS", f"1:{MASTER_KEY}")
    monkeypatch.setenv("EDITOR", f"cp {tmp_path}/edited.yaml")
    (tmp_path / "edited.yaml").write_text("people: {ada: {'*': '*'}}\n")
    (tmp_path / "people.csv").write_text("username,name\nada,Ada\ncarol,Carol\n")
    (tmp_path / "access.yaml").write_text("groups: {}\n")
    (tmp_path / "doorward.yaml").write_text("groups: {entries: {ops: [carol]}}\n")
    (tmp_path / "identity").write_text(f"{PRIVATE}\n")

    async def create() -> None:
        await open_store("sqlite:///auth.db").aclose()

    asyncio.run(create())

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["doorward", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO("seven moss harbours\n"))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    return run


def events(file: str = "auth.db") -> list[dict[str, Any]]:
    """The events of commands in a store, whose journal must be whole."""

    async def read() -> list[dict[str, Any]]:
        store = open_store(f"sqlite:///{file}")
        reader = JournalReader(store)
        report = await reader.verify(public_keys(KEY_RING))
        assert report.problems == ()
        chains = await reader.writers()
        entries = [
            read_entry(entry)
            for chain in chains
            async for _, written in reader.written(chain)
            for entry in written
        ]
        await store.aclose()
        return [entry for entry in entries if entry.get("via") == "command"]

    return asyncio.run(read())


def test_every_command_that_changes_or_reads_the_journal_is_an_event(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    client_id, missing = "", []
    for name, arguments in {**CHANGING, **READING}.items():
        file = INTO.get(name, "auth.db")
        before = events(file) if Path(file).exists() else []
        if name == "restore":
            monkeypatch.setenv("DOORWARD_STORE", "sqlite:///restored.db")
        elif name in READING:
            monkeypatch.setenv("DOORWARD_STORE", "sqlite:///auth.db")
        _, printed = run(*name.split(), *(client_id if each == "CLIENT" else each for each in arguments))
        if name == "clients add":
            client_id = json.loads(printed[printed.index("{") : printed.rindex("}") + 1])["client_id"]
        new = [event for event in events(file) if event not in before]
        kind = EventKind.READ if name in READING else EventKind.ADMINISTRATION
        if not any(event["kind"] == kind and event.get("action", name) == name for event in new):
            missing.append((name, printed, new))
    assert missing == []
    assert {event["operator"] for event in events()} == {operator()}


def test_an_import_names_the_accounts_that_existed(run: Run) -> None:
    run("users", "add", "ada")
    assert run("users", "import", "people.csv", "--update", "--yes")[0] == 0
    whole, ada = (event["about"] for event in events() if event["action"] == "users import")
    assert whole == {"created": 1, "changed": 1}
    assert ada.keys() == {"user_subject"}


async def _refuse(*_: object, **__: object) -> None:
    raise StoreUnavailableError("out of memory")


@pytest.fixture
def no_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that accepts no events."""
    monkeypatch.setattr(JournalWriter, "record", _refuse)


@pytest.mark.usefixtures("no_journal")
@pytest.mark.parametrize(
    "command",
    [("users", "import", "people.csv", "--yes"), ("users", "add", "ada"), ("upgrade", "confirm", "--yes")],
    ids=" ".join,
)
def test_without_its_event_a_command_changes_nothing(run: Run, command: tuple[str, ...]) -> None:
    status, printed = run(*command)
    assert (status, "out of memory" in printed) == (2, True), printed
    assert Path("auth.db").exists()
    assert run("users", "list")[1].strip().splitlines()[1:] == []


@pytest.mark.usefixtures("no_journal")
def test_a_store_that_takes_no_events_is_backed_up_and_moved_nowhere(run: Run) -> None:
    status, printed = run("backup", "x.age", "--recipient", PUBLIC)
    assert (status, "The journal does not have the backup: out of memory" in printed) == (0, True), printed
    status, printed = run("move", "sqlite:///auth.db", "sqlite:///moved.db")
    assert (status, "TO: the store does not accept the event" in printed) == (2, True), printed


def test_a_restore_that_ended_before_its_event_is_not_whole(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("users", "add", "ada")
    assert run("backup", "x.age", "--recipient", PUBLIC)[0] == 0
    monkeypatch.setenv("DOORWARD_STORE", "sqlite:///restored.db")
    with monkeypatch.context() as patched:
        patched.setattr(JournalWriter, "record", _refuse)
        assert run("restore", "x.age", "--identity", "identity")[0] == 2
    assert "incomplete" in run("backup", "y.age", "--recipient", PUBLIC)[1]
    assert run("restore", "x.age", "--identity", "identity")[0] == 0
    assert {event["action"] for event in events("restored.db")} == {"users add", "backup", "restore"}
