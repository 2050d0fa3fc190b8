"""The files that `doorward init` writes for systemd and Kubernetes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import doorward

ISSUER, RESOURCE = "https://auth.example.com", "https://mcp.example.com/mcp"


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("deploy") / "doorward"
    urls = ("--issuer", ISSUER, "--resource", RESOURCE)
    done = doorward("init", "--secrets-in", str(directory), *urls, cwd=directory.parent)
    assert done.returncode == 0, done.stderr
    return directory
