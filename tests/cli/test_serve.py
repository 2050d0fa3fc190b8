"""`doorward auth` and `doorward resource`: one service alone, as in production."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import httpx2
import pytest

from shared.cli.installation import Secrets, resource_servers
from shared.cli.serving import FEWER_OPEN_FILES, OPEN_FILES, allow_open_files
from shared.idle_connections import SERVER_S
from tests.cli.command import doorward
from tests.cli.serving import serving
from tests.deploy.units import NEW_CONNECTIONS_PER_S

pytestmark = pytest.mark.long

RESOURCE = "http://localhost:9001/mcp"
SERVICES = ("auth", "resource")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """The required settings of each service."""
    secrets = Secrets.fresh()
    return {
        "DOORWARD_ISSUER": "http://localhost:9000",
        "DOORWARD_STORE": f"sqlite:///{tmp_path}/auth.db",
        "DOORWARD_MASTER_KEYS": secrets.master_keys,
        "DOORWARD_RESOURCE": RESOURCE,
        "DOORWARD_RESOURCE_SECRET": secrets.resource_secret,
        "DOORWARD_RESOURCE_SERVERS": json.dumps(resource_servers(RESOURCE, secrets.resource_secret)),
    }


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_requested_stop_is_not_a_failure(
    settings: dict[str, str], service: str, arguments: tuple[str, ...]
) -> None:
    with serving(service, settings, *arguments) as (process, _):
        process.terminate()
        output = process.communicate(timeout=30)[0]
    assert process.returncode == 0, output
    assert "Application shutdown complete" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("service", SERVICES)
def test_answers_do_not_say_what_serves_them(settings: dict[str, str], service: str) -> None:
    with serving(service, settings) as (_, url):
        assert "server" not in httpx2.get(url, trust_env=False).headers


@pytest.mark.parametrize("service", SERVICES)
def test_health_tells_a_service_that_is_well_from_one_that_is_not(
    tmp_path: Path, settings: dict[str, str], service: str
) -> None:
    with serving(service, settings) as (_, url):
        assert doorward("health", url, cwd=tmp_path).returncode == 0
        elsewhere = doorward("health", url.replace("/health", "/nowhere"), cwd=tmp_path)
        assert elsewhere.returncode == 1
        assert "returns 404" in elsewhere.stderr
    stopped = doorward("health", url, cwd=tmp_path)
    assert stopped.returncode == 1
    assert "does not respond" in stopped.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_without_settings_each_missing_one_is_named(tmp_path: Path, service: str) -> None:
    done = doorward(service, cwd=tmp_path)
    assert done.returncode == 2
    assert "DOORWARD_ISSUER: it is not set" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("DOORWARD_MASTER_KEYS", "1:c2VjcmV0", "DOORWARD_MASTER_KEYS: master key 1 has fewer than 256 bits"),
        ("DOORWARD_RESOURCE_SERVERS", '[{"secret":"c2VjcmV0"}]', "DOORWARD_RESOURCE_SERVERS[0][secret]: "),
        ("DOORWARD_RESOURCE_SERVERS", '["c2VjcmV0"', "the settings cannot be read"),
    ],
)
def test_a_bad_setting_is_named_and_its_value_is_not_shown(
    tmp_path: Path, settings: dict[str, str], name: str, value: str, complaint: str
) -> None:
    done = doorward("auth", cwd=tmp_path, **{**settings, name: value})
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "c2VjcmV0" not in done.stderr


@pytest.mark.requirement("OP-1")
def test_the_limit_of_open_files_is_raised_as_far_as_the_machine_allows() -> None:
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1_024), hard))
    try:
        allow_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (allowed, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert OPEN_FILES > NEW_CONNECTIONS_PER_S * SERVER_S


@pytest.mark.requirement("OP-1")
@pytest.mark.parametrize("error", [ValueError("not allowed"), PermissionError(1, "not permitted")])
@pytest.mark.parametrize(("most", "limit"), [(FEWER_OPEN_FILES, FEWER_OPEN_FILES), (0, 1_024)])
def test_a_limit_of_open_files_that_the_machine_refuses_is_a_smaller_one_or_stays(
    error: Exception, most: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = (1_024, resource.RLIM_INFINITY)

    def set_limits(_: int, wanted: tuple[int, int]) -> None:
        nonlocal limits
        if wanted[0] > most:
            raise error
        limits = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", set_limits)
    allow_open_files()
    assert limits == (limit, resource.RLIM_INFINITY)
