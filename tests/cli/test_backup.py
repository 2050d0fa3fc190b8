"""`doorward backup`, `restore` and `move`, with files that are whole and files that are not (OP-4)."""

from __future__ import annotations

import asyncio
import base64
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from auth_service.backup.restoration import prepare_target
from auth_service.crypto.encryption_keys import decrypt_identity_file, parse_identities
from shared.cli.main import main
from shared.storage import open_store
from shared.storage.entries import Entry, StoredDocument, StoredLogEntries, StoredMembers
from tests.cli.backup_keys import PRIVATE, PUBLIC
from tests.cli.command import DOORWARD, python_environment

pytestmark = pytest.mark.requirement("OP-4")

PASSPHRASE = "seven moss harbours at dawn"
ENCRYPTED = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBFQ0piMzFTUXNKeFBHNUNWVHFOVnV3IDQKYUh2b2pTZ2k0ODRJTE81dlNod3JC"
    "ejNrREZtTDEyS0d4TGxMNTl5Y24xUQotLS0gR0xpc1BTZzViT21LemwwN3R5TmhoZTVpYXlocXhOZDBLOEJneWZPL0M5Ywpj5Z2yaQ9o"
    "DsLRWfnz9KJ9q2PsbegqKfx245Rfp/DUgZq2few+2wMepa8k/HIsV5L7jSJaRGfhqtEi60dFX3QSsXaAY7l8Sg7i+hChNEhn6jMVUMrp"
    "BnDXJpp0IerfRl4DOWoHTdfK56Jfo2FgxZg9I6W88Y1vttt890GinPtGtEdlza7qlsY1nQRW5YLxNG0IhB418jjz4TD75jjO9GRIF3TK"
    "hzPmzdtDEcxdUrQgLENP2eU6Y9R+"
)
"""The file with PRIVATE, encrypted with PASSPHRASE and little work, so that the tests do not take seconds."""
GRANT, CLIENT, INDEX = "doorward:grant:g1", "doorward:client:c1", "doorward:users"

Run = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOORWARD_STORE", "sqlite:///old.db")
    Path("keys").mkdir()
    Path("keys/passphrase").write_text(f"{PASSPHRASE}\n")
    Path("keys/identity").write_text(f"# public key: {PUBLIC}\n{PRIVATE}\n")
    Path("keys/encrypted").write_bytes(ENCRYPTED)
    fill("sqlite:///old.db")
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, **settings: str) -> tuple[int, str]:
        with monkeypatch.context() as patched:
            for name, value in settings.items():
                patched.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        output = capsys.readouterr()
        assert isinstance(ended.value.code, int | None)
        return ended.value.code or 0, output.out + output.err

    return run


def fill(url: str, size: int = 2) -> None:
    async def fill() -> None:
        store = open_store(url)
        await store.entries().write(
            [
                StoredDocument(GRANT, b"{}".ljust(size), None),
                StoredDocument(CLIENT, b'{"v":1}', None),
                StoredMembers(INDEX, (("ada", None),)),
            ]
        )
        await store.aclose()

    asyncio.run(fill())


def key_of(entry: Entry) -> str:
    match entry:
        case StoredDocument(key=key) | StoredMembers(index=key) | StoredLogEntries(log=key):
            return key


def contents(url: str) -> set[str]:
    """The keys in a store."""

    async def read() -> set[str]:
        store = open_store(url)
        batches = [batch async for batch in store.entries().read()]
        await store.aclose()
        return {key_of(entry) for batch in batches for entry in batch}

    return asyncio.run(read())


TO_KEY, WITH_KEY = ("--recipient", PUBLIC), ("--identity", "keys/identity")
WITH_PASSPHRASE = ("--identity", "keys/encrypted", "--passphrase-file")
NEW = {"DOORWARD_STORE": "sqlite:///new.db"}
EVERYTHING = {GRANT, CLIENT, INDEX}


def backed_up(run: Run) -> Path:
    status, text = run("backup", "x.age", *TO_KEY)
    assert (status, text) == (0, "Wrote 2 documents and 1 index entries to x.age\n")
    return Path("x.age")


def test_a_backup_is_restored_into_another_store(run: Run) -> None:
    file = backed_up(run)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not Path("x.age.partial").exists()
    status, text = run("restore", "x.age", *WITH_KEY, **NEW)
    assert status == 0
    assert "Restored 2 documents and 1 index entries\n" in text
    assert "DOORWARD_REVOCATION_LOG is not set, so what was revoked since the backup is unknown" in text
    assert "Passwords, second factors" in text
    assert contents("sqlite:///new.db") == EVERYTHING


def test_a_backup_is_restored_with_the_private_key_only(run: Run) -> None:
    status, public = run("keys", "backup", "keys/new")
    assert status == 0
    assert stat.S_IMODE(Path("keys/new").stat().st_mode) == 0o600
    Path("keys/public").write_text(f"# two keys\n\n{public}{PUBLIC}\n")
    assert run("backup", "x.age", "--recipients-file", "keys/public")[0] == 0
    for identity in ("keys/new", "keys/identity"):
        assert run("restore", "x.age", "--identity", identity, "--replace", **NEW)[0] == 0
        assert contents("sqlite:///new.db") == EVERYTHING
    run("keys", "backup", "keys/other")
    status, text = run("restore", "x.age", "--identity", "keys/other", DOORWARD_STORE="sqlite:///other.db")
    assert (status, "encrypted to another key" in text) == (1, True)


def test_an_encrypted_private_key_needs_its_passphrase(run: Run) -> None:
    backed_up(run)
    status, text = run("restore", "x.age", "--identity", "keys/encrypted", **NEW)
    assert (status, "use --passphrase-file" in text) == (2, True)
    Path("keys/other").write_text("another passphrase entirely")
    status, text = run("restore", "x.age", *WITH_PASSPHRASE, "keys/other", **NEW)
    assert (status, "--identity: keys/encrypted cannot be decrypted" in text) == (2, True)
    status, text = run("restore", "x.age", *WITH_KEY, "--passphrase-file", "keys/passphrase", **NEW)
    assert (status, "keys/identity is not encrypted" in text) == (2, True)
    assert contents("sqlite:///new.db") == set()
    assert run("restore", "x.age", *WITH_PASSPHRASE, "keys/passphrase", **NEW)[0] == 0
    assert contents("sqlite:///new.db") == EVERYTHING


def test_a_terminal_prompts_for_the_passphrase(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    backed_up(run)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("shared.cli.backup_keys.getpass", lambda _: PASSPHRASE)
    assert run("restore", "x.age", "--identity", "keys/encrypted", **NEW)[0] == 0
    answers = iter(["seven moss harbours at dusk", PASSPHRASE])
    monkeypatch.setattr("shared.cli.backup_keys.getpass", lambda _: next(answers))
    status, text = run("keys", "backup", "keys/new", "--passphrase")
    assert (status, text) == (2, "doorward: the passphrases differ\n")
    assert not Path("keys/new").exists()


def test_a_private_key_is_written_encrypted(run: Run) -> None:
    Path("new").mkdir()
    status, public = run("keys", "backup", "new/identity", "--passphrase-file", "keys/passphrase")
    assert status == 0
    content = Path("new/identity").read_bytes()
    assert (stat.S_IMODE(Path("new/identity").stat().st_mode), b"AGE-SECRET-KEY" in content) == (0o600, False)
    text = decrypt_identity_file(content, PASSPHRASE)
    assert [str(key.to_public()) for key in parse_identities(text)] == [public.strip()]
    status, text = run("keys", "backup", "new/identity")
    assert (status, text) == (2, "doorward: new/identity exists already\n")
    assert Path("new/identity").read_bytes() == content


def test_a_backup_that_is_damaged_changes_nothing(run: Run) -> None:
    whole = backed_up(run).read_bytes()
    flipped = bytearray(whole)
    flipped[-20] ^= 1
    for damaged in (bytes(flipped), whole[:-1], whole[:-200], whole + b"x", b"", b"hello"):
        Path("x.age").write_bytes(damaged)
        status, text = run("restore", "x.age", *WITH_KEY, **NEW)
        assert (status, "x.age cannot be restored: " in text) == (1, True), text
    assert contents("sqlite:///new.db") == set()


def test_no_sentence_quotes_a_private_key(run: Run) -> None:
    backed_up(run)
    for wrong in (PASSPHRASE, PRIVATE[:-1], f"{PRIVATE}\n{PRIVATE[:-1]}"):
        Path("keys/identity").write_text(wrong)
        status, text = run("restore", "x.age", *WITH_KEY)
        assert (status, "does not contain a private key" in text) == (2, True)
        assert wrong[:20] not in text


def test_a_file_that_exists_is_never_overwritten(run: Run) -> None:
    before = backed_up(run).read_bytes()
    status, text = run("backup", "x.age", *TO_KEY)
    assert (status, text) == (2, "doorward: x.age exists already\n")
    assert Path("x.age").read_bytes() == before


def test_a_disk_without_room_leaves_no_file_behind() -> None:
    fill("sqlite:///old.db", size=400_000)
    limited = ["bash", "-c", 'ulimit -f 100 && exec "$@"', "bash", *DOORWARD]
    done = subprocess.run(
        [*limited, "backup", "x.age", *TO_KEY],
        env=python_environment(DOORWARD_STORE="sqlite:///old.db"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr == "doorward: x.age cannot be written: File too large\n"
    assert not [path.name for path in Path().iterdir() if path.name.startswith("x.age")]


def test_a_dry_run_checks_the_backup_and_writes_nothing(run: Run) -> None:
    backed_up(run)
    status, text = run("restore", "x.age", *WITH_KEY, "--dry-run", **NEW)
    assert (status, "Would restore 2 documents" in text) == (0, True)
    assert contents("sqlite:///new.db") == set()


def test_a_store_with_entries_is_replaced_only_if_told(run: Run) -> None:
    backed_up(run)
    fill("sqlite:///new.db")

    async def add() -> None:
        store = open_store("sqlite:///new.db")
        await store.create("doorward:grant:later", b"{}", ttl_s=None)
        await store.aclose()

    asyncio.run(add())
    for dry_run in ([], ["--dry-run"]):
        status, text = run("restore", "x.age", *WITH_KEY, *dry_run, **NEW)
        assert (status, "the target store is not empty" in text) == (2, True)
    assert "doorward:grant:later" in contents("sqlite:///new.db")
    assert run("restore", "x.age", *WITH_KEY, "--replace", **NEW)[0] == 0
    assert contents("sqlite:///new.db") == EVERYTHING


def test_an_interrupted_restore_is_repeated_and_not_backed_up(run: Run) -> None:
    backed_up(run)

    async def interrupt() -> None:
        store = open_store("sqlite:///new.db")
        await prepare_target(store, replace=False)
        await store.create("doorward:grant:half", b"{}", ttl_s=None)
        await store.aclose()

    asyncio.run(interrupt())
    for command in (["backup", "y.age", *TO_KEY], ["move", "env:DOORWARD_STORE", "sqlite:///a.db"]):
        status, text = run(*command, **NEW)
        assert (status, "the store is incomplete" in text) == (2, True)
    assert run("restore", "x.age", *WITH_KEY, **NEW)[0] == 0
    assert contents("sqlite:///new.db") == EVERYTHING


@pytest.mark.parametrize("place", ["file:///{}/log", "sqlite:////{}/log.db"])
def test_what_the_revocation_log_names_is_left_out(run: Run, directory: Path, place: str) -> None:
    backed_up(run)
    url = place.format(str(directory).removeprefix("/"))

    async def record() -> None:
        store = open_store("sqlite:///old.db", revocation_log=url)
        assert store.revocation_log
        await store.revocation_log.record(GRANT, 60)
        await store.aclose()

    asyncio.run(record())
    status, text = run("restore", "x.age", *WITH_KEY, **NEW, DOORWARD_REVOCATION_LOG=url)
    assert (status, "; left out 1, which was revoked since the backup" in text) == (0, True)
    assert "is not set" not in text
    assert contents("sqlite:///new.db") == {CLIENT, INDEX}


@pytest.mark.parametrize("url", ["file:///missing/log", "file://log", "redis://localhost:1", "ftp://x"])
def test_a_revocation_log_that_cannot_be_read_stops_a_restore(run: Run, url: str) -> None:
    backed_up(run)
    status, text = run("restore", "x.age", *WITH_KEY, **NEW, DOORWARD_REVOCATION_LOG=url)
    assert (status, "DOORWARD_REVOCATION_LOG: " in text) == (2, True), text
    assert contents("sqlite:///new.db") == set()


def test_a_store_is_moved(run: Run) -> None:
    status, text = run("move", "env:DOORWARD_STORE", "sqlite:///new.db", "--dry-run")
    assert (status, text) == (0, "Would copy 2 documents and 1 index entries\n")
    assert contents("sqlite:///new.db") == set()
    status, text = run("move", "env:DOORWARD_STORE", "sqlite:///new.db")
    assert (status, text) == (0, "Copied 2 documents and 1 index entries\n")
    assert contents("sqlite:///new.db") == EVERYTHING
    assert run("move", "env:DOORWARD_STORE", "sqlite:///new.db")[0] == 2
    assert run("move", "env:DOORWARD_STORE", "sqlite:///new.db", "--replace")[0] == 0


def test_the_durability_of_the_service_does_not_apply_to_a_file(run: Run) -> None:
    replicated = {"DOORWARD_DURABILITY": "replicated"}
    status, text = run("move", "env:DOORWARD_STORE", "sqlite:///moved.db", **replicated)
    assert (status, text) == (0, "Copied 2 documents and 1 index entries\n")
    backed_up(run)
    assert run("restore", "x.age", *WITH_KEY, **NEW, **replicated)[0] == 0
    assert contents("sqlite:///new.db") == contents("sqlite:///moved.db") == EVERYTHING
