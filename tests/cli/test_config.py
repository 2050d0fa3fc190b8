"""`doorward config` checks and shows settings without their secrets (OP-2)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import doorward

pytestmark = pytest.mark.requirement("OP-2")

SECRET = "a-secret-of-the-resource-server-of-43-chars"
KEYS = f"1:{'A' * 43}"
SERVERS = json.dumps(
    [
        {
            "id": "resource",
            "secret": SECRET,
            "resources": [{"resource": "http://localhost:9001/mcp", "name": "Notes"}],
        }
    ]
)
AUTH = {
    "DOORWARD_ISSUER": "http://localhost:9000",
    "DOORWARD_MASTER_KEYS": KEYS,
    "DOORWARD_STORE": "redis://someone:a@password-of-redis@localhost:1/0",
    "DOORWARD_RESOURCE_SERVERS": SERVERS,
    "DOORWARD_ALERT_WEBHOOK": "https://chat.example/hooks/a-token-of-the-chat",
    "DOORWARD_ALERT_WEBHOOK_SECRET": "s" * 32,
}
RESOURCE = {
    "DOORWARD_ISSUER": "http://localhost:9000",
    "DOORWARD_RESOURCE": "http://localhost:9001/mcp",
    "DOORWARD_RESOURCE_SECRET": SECRET,
    "DOORWARD_UPSTREAM": "http://localhost:3000/mcp",
    "DOORWARD_UPSTREAM_AUTHORIZATION": "Bearer a-token-for-the-upstream",
}


@pytest.mark.parametrize(("service", "settings"), [("auth", AUTH), ("resource", RESOURCE)])
def test_valid_settings_are_valid_although_the_store_is_not_there(
    service: str, settings: dict[str, str], tmp_path: Path
) -> None:
    done = doorward("config", "check", service, cwd=tmp_path, **settings)
    assert (done.returncode, done.stdout) == (0, "the settings are valid\n"), done.stderr


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    settings = {
        **AUTH,
        "DOORWARD_ISSUER": "http://auth.example",
        "DOORWARD_ACCESS_TTL_S": "soon",
        "DOORWARD_X": "",
    }
    done = doorward("config", "check", "auth", cwd=tmp_path, **settings)
    assert done.returncode == 2
    for name in ("DOORWARD_ISSUER: ", "DOORWARD_ACCESS_TTL_S: ", "DOORWARD_X: "):
        assert name in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(("service", "settings"), [("auth", AUTH), ("resource", RESOURCE)])
def test_no_secret_is_shown(
    service: str, settings: dict[str, str], arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = doorward("config", "show", service, *arguments, cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stderr
    for secret in (SECRET, "A" * 43, "password-of-redis", "a-token-for-the-upstream", "a-token-of-the-chat"):
        assert secret not in done.stdout


def test_settings_are_shown_with_their_source(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{KEYS}\n")
    settings = {**AUTH, "DOORWARD_MASTER_KEYS_FILE": str(file)}
    del settings["DOORWARD_MASTER_KEYS"]
    done = doorward("config", "show", "auth", "--json", cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stderr
    values = {each["name"]: (each["value"], each["source"]) for each in json.loads(done.stdout)}
    assert values["DOORWARD_ISSUER"] == ("http://localhost:9000", "environment")
    assert values["DOORWARD_STORE"] == ("redis://localhost:1/0", "environment")
    assert values["DOORWARD_MASTER_KEYS"] == ("(hidden)", "environment")
    assert values["DOORWARD_ACCESS_TTL_S"] == ("600", "default")
    assert values["DOORWARD_LOG_LEVEL"] == ("info", "default")
