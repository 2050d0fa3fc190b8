"""`doorward upgrade` says whether a rolling upgrade is possible, and closes the way back (OP-5)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from auth_service.storage import keys, release_record
from auth_service.storage.release_record import OlderThanConfirmedError, ReleaseRecord, Releases
from shared.cli.main import main
from shared.compatibility import RENAMED_SETTINGS, STORE_FORMAT
from shared.storage import Store, open_store
from shared.storage.json_codec import JsonCodec

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-5")]

Run = Callable[..., tuple[int, str]]
CODEC = JsonCodec(ReleaseRecord)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/auth.db")
    yield opened
    await opened.aclose()


@pytest.fixture
def run(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the command on the store: exit status and output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOORWARD_STORE", "sqlite:///auth.db")

    def run_command(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["upgrade", *arguments])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    return run_command


async def in_thread(run: Run, *arguments: str) -> tuple[int, str]:
    from anyio import to_thread

    return await to_thread.run_sync(lambda: run(*arguments))


async def stored(store: Store) -> ReleaseRecord:
    record = await Releases(store).current()
    assert record
    return record


async def change(store: Store, record: ReleaseRecord) -> None:
    await store.delete(keys.release())
    assert await store.create(keys.release(), CODEC.encode(record), ttl_s=None)


async def test_a_store_of_a_release_without_a_record_can_be_upgraded_rolling(store: Store, run: Run) -> None:
    status, printed = await in_thread(run, "check")
    assert (status, "is possible" in printed) == (0, True), printed
    assert await store.get(keys.release()) is None


async def test_a_release_that_does_not_read_our_documents_cannot_run_beside_us(
    store: Store, run: Run
) -> None:
    await Releases(store).record()
    record = await stored(store)
    forms = tuple(replace(f, reads_to=1) if f.name == "store" else f for f in record.forms)
    await change(store, replace(record, release="0.0.9", forms=forms))
    status, printed = await in_thread(run, "check")
    assert status == 1
    assert "no   forms: store: this release writes version 2, and the running one reads 1 to 1" in printed
    findings = json.loads((await in_thread(run, "check", "--json"))[1].partition("doorward:")[0])
    assert [finding["about"] for finding in findings if finding["stops"]] == ["forms"]


async def test_a_document_two_versions_newer_is_named(store: Store, run: Run) -> None:
    await store.create(keys.client("new"), b'{"v":3}', ttl_s=None)
    status, printed = await in_thread(run, "check")
    assert status == 1
    assert "no   documents: the highest version in the store is 3; this release reads up to 2" in printed


async def test_a_renamed_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RENAMED_SETTINGS, "DOORWARD_GONE", "DOORWARD_SITE_NAME")
    monkeypatch.setenv("DOORWARD_GONE", "1")
    status, printed = await in_thread(run, "check")
    assert (status, "DOORWARD_GONE: this setting is now DOORWARD_SITE_NAME" in printed) == (2, True), printed


@pytest.mark.parametrize(("key", "expected"), [("words", "words is read by"), ("description", "every key")])
async def test_a_policy_key_that_will_not_be_read_is_named(
    run: Run, tmp_path: Path, key: str, expected: str
) -> None:
    (tmp_path / "policy.yaml").write_text(f"scopes:\n  a:read:\n    {key}: Read\ndefault: []\n")
    status, printed = await in_thread(run, "check", "--policy", "policy.yaml")
    assert (status, expected in printed) == (0, True), printed


async def test_two_upgrades_without_a_confirmation_between_them_are_not_rolling(
    store: Store, run: Run
) -> None:
    await Releases(store).record()
    await change(store, replace(await stored(store), confirmed=STORE_FORMAT - 2))
    status, printed = await in_thread(run, "check")
    assert status == 1
    assert "no   way back: " in printed
    await in_thread(run, "confirm", "--yes")
    assert (await in_thread(run, "check"))[0] == 0


async def test_the_way_back_is_open_until_the_upgrade_is_confirmed(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Releases(store).record()
    await change(store, replace(await stored(store), confirmed=STORE_FORMAT - 1))
    monkeypatch.setattr(release_record, "STORE_FORMAT", STORE_FORMAT - 1)
    await Releases(store).record()
    monkeypatch.undo()
    await Releases(store).confirm()
    monkeypatch.setattr(release_record, "STORE_FORMAT", STORE_FORMAT - 1)
    with pytest.raises(OlderThanConfirmedError, match="restore a backup"):
        await Releases(store).record()


async def test_an_earlier_release_does_not_record_itself_over_a_newer_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = replace(await recorded(store), release="9.0.0", store_format=STORE_FORMAT + 1)
    await change(store, newer)
    monkeypatch.setattr(release_record, "VERSION", "8.0.0")
    await Releases(store).record()
    assert await stored(store) == newer


async def recorded(store: Store) -> ReleaseRecord:
    await Releases(store).record()
    return await stored(store)
