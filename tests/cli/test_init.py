"""`doorward init`: the `.env` that docker compose reads."""

from __future__ import annotations

import json
import shlex
import stat
from pathlib import Path

import pytest

from auth_service.settings import AuthSettings
from resource_service.settings import ResourceSettings
from tests.cli.command import doorward


def read(path: Path) -> dict[str, str]:
    """The file as a shell reads it."""
    lines = shlex.split(path.read_text(), comments=True)
    return dict(line.split("=", 1) for line in lines)


def test_both_services_accept_what_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doorward("init", cwd=tmp_path).returncode == 0
    written = read(tmp_path / ".env")
    for name, value in {**written, "DOORWARD_STORE": "redis://redis:6379"}.items():
        monkeypatch.setenv(name, value)
    auth, resource = AuthSettings(), ResourceSettings()  # type: ignore[call-arg]  # from the environment
    assert auth.issuer == resource.issuer == "http://localhost:9000"
    assert [item.resource for item in auth.resources] == [resource.resource] == ["http://localhost:9001/mcp"]
    # Inside compose the auth service cannot reach the public address, which is the host's own.
    (described,) = auth.resources
    assert described.described_at == "http://resource:9001/.well-known/oauth-protected-resource/mcp"
    assert auth.resource_servers[0].id == resource.resource_server_id
    assert auth.resource_servers[0].secret == resource.resource_secret


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    doorward("init", cwd=tmp_path)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_every_secret_is_fresh(tmp_path: Path) -> None:
    for name in ("one", "two"):
        doorward("init", "--file", name, cwd=tmp_path)
    one, two = read(tmp_path / "one"), read(tmp_path / "two")
    assert {name for name in one if one[name] == two[name]} == {"DOORWARD_ISSUER", "DOORWARD_RESOURCE"}


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MINE=1\n")
    done = doorward("init", cwd=tmp_path)
    assert done.returncode == 1
    assert ".env exists and is left as it is" in done.stderr
    assert (tmp_path / ".env").read_text() == "MINE=1\n"


def test_public_urls_can_be_given_and_are_checked(tmp_path: Path) -> None:
    urls = ("--issuer", "https://auth.example", "--resource", "https://tools.example/mcp")
    assert doorward("init", *urls, cwd=tmp_path).returncode == 0
    written = read(tmp_path / ".env")
    assert written["DOORWARD_ISSUER"] == "https://auth.example"
    servers = json.loads(written["DOORWARD_RESOURCE_SERVERS"])
    assert servers[0]["resources"][0]["resource"] == "https://tools.example/mcp"

    refused = doorward("init", "--issuer", "http://auth.example", "--file", "other", cwd=tmp_path)
    assert refused.returncode == 1
    assert "must be https" in refused.stderr
    assert not (tmp_path / "other").exists()
