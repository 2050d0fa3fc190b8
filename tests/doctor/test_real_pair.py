"""The doctor and the pair of this repository, each in processes of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.cli.doctor.login.options import LoginOptions
from shared.cli.doctor.profiles import PROFILES
from shared.cli.doctor.verdict import Status
from tests.cli.command import READY, Up, doorward, up
from tests.doctor.examining import problems, run

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("doctor-real-pair")]

WESEN = LoginOptions(username="wesen", password="secret", scope="notes:write", tool="list_notes")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up(tmp_path_factory.mktemp("up")) as started:
        assert READY in started.output, started.output
        yield started


@pytest.fixture
def mcp_url(running: Up) -> str:
    return f"http://localhost:{running.resource_port}/mcp"


def test_nothing_is_found_even_with_a_login_and_a_step_up(mcp_url: str, running: Up) -> None:
    report = run(mcp_url, login=WESEN)
    assert problems(report) == {}
    assert report.issuer == running.issuer
    skipped = {line.check.id for line in report.lines if line.status is Status.SKIPPED}
    assert skipped == {"tls", "tls-expiry", "hosted", "http-upgrade", "forwarded", "register-profile"}


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_stops_any_client_but_that_hosted_ones_do_not_get_to_this_machine(
    mcp_url: str, profile: str
) -> None:
    lines = problems(run(mcp_url, login=LoginOptions(username="wesen", password="secret"), profile=profile))
    assert lines.keys() == ({"hosted"} if PROFILES[profile].hosted else set())


def test_another_spelling_of_the_url_is_distinguished_from_the_one_that_is_announced(mcp_url: str) -> None:
    assert "resource-exact" in problems(run(f"{mcp_url}?x=1"))


def test_a_slash_at_the_end_is_as_good_as_none(mcp_url: str) -> None:
    assert (
        problems(
            run(f"{mcp_url}/", login=LoginOptions(username="wesen", password="secret"), profile="vscode")
        )
        == {}
    )


def test_the_command_logs_in_with_the_browser(mcp_url: str, tmp_path: Path) -> None:
    done = doorward(
        *("doctor", mcp_url, "--login", "--json", "--patience", "30"),
        cwd=tmp_path,
        BROWSER=f"{sys.executable} -m tests.doctor.browser %s",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Log in in the browser. If no browser opens, go to" in done.stderr
    report = json.loads(done.stdout)
    assert [check["id"] for check in report["checks"] if "fix" in check] == []
    assert next(check["status"] for check in report["checks"] if check["id"] == "tools") == "ok"


def test_a_login_that_nobody_comes_to_is_given_up(mcp_url: str, tmp_path: Path) -> None:
    done = doorward(
        *("doctor", mcp_url, "--login", "--json", "--patience", "1"), cwd=tmp_path, BROWSER="true %s"
    )
    assert done.returncode == 1
    (problem,) = [check for check in json.loads(done.stdout)["checks"] if "fix" in check]
    assert problem["id"] == "authorize"
    assert "the redirect URI was not called within 1 s" in problem["found"]
