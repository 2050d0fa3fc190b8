"""Every list as JSON."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from shared.cli.commands import leaves
from shared.cli.main import app, main
from shared.storage import open_store

List = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> List:
    """Runs a command and parses what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOORWARD_STORE", "sqlite:///auth.db")
    monkeypatch.setenv("DOORWARD_MASTER_KEYS", f"1:{'A' * 43}")
    monkeypatch.setattr("sys.stdin", io.StringIO("seven moss harbours\n"))

    async def create() -> None:
        await open_store("sqlite:///auth.db").aclose()

    asyncio.run(create())
    for command in (
        ["users", "add", "ada", "--name", "Ada L", "--admin"],
        ["groups", "add", "ops", "ada", "eve"],
        ["clients", "add", "Robot", "--grant", "client_credentials"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code in (0, None)
    capsys.readouterr()

    def run(*arguments: str) -> list[dict[str, Any]]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--json"])
        assert ended.value.code in (0, None)
        items: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return items

    return run


def test_every_list_can_be_printed_as_json(lists: List) -> None:
    [ada] = lists("users", "list")
    assert ada.pop("subject")
    assert ada.pop("created_at") > 0
    assert ada == {
        "username": "ada",
        "name": "Ada L",
        "administrator": True,
        "disabled": False,
        "invited": False,
        "email": None,
    }
    assert lists("users", "list", "--disabled") == []
    assert lists("users", "identities", "ada") == []
    assert lists("groups", "list") == [{"group": "ops", "members": ["ada", "eve"]}]
    [robot] = lists("clients", "list")
    assert robot.pop("client_id")
    assert robot.pop("created_at") > 0
    assert robot == {"name": "Robot", "hosts": [], "grant_types": ["client_credentials"], "disabled": False}
    assert {key["alg"] for key in lists("keys", "list")} == {"ES256", "RS256"}


def test_every_list_has_headers(lists: List, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (*LISTS, "users identities ada"):
        with pytest.raises(SystemExit):
            main(name.split())
        headers, *rows = capsys.readouterr().out.splitlines()
        assert headers == headers.upper(), name
        assert {row.count("\t") for row in rows} <= {headers.count("\t")}, name


def test_every_list_has_the_option() -> None:
    for path, command in leaves(get_command(app)):
        options = [option for each in command.params for option in each.opts]
        assert path[-1] != "list" or "--json" in options, path


LISTS = [" ".join(path) for path, _ in leaves(get_command(app)) if path[-1] == "list"]
