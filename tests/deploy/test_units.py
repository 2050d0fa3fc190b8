"""Check the systemd units: valid, confined, with settings that the services accept (OP-1)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.cli.environment_files import read_environment
from shared.idle_connections import SERVER_S
from tests.cli.command import ROOT, doorward
from tests.deploy.units import NEW_CONNECTIONS_PER_S, SERVICES, unit, values
from tests.machine import require

pytestmark = pytest.mark.requirement("OP-1")

MOST_EXPOSED = 20
"""The limit of the exposure level of systemd-analyze in percent; a unit without restrictions has 96."""


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    require("systemd")
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("service", SERVICES)
def test_systemd_finds_nothing_wrong_with_a_unit(service: str, tmp_path: Path) -> None:
    here = tmp_path / unit(service).name
    program = Path(sys.executable).with_name("doorward")
    here.write_text(unit(service).read_text().replace("/opt/doorward/bin/doorward", str(program)))
    done = analyze("verify", "--man=no", str(here))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("service", SERVICES)
def test_a_unit_is_confined(service: str) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit(service)))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_a_unit_has_room_for_idle_connections(service: str) -> None:
    [limit] = values(service, "LimitNOFILE")
    assert int(limit) > NEW_CONNECTIONS_PER_S * SERVER_S


@pytest.mark.requirement("OP-2")
@pytest.mark.parametrize("service", SERVICES)
def test_the_service_accepts_the_settings_of_its_unit(service: str, secrets: Path, tmp_path: Path) -> None:
    """With the credentials where systemd puts them, and the lines that the guide adds."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for each in values(service, "LoadCredential"):
        name, _, path = each.partition(":")
        (credentials / name).write_text((secrets / Path(path).name).read_text())
    [environment_file] = values(service, "EnvironmentFile")
    guide = (ROOT / "docs" / "how-to" / "virtual-machine.md").read_text()
    added = [
        line.split()[1].partition("=")
        for line in guide.splitlines()
        if line.strip().startswith("echo DOORWARD_") and line.endswith(environment_file)
    ]
    environment = {
        **read_environment(secrets / Path(environment_file).name),
        **{name: value for name, _, value in added},
        **{
            name: value.replace("%d", str(credentials)).replace("%S", str(tmp_path / "state"))
            for name, _, value in (each.partition("=") for each in values(service, "Environment"))
        },
    }
    done = doorward("config", "check", service, cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert added
