"""`docker-compose.yml`, as compose renders it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cli.command import ROOT, environment
from tests.machine import compose_command

pytestmark = pytest.mark.requirement("OP-1")

OVERLAYS = ("tls", "replicas", "sentinel")


def rendered(directory: Path, *overlays: str, **settings: str) -> subprocess.CompletedProcess[str]:
    program = compose_command()
    if shutil.which(program[0]) is None:
        pytest.skip("compose is not installed")
    for name in ("auth.env", "resource.env"):
        (directory / name).touch()
    files = [ROOT / "docker-compose.yml", *(ROOT / "deploy" / "compose" / f"{each}.yml" for each in overlays)]
    variables = {
        "DOORWARD_ENV_FILE": str(directory / "auth.env"),
        "DOORWARD_RESOURCE_ENV_FILE": str(directory / "resource.env"),
    }
    return subprocess.run(
        [
            *program,
            "--project-directory",
            directory,
            *(f"--file={each}" for each in files),
            "config",
        ],
        env=environment(**variables, **settings),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_logs_of_every_service_are_limited(tmp_path: Path) -> None:
    done = rendered(tmp_path, DOORWARD_REDIS_PASSWORD="x")
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    limits = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
    assert {name: service["logging"] for name, service in services.items()} == dict.fromkeys(services, limits)


@pytest.mark.requirement("OP-6")
def test_without_an_environment_file_compose_says_what_to_run(tmp_path: Path) -> None:
    done = rendered(tmp_path)
    assert done.returncode != 0
    assert "run doorward init first, to write .env" in done.stderr


def test_the_overlays_fit_each_other_and_confine_what_they_add(tmp_path: Path) -> None:
    names = {"AUTH_HOST": "auth.example.com", "MCP_HOST": "mcp.example.com", "RESOURCE_REDIS_PASSWORD": "y"}
    done = rendered(tmp_path, *OVERLAYS, DOORWARD_REDIS_PASSWORD="x", **names)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services["auth"]["environment"]["DOORWARD_STORE"].startswith("redis+sentinel://")
    assert services["resource"]["environment"]["DOORWARD_RESOURCE_STORE"].endswith("@redis-resource:6379/0")
    for name, service in services.items():
        assert (service["cap_drop"], service["read_only"]) == (["ALL"], True), name
        assert service["logging"]["options"]["max-size"] == "10m", name
