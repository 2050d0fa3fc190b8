"""Build what `make dist` publishes, check that it is complete, and run it without development tools."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from tests.cli.command import READY
from tests.install.place import Place
from tests.install.times import row
from tests.install.ways import measured
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that `make dist` fills."""
    directory = tmp_path_factory.mktemp("dist")
    subprocess.run([ROOT / "scripts" / "dist", directory], check=True, capture_output=True)
    return directory


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [path] = dist.glob("*.whl")
    return path


def locked() -> set[str]:
    """The names in the lock of both services."""
    return set(
        re.findall(r"^([a-z0-9._-]+)(?=[=\[])", (ROOT / "deploy/doorward.lock").read_text(), re.MULTILINE)
    )


def link(package: Distribution, site_packages: Path) -> None:
    """Link the files of a distribution one by one: several can have files in one directory."""
    for file in package.files or []:
        if ".." in file.parts or "__pycache__" in file.parts:
            continue
        (site_packages / file).parent.mkdir(parents=True, exist_ok=True)
        (site_packages / file).symlink_to(str(package.locate_file(file)))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment that has the wheel, and what deploy/doorward.lock names."""
    directory = tmp_path_factory.mktemp("installed")
    venv.create(directory, with_pip=False, symlinks=True)
    [site_packages] = directory.glob("lib/python*/site-packages")
    for name in locked():
        try:
            package = distribution(name)
        except ModuleNotFoundError:
            continue  # for another platform
        link(package, site_packages)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site_packages)
    command = directory / "bin" / "doorward"
    command.write_text(f"#!{directory}/bin/python\nfrom shared.cli.main import main\nmain()\n")
    command.chmod(0o755)
    return command


@pytest.mark.requirement("OP-1")
def test_the_wheel_runs_both_services_without_the_tools_of_development(
    installed: Path, tmp_path: Path
) -> None:
    environment = {"HOME": str(tmp_path), "PATH": "/nowhere"}
    ports = ("--auth-port", str(free_port()), "--resource-port", str(free_port()))
    with subprocess.Popen(
        [installed, "up", *ports], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if READY in line:
                process.terminate()
        assert process.wait(timeout=20) == 0, lines
    assert any(READY in line for line in lines)


@pytest.mark.requirement("OP-1")
def test_a_newcomer_with_the_wheel_comes_to_the_first_answer_of_a_tool(
    installed: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    place.begin()
    times = measured(place, "the wheel", str(installed), "up", *place.ports)
    assert re.fullmatch(r"\| the wheel \| \d+ s \| \d+ s \| \d+ s \|", row(times))


def test_the_wheel_contains_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "auth_service", "resource_service", "shared"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    with zipfile.ZipFile(wheel) as archive:
        packed = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert set(tracked) == set(packed)


def test_the_checksums_are_those_of_the_files(dist: Path) -> None:
    lines = (dist / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in map(str.split, lines)}
    others = [path for path in dist.iterdir() if path.name != "SHA256SUMS"]
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in others}
    assert {path.suffix for path in others} == {".whl", ".gz", ".json"}


def test_the_sbom_lists_every_locked_component(dist: Path) -> None:
    [sbom] = dist.glob("*.cdx.json")
    components = {each["name"] for each in json.loads(sbom.read_text())["components"]}
    assert components == locked()


def test_the_same_commit_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    date = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": date.stdout.strip()}
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=environment)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()
