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


def rendered(directory: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    program = compose_command()
    if shutil.which(program[0]) is None:
        pytest.skip("compose is not installed")
    for name in ("auth.env", "resource.env"):
        (directory / name).touch()
    files = {
        "DOORWARD_ENV_FILE": str(directory / "auth.env"),
        "DOORWARD_RESOURCE_ENV_FILE": str(directory / "resource.env"),
    }
    return subprocess.run(
        [*program, "--project-directory", directory, "-f", ROOT / "docker-compose.yml", "config"],
        env=environment(**files, **settings),
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
