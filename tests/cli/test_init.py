"""`doorward init`: the `.env` that docker compose reads."""

from __future__ import annotations

import hashlib
import shlex
import stat
from pathlib import Path

import pytest

from auth_service.settings import AuthSettings
from resource_service.settings import ResourceSettings
from tests.cli.command import ROOT, doorward


def read(path: Path) -> dict[str, str]:
    """The file as a shell reads it."""
    lines = shlex.split(path.read_text(), comments=True)
    return dict(line.split("=", 1) for line in lines)


def test_both_services_accept_what_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doorward("init", cwd=tmp_path).returncode == 0
    written = read(tmp_path / ".env")
    resource_written = read(tmp_path / "resource.env")
    for name, value in {**written, **resource_written, "DOORWARD_STORE": "redis://redis:6379"}.items():
        monkeypatch.setenv(name, value)
    auth, resource = AuthSettings(), ResourceSettings()  # type: ignore[call-arg]  # from the environment
    assert auth.access == "closed"
    assert auth.issuer == resource.issuer == "http://localhost:9000"
    assert [item.resource for item in auth.resources] == [resource.resource] == ["http://localhost:9001/mcp"]
    # Inside compose the auth service cannot reach the public address, which is the host's own.
    (described,) = auth.resources
    assert described.described_at == "http://resource:9001/.well-known/oauth-protected-resource/mcp"
    assert auth.resource_servers[0].id == resource.resource_server_id
    assert auth.resource_servers[0].secret == resource.resource_secret


@pytest.mark.requirement("ID-6")
def test_it_prints_the_link_of_the_first_administrator_and_writes_its_digest_alone(tmp_path: Path) -> None:
    printed = doorward("init", "--issuer", "https://auth.example", cwd=tmp_path).stdout
    link = next(word for word in printed.split() if word.startswith("https://auth.example/set-up?link="))
    secret = link.partition("=")[2]
    written = read(tmp_path / ".env")["DOORWARD_SETUP_LINK"]
    assert written.partition(":")[0] == hashlib.sha256(secret.encode()).hexdigest()
    assert all(secret not in (tmp_path / name).read_text() for name in (".env", "resource.env"))
    assert "DOORWARD_SETUP_LINK" not in read(tmp_path / "resource.env")
    assert "DOORWARD_DEMO_USER" not in read(tmp_path / ".env")


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    doorward("init", cwd=tmp_path)
    for name in (".env", "resource.env"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_every_secret_is_fresh(tmp_path: Path) -> None:
    for name in ("one", "two"):
        doorward("init", "--file", name, cwd=tmp_path)
    one, two = read(tmp_path / "one"), read(tmp_path / "two")
    secret = {
        "DOORWARD_MASTER_KEYS",
        "DOORWARD_RESOURCE_SECRET",
        "DOORWARD_REDIS_PASSWORD",
        "DOORWARD_SETUP_LINK",
    }
    places = {"DOORWARD_ENV_FILE", "DOORWARD_RESOURCE_ENV_FILE"}
    assert {name for name in one if one[name] != two[name]} == secret | places


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "resource.env").write_text("MINE=1\n")
    done = doorward("init", cwd=tmp_path)
    assert done.returncode == 2
    assert "resource.env already exists and was not changed" in done.stderr
    assert (tmp_path / "resource.env").read_text() == "MINE=1\n"
    assert not (tmp_path / ".env").exists()


EARLIER = """\
# Who has this file can read the store and issue tokens. docs/reference/configuration.md explains each name.
DOORWARD_ISSUER=https://auth.example
DOORWARD_RESOURCE=https://tools.example/mcp
DOORWARD_MASTER_KEYS=1:key
DOORWARD_RESOURCE_SECRET=the-secret
DOORWARD_RESOURCE_SERVERS='[{"id":"resource"}]'
DOORWARD_REDIS_PASSWORD=the-password
DOORWARD_INTROSPECTION_CACHE_S=300
DOORWARD_BIND=0.0.0.0
DOORWARD_SITE_NAME='Example Tools'
"""


def test_the_one_file_of_an_earlier_release_is_understood(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(EARLIER)
    done = doorward("init", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".env").read_text() == EARLIER
    assert read(tmp_path / "resource.env") == {
        "DOORWARD_ISSUER": "https://auth.example",
        "DOORWARD_RESOURCE": "https://tools.example/mcp",
        "DOORWARD_RESOURCE_SECRET": "the-secret",
        "DOORWARD_INTROSPECTION_ENDPOINT": "http://auth:9000/introspect",
        "DOORWARD_INTROSPECTION_CACHE_S": "300",
        "DOORWARD_JOURNAL_DIRECTORY": "/var/lib/doorward/journal",
        "DOORWARD_NOTES": "sqlite:////var/lib/doorward/notes.sqlite3",
        "DOORWARD_SITE_NAME": "Example Tools",
    }


@pytest.mark.parametrize("options", [[], ["--file", "other"]])
def test_a_line_can_be_appended_to_what_it_writes(tmp_path: Path, options: list[str]) -> None:
    assert doorward("init", *options, cwd=tmp_path).returncode == 0
    for file in tmp_path.iterdir():
        before = read(file)
        with file.open("a") as appended:
            appended.write("DOORWARD_LOG_LEVEL=debug\n")
        assert read(file) == {**before, "DOORWARD_LOG_LEVEL": "debug"}


def test_the_resource_service_gets_no_secret_of_the_other_service(tmp_path: Path) -> None:
    assert doorward("init", cwd=tmp_path).returncode == 0
    secret = read(tmp_path / ".env")
    text = (tmp_path / "resource.env").read_text()
    assert secret["DOORWARD_MASTER_KEYS"] not in text
    assert secret["DOORWARD_REDIS_PASSWORD"] not in text


def test_the_files_for_a_server_of_ones_own_do_not_speak_of_notes(tmp_path: Path) -> None:
    done = doorward("init", "--upstream", "http://mine:3000/mcp", "--name", "Mine", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in (".env", "resource.env"):
        assert "notes" not in (tmp_path / name).read_text().lower()
    assert read(tmp_path / ".env")["DOORWARD_RESOURCE_NAME"] == "Mine"
    assert read(tmp_path / "resource.env")["DOORWARD_RESOURCE_NAME"] == "Mine"
    assert read(tmp_path / "resource.env")["DOORWARD_UPSTREAM"] == "http://mine:3000/mcp"
    assert "notes" not in (ROOT / "docs" / "examples" / "compose.gateway.yml").read_text().lower()


@pytest.mark.requirement("GW-3")
@pytest.mark.parametrize("joined", [True, False])
def test_both_services_accept_the_mounts_that_it_writes(
    joined: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = ("--issuer", "https://auth.example", "--resource", "https://tools.example/mcp")
    mounts = ("--mount", "/github=http://github:3001/mcp", "--mount", "/files=stdio:files /srv")
    join = ("--join", "--name", "All tools") if joined else ()
    done = doorward("init", *urls, *mounts, *join, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written, of_resource = read(tmp_path / ".env"), read(tmp_path / "resource.env")
    assert "notes" not in (tmp_path / "resource.env").read_text().lower()
    for name, value in {**written, **of_resource, "DOORWARD_STORE": "redis://redis:6379"}.items():
        monkeypatch.setenv(name, value)
    auth, resource = AuthSettings(), ResourceSettings()  # type: ignore[call-arg]  # from the environment
    assert (resource.resource, resource.join) == ("https://tools.example/mcp", joined)
    assert auth.resource_servers[0].secret == resource.resource_secret
    by_url = {each.resource: each for each in auth.resources}
    of_mounts: dict[str, dict[str, str]] = {
        "https://tools.example/github": {},
        "https://tools.example/files": {},
    }
    assert {url: by_url[url].scopes for url in of_mounts} == of_mounts
    inside = "http://resource:9001/.well-known/oauth-protected-resource"
    assert by_url["https://tools.example/files"].described_at == f"{inside}/files"
    if joined:
        whole = by_url["https://tools.example/mcp"]
        assert (whole.name, whole.described_at) == ("All tools", f"{inside}/mcp")
        assert whole.scopes == {"github": "Use github", "files": "Use files"}
        assert resource.resource_name == "All tools"
    else:
        assert by_url.keys() == of_mounts.keys()


def test_an_upstream_cannot_add_a_setting(tmp_path: Path) -> None:
    urls = ("--issuer", "https://auth.example", "--resource", "https://tools.example/mcp")
    done = doorward("init", *urls, "--upstream", "stdio:a\nDOORWARD_B=c", cwd=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])


def test_public_urls_can_be_given_and_are_checked(tmp_path: Path) -> None:
    urls = ("--issuer", "https://auth.example", "--resource", "https://tools.example/mcp")
    assert doorward("init", *urls, cwd=tmp_path).returncode == 0
    written = read(tmp_path / ".env")
    assert written["DOORWARD_ISSUER"] == "https://auth.example"
    assert written["DOORWARD_RESOURCE"] == "https://tools.example/mcp"

    refused = doorward("init", "--issuer", "http://auth.example", "--file", "other", cwd=tmp_path)
    assert refused.returncode == 2
    assert "must be https" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_secrets_in_a_directory_are_private_and_apart_from_the_settings(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    done = doorward("init", "--secrets-in", str(directory), "--issuer", "https://auth.example", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    secrets = [(directory / name).read_text().strip() for name in ("master-keys", "resource-secret")]
    assert "METADATA_URL" not in (directory / "auth.env").read_text()
    link = done.stdout.partition("/set-up?link=")[2].split()[0]
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert link not in path.read_text()
        assert path.suffix != ".env" or not any(secret in path.read_text() for secret in secrets)
    assert read(directory / "auth.env")["DOORWARD_SETUP_LINK"].startswith(
        hashlib.sha256(link.encode()).hexdigest()
    )
    assert not (tmp_path / ".env").exists()


def test_a_directory_with_secrets_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "master-keys").write_text("1:mine")
    done = doorward("init", "--secrets-in", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "master-keys already exists; nothing was changed" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["master-keys"]
